"""Runs the real exporter through a scenario's world on a simulated clock.

Its points are those that the emulator accepted. A run writes the counts of a location first, then
its streams, then the location's ``last_read``, and its own series last. Cloud Monitoring shows a
point 3 to 7 seconds after it was written (https://cloud.google.com/monitoring/api/v3/latency-n-retention).
"""

from __future__ import annotations

import math
import zlib
from contextlib import ExitStack
from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING, NamedTuple

from exporter.gcp.clients import Identity, connect
from exporter.log.lines import JsonLines, logging_to
from exporter.log.run_log import RunLog
from exporter.measure import samples
from exporter.measure.samples import ExporterName
from exporter.read.reader import Collect
from exporter.run import PATIENCE_SECONDS
from exporter.shard import Shard
from exporter.task import Task
from exporter.watch import OBJECTS_SECONDS, Runs
from lab.emulator.emulator import Emulator
from lab.policies.known_metrics import promql_name
from lab.simulate import log_entries, native_series
from lab.simulate.native_series import Execution
from lab.simulate.schedule import fraction, scheduled_runs
from lab.simulate.series import SeriesSet
from lab.simulate.virtual_sleep import VirtualDeadline
from lab.simulate.visibility import VisibilityDelay

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exporter.config import Config
    from exporter.gcp.clients import Clients
    from lab.emulator.monitoring import WrittenPoint
    from lab.simulate.log_entries import LogEntry
    from lab.simulate.scenario import Deployment, Scenario, ScenarioFile
    from lab.simulate.schedule import ScheduledRun
    from lab.simulate.series import Series


class SimulationError(Exception):
    """The simulated exporter can't reach the emulator; ``str()`` is the sentence to show."""


class IngestionDelay(NamedTuple):
    """The range of seconds from writing a point until it is visible; each point has its own."""

    least: float = 3.0
    most: float = 7.0


USUAL_INGESTION = IngestionDelay()


@dataclass(frozen=True, slots=True)
class CompletedRun:
    """A run that happened. Times are in seconds after the scenario's start.

    Attributes:
        scheduled: When it was due, and what it was to do.
        at: The timestamp of its points: whole unix seconds of its own clock.
        ended: When its last point was written.
        delayed: Seconds of that for which only locations were waited for that hung. The others'
            points were written before.
        complete: Whether everything was read and written.
    """

    scheduled: ScheduledRun
    at: int
    ended: float
    complete: bool
    delayed: float = 0.0


@dataclass(frozen=True, slots=True)
class Recording:
    """What a scenario produced.

    Attributes:
        name: The scenario's.
        start: When it started, unix seconds.
        lasts: Its length in seconds.
        series: All series in Cloud Monitoring, by when their points become visible.
        delay: The time from the exporter's points' timestamps until they are visible.
        entries: The log entries.
        runs: The exporter's runs.
    """

    name: str
    start: float
    lasts: float
    series: tuple[Series, ...]
    delay: VisibilityDelay
    entries: tuple[LogEntry, ...]
    runs: tuple[CompletedRun, ...]


def simulate(
    scenario: Scenario, start: float, ingestion: IngestionDelay = USUAL_INGESTION
) -> Recording:
    """Play a scenario.

    Args:
        scenario: What to play.
        start: When it starts, unix seconds.
        ingestion: How long points take to become visible.

    Raises:
        SimulationError: The exporter's calls don't reach the emulator.
    """
    clock = _Clock(start)
    with ExitStack() as running:
        cloud = running.enter_context(Emulator(scenario.world, clock=clock))
        clients, _ = connect(scenario.configs[0].endpoints, cloud.environ, Identity())
        running.enter_context(clients)
        exporters = [
            _Exporter(clients, _with_few_workers(config, scenario), deployment, clock)
            for config, deployment in zip(scenario.configs, scenario.exporters, strict=True)
        ]
        entries = log_entries.entries(scenario.world)
        asked = [entry.at for entry in entries if log_entries.asks_for_run(entry)]
        runs = []
        for each in scheduled_runs(scenario.exporters, scenario.lasts, scenario.name, asked):
            clock.now = start + each.at
            runs.append(exporters[each.deployment].run(each, start))
        points = cloud.points()
        if not all(run.complete for run in runs):
            _check_reached(scenario.name, cloud.calls)
    series = SeriesSet()
    _add_points(series, points, runs, scenario, start, ingestion)
    native_series.add_streams(series, scenario, start)
    native_series.add_executions(series, _executions(runs, scenario), start)
    logged = (entry for exporter in exporters for entry in exporter.logged)
    entries = tuple(sorted((*entries, *logged), key=lambda entry: entry.at))
    slow = max(each.clock_behind for each in scenario.exporters)
    takes = max(each.takes for each in scenario.exporters)
    delay = VisibilityDelay(sum(ingestion) / 2 + slow, takes + ingestion.most + slow)
    return Recording(
        scenario.name, start, scenario.lasts, series.all(), delay, entries, tuple(runs)
    )


def _check_reached(name: str, calls: Mapping[str, int]) -> None:
    """Tell a fault that the scenario scripts, which the emulator answers, from a broken channel."""
    unreached = [
        api
        for api, methods in (
            ("Datastream", _READS),
            ("Cloud Monitoring", {"CreateTimeSeries"}),
        )
        if not methods & calls.keys()
    ]
    if unreached:
        raise SimulationError(
            f"{name}: no call of the simulated exporter reached the emulated "
            f"{' and '.join(unreached)} API, so nothing was evaluated; check that programs can "
            "connect to 127.0.0.1 on this machine (firewall, sandbox, proxy settings)"
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
        self._config = config
        self._deployment = deployment
        self._clock = clock
        self._remembered: dict[Task, Runs] = {}
        self.logged: list[LogEntry] = []
        """The entries that the exporter has written, in Cloud Logging's form."""

    def run(self, which: ScheduledRun, start: float) -> CompletedRun:
        """Run once, now."""
        deadline = VirtualDeadline(self._config.run.deadline.total_seconds())
        written = StringIO()
        with logging_to(written, JsonLines({})):
            report = self._runs(which).once(deadline)
        # Rounded up, because the time between attempts is random.
        waited = _round_up(deadline.stop.longest)
        ended = self._clock.now - start + waited + self._deployment.takes
        seen = report.measurement.observations
        hung = seen.unread or seen.failed_discoveries
        delayed = max(0.0, waited - PATIENCE_SECONDS) if hung else 0.0
        self.logged += log_entries.of_exporter(
            ended, written.getvalue(), self._deployment, self._config.metrics.project
        )
        return CompletedRun(which, report.measurement.timestamp, ended, report.complete, delayed)

    def _runs(self, which: ScheduledRun) -> Runs:
        """Return the runs of a process: a new one for each run of a job."""
        task = self._task(which)
        remembers = self._deployment.mode != "job"
        if remembers and task in self._remembered:
            return self._remembered[task]
        runs = Runs(
            self._clients,
            self._config,
            task,
            RunLog(self._clock).log,
            interval=self._deployment.seconds if self._deployment.mode == "worker_pool" else None,
            objects_every=OBJECTS_SECONDS if self._deployment.mode == "function" else None,
            monotonic=self._clock,
            now=self._own_time,
        )
        if remembers:
            self._remembered[task] = runs
        return runs

    def _own_time(self) -> float:
        return self._clock.now + self._deployment.skew

    def _task(self, which: ScheduledRun) -> Task:
        config = self._config
        own = ExporterName(self._deployment.location, config.run.name, str(which.task))
        collect = Collect(
            # Objects are then collected on a schedule of their own.
            config.collect.objects and self._deployment.objects_every is None,
            config.collect.private_connections,
        )
        task = Task(own, Shard(which.task, self._deployment.tasks), collect)
        return task.for_objects() if which.objects else task


def _round_up(waited: float) -> float:
    return math.ceil(waited / _WAIT_STEP) * _WAIT_STEP


_WAIT_STEP = 10.0
_READS = {"ListLocations", "ListStreams", "ListPrivateConnections", "ListStreamObjects"}
_LONG_SECONDS = 240.0

_OWN = {
    metric.type
    for metric in (samples.LAST_RUN, samples.STREAMS, samples.RUN_SECONDS, samples.POINTS_LOST)
}
_ORDER = {
    samples.UP.type: 0.2,
    samples.FAILED_STREAMS.type: 0.2,
    samples.UNEXPECTED_STREAMS.type: 0.2,
    samples.LAST_READ.type: 0.9,
    **dict.fromkeys(_OWN, 1.0),
}
"""The fraction of a run after which the points of a metric are written; streams in between."""
_STREAMS_FROM, _STREAMS_FOR = 0.3, 0.5


def _with_few_workers(config: Config, scenario: ScenarioFile) -> Config:
    """Return a config with one worker, which is faster, unless calls can wait for each other."""
    world = scenario.world
    refusing = world.faults or any(
        each.do in {"unreachable", "disable_api", "revoke"} for each in world.events
    )
    troubled = any(
        project.api == "disabled"
        or project.denied
        or any(location.outage for location in project.locations)
        for project in world.projects
    )
    if refusing or troubled:
        return config
    return config.model_copy(update={"run": config.run.model_copy(update={"concurrency": 1})})


def _add_points(
    into: SeriesSet,
    points: list[WrittenPoint],
    runs: list[CompletedRun],
    scenario: ScenarioFile,
    start: float,
    ingestion: IngestionDelay,
) -> None:
    """Add the exporter's points at the times when they become visible."""
    by_second: dict[int, CompletedRun] = {}
    for run in runs:
        by_second.setdefault(run.at, run)
    lasting = _followed(runs)
    labels: dict[str, str] | None = None
    for point in points:
        if point.metric_labels is not labels:
            # The points of a series are consecutive.
            labels = point.metric_labels
            series = into.series(promql_name(point.metric_type), _labels(point))
            drawn_by = zlib.crc32(repr((series.name, series.labels)).encode())
        run = by_second[int(point.time)]
        drawn, part = 0.5, 1.0
        if run.scheduled in lasting:
            drawn = fraction(drawn_by, run.at - round(start))
            part = _ORDER.get(point.metric_type, _STREAMS_FROM + _STREAMS_FOR * drawn)
        takes = scenario.exporters[run.scheduled.deployment].takes
        written = start + run.ended - takes * (1 - part)
        unread = point.metric_type == samples.UP.type and not point.value
        if not unread and point.metric_type not in _OWN:
            written -= run.delayed
        shown = written + ingestion.least + (ingestion.most - ingestion.least) * drawn
        # A fast clock's point is in the future, and no query sees it yet.
        series.add(max(shown, point.time), point.time, float(point.value))


def _followed(runs: list[CompletedRun]) -> set[ScheduledRun]:
    """Return the runs that another one follows soon.

    The points of another run, the last one for a while, become visible together: they have the
    same timestamp, so a look-back ends for all of them at once.
    """
    followed = set()
    latest: dict[tuple[int, int, bool], ScheduledRun] = {}
    for run in runs:
        scheduled = run.scheduled
        before = latest.get((scheduled.deployment, scheduled.task, scheduled.objects))
        if before is not None and scheduled.at - before.at < _LONG_SECONDS:
            followed.add(before)
        latest[scheduled.deployment, scheduled.task, scheduled.objects] = scheduled
    return followed


def _labels(point: WrittenPoint) -> dict[str, str]:
    return {
        **point.resource_labels,
        **point.metric_labels,
        "monitored_resource": point.resource_type,
    }


def _executions(runs: list[CompletedRun], scenario: Scenario) -> list[Execution]:
    """Return the executions of the jobs; one succeeds if all of its tasks do. And the requests."""
    tasks: dict[tuple[int, float], list[CompletedRun]] = {}
    for run in runs:
        if not run.scheduled.objects:
            which = run.scheduled
            # A request that a log caused has no tick.
            tick = which.at if which.tick < 0 else which.tick
            tasks.setdefault((which.deployment, tick), []).append(run)
    executions = []
    for (index, _), ran in tasks.items():
        deployment = scenario.exporters[index]
        if deployment.mode != "worker_pool":
            whole = len(ran) == deployment.tasks and all(each.complete for each in ran)
            executions.append(
                Execution(
                    max(each.ended for each in ran),
                    scenario.configs[index].metrics.project,
                    deployment.location,
                    deployment.job,
                    deployment.mode == "job",
                    whole,
                )
            )
    return executions
