"""Mode `worker_pool`: runs in one process, at a steady interval."""

from __future__ import annotations

import logging
import math
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from exporter.gcp.deadline import Deadline
from exporter.gcp.errors import Failure
from exporter.run import Run

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from threading import Event

    from exporter.config import Config
    from exporter.gcp.clients import Clients
    from exporter.read.observations import Observations
    from exporter.run import Report, Task

LOGGER = logging.getLogger("exporter")

REMEMBERED_SECONDS = 600.0
"""How long discovered locations are used before they are discovered again."""


@dataclass(slots=True)
class Discovered:
    """The locations found by earlier discoveries.

    Attributes:
        monotonic: Returns seconds of a clock that never goes back.
    """

    monotonic: Callable[[], float] = time.monotonic
    _locations: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _when: dict[str, float] = field(default_factory=dict)

    def fresh(self) -> dict[str, tuple[str, ...]]:
        """Return the locations of projects that need no new discovery yet."""
        now = self.monotonic()
        return {
            project: locations
            for project, locations in self._locations.items()
            if now - self._when[project] < REMEMBERED_SECONDS
        }

    def stale(self) -> Mapping[str, tuple[str, ...]]:
        """Return the last known locations of every project, in case a new discovery fails."""
        return dict(self._locations)

    def learn(self, observations: Observations) -> None:
        """Remember what a run discovered."""
        fresh = self.fresh()
        for project, locations in observations.discoveries.items():
            if not isinstance(locations, Failure) and project not in fresh:
                self._locations[project] = locations
                self._when[project] = self.monotonic()


class Runs:
    """The runs of one task, one after the other, and what they remember."""

    def __init__(
        self,
        clients: Clients,
        config: Config,
        task: Task,
        log: Callable[[Report], None],
        *,
        seconds: float,
        stop: Event,
        monotonic: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Start without memory.

        Args:
            clients: Google's clients.
            config: What to watch.
            task: What each run does.
            log: Receives the report of each run.
            seconds: How long a run may take.
            stop: Ends a run early.
            monotonic: Returns seconds of a clock that never goes back.
            now: Returns the unix time in seconds.
        """
        self._clients = clients
        self._config = config
        self._task = task
        self._log = log
        self._seconds = seconds
        self._stop = stop
        self._now = now
        self._discovered = Discovered(monotonic)

    def once(self, deadline: Deadline | None = None) -> Report:
        """Run, log how it went, and return it.

        Args:
            deadline: Bounds this run, in place of the usual seconds from now.
        """
        deadline = deadline or Deadline.after(self._seconds, self._stop)
        run = Run(self._clients, self._config, self._task, deadline, now=self._now)
        measurement = run.measure(self._discovered.fresh(), self._discovered.stale())
        self._discovered.learn(measurement.observations)
        report = run.write(measurement)
        self._log(report)
        return report


def run_every(
    work: Callable[[], object],
    seconds: float,
    stop: Event,
    *,
    monotonic: Callable[[], float] = time.monotonic,
) -> None:
    """Call ``work`` at every multiple of ``seconds`` from now, until ``stop`` is set.

    The schedule neither drifts nor overlaps: work that takes longer than the interval skips the
    starts that fall into it, and the log says so.

    Args:
        work: What to call.
        seconds: From one start to the next.
        stop: Ends it, after the call under way.
        monotonic: Returns seconds of a clock that never goes back.
    """
    start = monotonic()
    due = 0
    while not stop.is_set():
        work()
        took = monotonic() - start - due * seconds
        passed = math.floor(took / seconds)
        if passed:
            LOGGER.warning(
                "A run took %.1f s, longer than the %g s between runs: %s left out. Raise the "
                "interval, or split the work.",
                took,
                seconds,
                "1 run is" if passed == 1 else f"{passed} runs are",
            )
        due += passed + 1
        stop.wait(start + due * seconds - monotonic())
