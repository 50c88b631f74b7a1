"""Runs the real exporter through a scenario's world on a simulated clock.

Its points are those that the emulator accepted. A run writes the counts of a location
first, then its streams, then the location's ``last_read``. What could not be read, what
has no streams, and the exporter's own series come last. Cloud Monitoring shows a point
3 to 7 seconds after it was written
(https://cloud.google.com/monitoring/api/v3/latency-n-retention).
"""

import math
import zlib
from contextvars import copy_context
from dataclasses import dataclass
from datetime import timedelta
from io import StringIO
from itertools import pairwise
from operator import attrgetter
from typing import NamedTuple

from exporter.config import Config
from exporter.documents.durations import text_of
from exporter.google.clients import Clients
from exporter.logger import JsonLines, logging_to
from exporter.run.run import run_once
from exporter.run.session import Session
from lab.emulator.emulator import Emulator
from lab.emulator.stored_series import WrittenPoint
from lab.policies.deployment import Deployed
from lab.policies.promql import promql_name
from lab.simulate import log_entries
from lab.simulate.local import LocalClients
from lab.simulate.log_entries import LogEntry
from lab.simulate.scenario import Deployment, Scenario
from lab.simulate.schedule import CompletedRun, ScheduledRun, fraction, scheduled_runs
from lab.simulate.series import (
    Series,
    SeriesSet,
    VisibilityDelay,
    add_checkpoints,
    add_native,
)
from lab.simulate.virtual_sleep import VirtualDeadline

_WAIT_STEP = 10.0
# A gap between two runs is longer than this many intervals
_GAP_INTERVALS = 4
# The fraction of a run after which points are written; those of streams within a part
_WRITTEN = {"exporter": 1.0, "location": 0.2}
_LAST_READ = 0.9
_STREAMS_FROM, _STREAMS_FOR = 0.3, 0.5


# The range of seconds from writing a point until it is visible; each point has its own
USUAL_INGESTION = (3.0, 7.0)


class Recording(NamedTuple):
    """What a scenario produced."""

    start: float  # when it started, unix seconds
    lasts: float  # its length in seconds
    # All series in Cloud Monitoring, by when their points become visible
    series: tuple[Series, ...]
    # The time from the exporter's points' timestamps until they are visible
    delay: VisibilityDelay
    entries: tuple[LogEntry, ...]  # the log entries
    runs: tuple[CompletedRun, ...]  # the exporter's runs
    # The deployment that the policies are about: the first that stays longest
    deployed: Deployed


def simulate(
    scenario: Scenario, start: float, ingestion: tuple[float, float] = USUAL_INGESTION
) -> Recording:
    """Play a scenario that starts at ``start``, unix seconds.

    A point becomes visible some seconds after it was written, in the range
    ``ingestion``.
    """
    clock = Clock(start)
    cloud = Emulator(scenario.world, clock=clock)
    clients = LocalClients(cloud)
    exporters = []
    for config, deployment in zip(scenario.configs, scenario.exporters, strict=True):
        exporters.append(_Exporter(clients, config, deployment, clock))
    entries = log_entries.entries(scenario.world)
    runs: list[CompletedRun] = []
    for due in scheduled_runs(scenario.exporters, scenario.lasts, scenario.name):
        clock.now = start + due.at
        runs.append(exporters[due.deployment].run(due, start))
    series = SeriesSet()
    # The world hides new points from the exporter, so from everybody.
    hidden = scenario.world.visible_after
    ingestion = ingestion[0] + hidden, ingestion[1] + hidden
    # First, as a scenario may give what the exporter wrote before it.
    add_native(series, scenario, start)
    add_checkpoints(series, entries, scenario, start)
    _add_points(series, cloud.points(), runs, scenario, start, ingestion)
    slow = max(each.clock_behind for each in scenario.exporters)
    takes = max(each.takes for each in scenario.exporters)
    # The one that stays longest, the first of several
    staying = max(scenario.exporters, key=attrgetter("ends"))
    config = scenario.configs[scenario.exporters.index(staying)]
    return Recording(
        start,
        scenario.lasts,
        tuple(series.values()),
        VisibilityDelay(sum(ingestion) / 2 + slow, takes + ingestion[1] + slow),
        entries,
        tuple(runs),
        Deployed(
            config.metrics.project, config.run.name, staying.job, staying.location
        ),
    )


@dataclass
class Clock:
    """A clock in unix seconds that only moves when it is set."""

    now: float

    def __call__(self) -> float:
        """Return the time."""
        return self.now


class _Exporter:
    """One deployment, with its config and what it remembers between runs."""

    def __init__(
        self, clients: Clients, config: Config, deployment: Deployment, clock: Clock
    ) -> None:
        self._clients = clients
        every = text_of(timedelta(seconds=deployment.every))
        changed = {"location": deployment.location, "interval": every}
        run = config.run.model_copy(update=changed)
        self._config = config.model_copy(update={"run": run})
        self._deployment = deployment
        self._clock = clock
        self._session: Session | None = None

    def run(self, which: ScheduledRun, start: float) -> CompletedRun:
        """Run once, now."""
        # What the process keeps between its runs; a job's begins anew with each.
        if self._session is None or self._deployment.mode == "job":
            self._session = Session(
                self._config, self._clients, monotonic=self._clock, now=self._own_time
            )
        deadline = VirtualDeadline(self._config.run.deadline.total_seconds())
        with logging_to(StringIO(), JsonLines()):
            # In a context of its own, its virtual sleep begins anew.
            report = copy_context().run(run_once, self._session, deadline)
        # Rounded up, because the time between attempts is random.
        waited = math.ceil(deadline.stop.longest / _WAIT_STEP) * _WAIT_STEP
        ended = self._clock.now - start + waited + self._deployment.takes
        if not report.unread:
            waited = 0.0
        return CompletedRun(which, report.timestamp, ended, waited)

    def _own_time(self) -> float:
        skew = self._deployment.clock_ahead - self._deployment.clock_behind
        return self._clock.now + skew


def _add_points(
    into: SeriesSet,
    points: list[WrittenPoint],
    runs: list[CompletedRun],
    scenario: Scenario,
    start: float,
    ingestion: tuple[float, float],
) -> None:
    """Add the exporter's points at the times when they become visible."""
    by_second = {run.at: run for run in reversed(runs)}
    # The runs that another one follows soon. The points of any other become visible
    # together: they have the same timestamp, so a look-back ends for all at once.
    followed = set()
    for index, exporter in enumerate(scenario.exporters):
        soon = _GAP_INTERVALS * exporter.every
        due = [run.scheduled for run in runs if run.scheduled.deployment == index]
        followed |= {run for run, then in pairwise(due) if then.at - run.at < soon}
    least, most = ingestion
    waited = {run.at for run in runs if run.waited}
    read = set()
    for point in points:
        if point.time in waited and "/stream/" in point.metric_type:
            read.add(_run_and_location(point))
    labels: dict[str, str] | None = None
    for point in points:
        if point.metric_labels is not labels:
            # The points of a series follow each other, and share their labels.
            labels = point.metric_labels
            own = point.resource_labels | labels
            own["monitored_resource"] = point.resource_type
            series = into.series(promql_name(point.metric_type), own)
            drawn_by = zlib.crc32(repr((series.name, series.labels)).encode())
        run = by_second[int(point.time)]
        written = start + run.ended
        if run.waited and _run_and_location(point) in read:
            # It waits for no other location.
            written -= run.waited
        delay = (least + most) / 2
        if run.scheduled in followed:
            drawn = fraction(drawn_by, run.at - round(start))
            kind = point.metric_type.split("/")[-2]
            part = _WRITTEN.get(kind, _STREAMS_FROM + _STREAMS_FOR * drawn)
            if point.metric_type.endswith("/location/last_read"):
                part = _LAST_READ
            takes = scenario.exporters[run.scheduled.deployment].takes
            written -= takes * (1 - part)  # before the run's end
            delay = least + (most - least) * drawn
        shown = written + delay
        # A fast clock's point is in the future, and no query sees it yet.
        series.add(max(shown, point.time), point.time, float(point.value))


def _run_and_location(point: WrittenPoint) -> tuple[float, str, str]:
    labels = point.resource_labels
    return point.time, labels["namespace"], labels["location"]
