"""Mode `worker_pool`: runs in one process, at a steady interval."""

from __future__ import annotations

import logging
import math
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from exporter.due_locations import DueLocations
from exporter.gcp.errors import Failure
from exporter.run import Run

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from threading import Event

    from exporter.config import Config
    from exporter.gcp.clients import Clients
    from exporter.gcp.deadline import Deadline
    from exporter.measure.samples import Measurement
    from exporter.read.observations import Observations
    from exporter.run import Report
    from exporter.task import Task

LOGGER = logging.getLogger("exporter")

REMEMBERED_SECONDS = 600.0
"""How long discovered locations are used before they are discovered again."""

OBJECTS_SECONDS = 900.0
"""Seconds from one collection of objects to the next, where a process makes many runs."""

STEP_SECONDS = 2.0
"""A clock that NTP keeps right moves by far less between two runs."""

LEAST_SECONDS = 5.0
"""Seconds between two starts: Cloud Monitoring refuses points of a series that are closer."""


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
        interval: float | None = None,
        objects_every: float | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Start without memory.

        Args:
            clients: Google's clients.
            config: What to watch.
            task: What each run does.
            log: Receives the report of each run.
            interval: Seconds from one run to the next, where a location that doesn't change is
                written once a minute. None if each run writes every location.
            objects_every: Seconds from one run that collects objects to the next, if the task
                collects any. None if each run does. A run that is not complete doesn't count.
            monotonic: Returns seconds of a clock that never goes back.
            now: Returns the unix time in seconds.
        """
        self._clients = clients
        self._config = config
        self._task = task
        self._log = log
        self._monotonic = monotonic
        self._now = now
        self._discovered = Discovered(monotonic)
        self._due = DueLocations(interval) if interval else None
        self._objects_every = objects_every or 0.0
        self._objects_collected = -math.inf
        self._offset: float | None = None

    def once(self, deadline: Deadline) -> Report:
        """Run within a deadline, log how it went, and return it."""
        started, now = self._monotonic(), self._now()
        self._notice_clock_step(now - started)
        task = self._task
        if started - self._objects_collected < self._objects_every:
            task = replace(task, collect=replace(task.collect, objects=False))
        run = Run(self._clients, self._config, task, deadline, now=lambda: now)
        choose = self._due.choose if self._due else None

        def due(measurement: Measurement) -> Measurement:
            return replace(measurement, due=choose(measurement, started)) if choose else measurement

        read = run.measurements(self._discovered.fresh(), self._discovered.stale())
        report = run.write(read, due)
        self._discovered.learn(report.measurement.observations)
        if self._due:
            written = report.written
            self._due.not_written(written.withheld_locations | written.incomplete_locations)
        if task.collect.objects and report.complete:
            self._objects_collected = started
        self._log(report)
        if report.reached_nobody and not report.stopped:
            self._clients.renew()
        return report

    def _notice_clock_step(self, offset: float) -> None:
        """Log it if the unix time moved by another time than has passed since the last run."""
        step = offset - self._offset if self._offset is not None else 0.0
        self._offset = offset
        if abs(step) < STEP_SECONDS:
            return
        if step < 0:
            what = "back: Cloud Monitoring rejects points until it has caught up"
        else:
            what = "forward, or the machine was suspended"
        LOGGER.warning("The clock of this machine was set %.0f s %s.", abs(step), what)


def run_every(
    work: Callable[[], object],
    seconds: float,
    stop: Event,
    *,
    monotonic: Callable[[], float] = time.monotonic,
) -> None:
    """Call ``work`` at every multiple of ``seconds`` from now, until ``stop`` is set.

    The schedule neither drifts nor overlaps: a start that comes while the work before it is under
    way, or too soon after a late start, is left out, and the log says so.

    Args:
        work: What to call.
        seconds: From one start to the next.
        stop: Ends it, after the call under way.
        monotonic: Returns seconds of a clock that never goes back.
    """
    start = monotonic()
    due = 0
    while not stop.is_set():
        began = monotonic()
        work()
        ended = monotonic()
        earliest = max(ended, began + LEAST_SECONDS)
        following = math.ceil((earliest - start) / seconds)
        if left_out := following - due - 1:
            _log_left_out(left_out, seconds, late=began - start - due * seconds, took=ended - began)
        due = following
        stop.wait(start + due * seconds - monotonic())


def _log_left_out(count: int, seconds: float, *, late: float, took: float) -> None:
    runs = "1 run is" if count == 1 else f"{count} runs are"
    if late > took:
        LOGGER.warning(
            "A run began %.1f s late, as this process or its machine stood still: %s left out.",
            late,
            runs,
        )
        return
    LOGGER.warning(
        "A run took %.1f s, longer than the %g s between runs: %s left out. Raise the interval, or "
        "split the work.",
        took,
        seconds,
        runs,
    )
