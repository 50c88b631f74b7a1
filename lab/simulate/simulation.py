"""Runs the real exporter through a scenario's world on a simulated clock.

Its points are those that the emulator accepted. A run writes the counts of a location
first, then its streams, then the location's ``last_read``. What could not be read, what
has no streams, and the exporter's own series come last. Cloud Monitoring shows a point
3 to 7 seconds after it was written
(https://cloud.google.com/monitoring/api/v3/latency-n-retention).
"""

import math
import zlib
from contextlib import ExitStack
from dataclasses import dataclass
from io import StringIO

from exporter import measure
from exporter.config import Config
from exporter.google.clients import Clients
from exporter.logs import JsonLines, logging_to
from exporter.names import Task
from exporter.report import Session
from exporter.run_log import RunLog
from exporter.runs import Runs
from lab.emulator.emulator import Emulator
from lab.emulator.monitoring import WrittenPoint
from lab.policies.deployment import Deployed
from lab.policies.promql import promql_name
from lab.simulate import log_entries
from lab.simulate.log_entries import LogEntry
from lab.simulate.scenario import Deployment, Scenario
from lab.simulate.schedule import CompletedRun, ScheduledRun, fraction, scheduled_runs
from lab.simulate.series import (
    Series,
    SeriesSet,
    VisibilityDelay,
    add_executions,
    add_streams,
)
from lab.simulate.virtual_sleep import VirtualDeadline

_WAIT_STEP = 10.0
_LONG_SECONDS = 240.0
# The fraction of a run after which points are written
_COUNTS, _STREAMS_FROM, _STREAMS_FOR, _LAST_READ, _OWN = 0.2, 0.3, 0.5, 0.9, 1.0


class SimulationError(Exception):
    """The simulated exporter can't reach the emulator; ``str()`` is the sentence to show."""


# The range of seconds from writing a point until it is visible; each point has its own
USUAL_INGESTION = (3.0, 7.0)


@dataclass(frozen=True, slots=True)
class Recording:
    """What a scenario produced."""

    name: str  # the scenario's
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
    ``ingestion``. Raise SimulationError where the exporter's calls don't reach the
    emulator.
    """
    clock = _Clock(start)
    entries = list(log_entries.entries(scenario.world))
    asked = [entry.at for entry in entries if log_entries.asks_for_run(entry)]
    runs: list[CompletedRun] = []
    quiet: list[tuple[int, float]] = []
    with ExitStack() as running:
        cloud = running.enter_context(Emulator(scenario.world, clock=clock))
        clients = running.enter_context(
            Clients(scenario.configs[0].endpoints, cloud.environ)
        )
        exporters = [
            _Exporter(clients, config, deployment, clock)
            for config, deployment in zip(
                scenario.configs, scenario.exporters, strict=True
            )
        ]
        for each in scheduled_runs(
            scenario.exporters, scenario.lasts, scenario.name, asked, runs, quiet
        ):
            clock.now = start + each.at
            runs.append(exporters[each.deployment].run(each, start))
        points = cloud.points()
        if runs and not cloud.calls:
            raise SimulationError(
                f"{scenario.name}: no call of the simulated exporter reached the"
                " emulator, so nothing was evaluated; check that programs can connect"
                " to 127.0.0.1 on this machine (firewall, sandbox, proxy settings)"
            )
    series = SeriesSet()
    _add_points(series, points, runs, scenario, start, ingestion)
    add_streams(series, scenario, start)
    add_executions(series, scenario, runs, quiet, start)
    entries += (entry for exporter in exporters for entry in exporter.logged)
    slow = max(each.clock_behind for each in scenario.exporters)
    takes = max(each.takes for each in scenario.exporters)
    delay = VisibilityDelay(sum(ingestion) / 2 + slow, takes + ingestion[1] + slow)
    in_order = tuple(sorted(entries, key=lambda entry: entry.at))
    config, staying = max(
        zip(scenario.configs, scenario.exporters, strict=True),
        key=lambda each: math.inf if each[1].ends is None else each[1].ends,
    )
    return Recording(
        scenario.name,
        start,
        scenario.lasts,
        series.all(),
        delay,
        in_order,
        tuple(runs),
        Deployed(
            config.metrics.project, config.run.name, staying.job, staying.location
        ),
    )


class _Clock:
    """A clock in unix seconds that only moves when it is set."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class _Exporter:
    """One deployment, with its config and what it remembers between runs."""

    def __init__(
        self, clients: Clients, config: Config, deployment: Deployment, clock: _Clock
    ) -> None:
        self._clients = clients
        run = config.run.model_copy(update={"location": deployment.location})
        self._config = config.model_copy(update={"run": run})
        self._deployment = deployment
        self._clock = clock
        self._processes: dict[int, tuple[Runs, RunLog]] = {}
        self.logged: list[LogEntry] = []  # what it has written, in Cloud Logging's form

    def run(self, which: ScheduledRun, start: float) -> CompletedRun:
        """Run once, now."""
        runs, log = self._process(which.task)
        deadline = VirtualDeadline(self._config.run.deadline.total_seconds())
        written = StringIO()
        with logging_to(written, JsonLines({})):
            report = runs.once(deadline)
            log.log(report)
        # Rounded up, because the time between attempts is random.
        waited = math.ceil(deadline.stop.longest / _WAIT_STEP) * _WAIT_STEP
        ended = self._clock.now - start + waited + self._deployment.takes
        self.logged += log_entries.of_exporter(
            ended, written.getvalue(), self._deployment, self._config.metrics.project
        )
        return CompletedRun(
            which,
            report.timestamp,
            ended,
            waited if report.unread or report.failed_discoveries else 0.0,
            report.complete,
            report.changed,
        )

    def _process(self, task: int) -> tuple[Runs, RunLog]:
        """Return a task's process: a new one for each run of a job."""
        deployment = self._deployment
        if task not in self._processes or deployment.mode == "job":
            session = Session(self._config, self._clients, Task(task, deployment.tasks))
            interval = None if deployment.mode == "job" else deployment.seconds
            self._processes[task] = (
                Runs(session, interval, monotonic=self._clock, now=self._own_time),
                RunLog(self._config, self._clock),
            )
        return self._processes[task]

    def _own_time(self) -> float:
        return self._clock.now + self._deployment.skew


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
    followed = _followed(runs)
    least, most = ingestion
    read = {_location(point) for point in points if "/stream/" in point.metric_type}
    labels: dict[str, str] | None = None
    for point in points:
        if point.metric_labels is not labels:
            # The points of a series are consecutive.
            labels = point.metric_labels
            series = into.series(promql_name(point.metric_type), _labels(point))
            drawn_by = zlib.crc32(repr((series.name, series.labels)).encode())
        run = by_second[int(point.time)]
        drawn, part = 0.5, 1.0
        if run.scheduled in followed:
            drawn = fraction(drawn_by, run.at - round(start))
            part = _written_after(point.metric_type, drawn)
        takes = scenario.exporters[run.scheduled.deployment].takes
        written = start + run.ended - takes * (1 - part)
        if run.waited and _location(point) in read:
            # It waits for no other location.
            written -= run.waited
        shown = written + least + (most - least) * drawn
        # A fast clock's point is in the future, and no query sees it yet.
        series.add(max(shown, point.time), point.time, float(point.value))


def _written_after(metric_type: str, drawn: float) -> float:
    """Return the fraction of a run after which a point is written."""
    if metric_type == measure.LAST_READ.type:
        return _LAST_READ
    of_stream = _STREAMS_FROM + _STREAMS_FOR * drawn
    return {"exporter": _OWN, "location": _COUNTS}.get(
        metric_type.split("/")[-2], of_stream
    )


def _followed(runs: list[CompletedRun]) -> set[ScheduledRun]:
    """Return the runs that another one follows soon.

    The points of another run, the last one for a while, become visible together: they
    have the same timestamp, so a look-back ends for all of them at once.
    """
    followed = set()
    latest: dict[tuple[int, int], ScheduledRun] = {}
    for run in runs:
        scheduled = run.scheduled
        before = latest.get((scheduled.deployment, scheduled.task))
        if before is not None and scheduled.at - before.at < _LONG_SECONDS:
            followed.add(before)
        latest[scheduled.deployment, scheduled.task] = scheduled
    return followed


def _location(point: WrittenPoint) -> tuple[float, str, str]:
    """Return a point's run and location."""
    return (
        point.time,
        point.resource_labels["namespace"],
        point.resource_labels["location"],
    )


def _labels(point: WrittenPoint) -> dict[str, str]:
    return {
        **point.resource_labels,
        **point.metric_labels,
        "monitored_resource": point.resource_type,
    }
