"""Continuous mode: runs in one process, on a steady beat."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from exporter.logs import LOGGER
from exporter.run import Run
from exporter.telling import tell, tell_labels, tell_readings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from threading import Event

    from exporter.observations import Observations
    from exporter.run import Task
    from exporter.session import Session

REMEMBERED_SECONDS = 600.0
"""How long the locations that a discovery found are taken for known."""


@dataclass(slots=True)
class Discovered:
    """The locations that earlier discoveries found.

    Attributes:
        monotonic: Gives seconds; never goes back.
    """

    monotonic: Callable[[], float] = time.monotonic
    _locations: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _when: dict[str, float] = field(default_factory=dict)

    def fresh(self) -> dict[str, tuple[str, ...]]:
        """Return the locations of the projects that need not be discovered again yet."""
        now = self.monotonic()
        return {
            project: locations
            for project, locations in self._locations.items()
            if now - self._when[project] < REMEMBERED_SECONDS
        }

    def stale(self) -> Mapping[str, tuple[str, ...]]:
        """Return all that was ever found, for when a new discovery fails."""
        return dict(self._locations)

    def learn(self, observations: Observations) -> None:
        """Take over what a run discovered."""
        fresh = self.fresh()
        for project, locations in observations.found.items():
            if project not in fresh:
                self._locations[project] = locations
                self._when[project] = self.monotonic()


class Runs:
    """The runs of one task, one after the other, and what they remember of each other."""

    def __init__(
        self,
        session: Session,
        task: Task,
        *,
        seconds: float,
        stop: Event,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Remember nothing yet.

        Args:
            session: Config and clients.
            task: What each run has to do.
            seconds: How long a run may take.
            stop: Ends a run early.
            monotonic: Gives seconds; never goes back.
        """
        self._session = session
        self._task = task
        self._seconds = seconds
        self._stop = stop
        self._discovered = Discovered(monotonic)
        self._told: set[str] = set()

    def once(self) -> None:
        """Run, and tell of it."""
        session = self._session
        run = Run(
            session.clients, session.config, self._task, seconds=self._seconds, stop=self._stop
        )
        look = run.look(self._discovered.fresh(), self._discovered.stale())
        self._discovered.learn(look.observations)
        tell_labels(look, self._told)
        tell_readings(look.observations)
        tell(run.write(look))


def beat(
    work: Callable[[], None],
    seconds: float,
    stop: Event,
    *,
    monotonic: Callable[[], float] = time.monotonic,
) -> None:
    """Call ``work`` at every multiple of ``seconds`` from now, until ``stop`` is set.

    Beats neither drift nor overlap: work that outlasts its beat makes the beats pass that fall
    into it, and the log says so.

    Args:
        work: What to do.
        seconds: From one beat to the next.
        stop: Ends it, after the work under way.
        monotonic: Gives seconds; never goes back.
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
