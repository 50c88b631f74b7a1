"""The exporter itself, run through a scripted world on a simulated clock.

Its points are what the embedded Cloud Monitoring accepted. Each becomes visible some seconds
after it was written: a run writes the counts of a location first, then its streams, then the
location's ``last_read``, its own series last, and Cloud Monitoring shows a point 3 to 7 seconds
later (https://cloud.google.com/monitoring/api/v3/latency-n-retention).
"""

from __future__ import annotations

import math
import zlib
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from exporter.gcp.clients import DATASTREAM_EMULATOR, MONITORING_EMULATOR, Identity, connect
from exporter.measure import samples
from exporter.measure.samples import ExporterName
from exporter.read.reader import Collect
from exporter.run import Run, Task
from exporter.shard import Shard
from exporter.watch import Discovered
from lab.emulator.emulator import Emulator
from lab.policies.known_metrics import promql_name
from lab.simulate import log_entries, native_series
from lab.simulate.native_series import JobExecution
from lab.simulate.schedule import fraction, scheduled_runs
from lab.simulate.series import SeriesSet
from lab.simulate.virtual_sleep import SimulatedDeadline, VirtualSleep
from lab.simulate.visibility import VisibilityDelay

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exporter.config import Config
    from exporter.gcp.clients import Clients
    from lab.emulator.monitoring_service import WrittenPoint
    from lab.simulate.log_entries import LogEntry
    from lab.simulate.scenario import Deployment, Scenario, ScenarioFile
    from lab.simulate.schedule import ScheduledRun
    from lab.simulate.series import Series


class SimulationError(Exception):
    """The simulated exporter can't reach the emulator; ``str()`` is the sentence to show."""


class IngestionDelay(NamedTuple):
    """Seconds from the writing of a point until it can be read: each point's own, in between."""

    least: float = 3.0
    most: float = 7.0


USUAL_INGESTION = IngestionDelay()


@dataclass(frozen=True, slots=True)
class CompletedRun:
    """A run as it happened; moments in seconds after the scenario's start.

    Attributes:
        scheduled: Which run.
        at: The whole second, by its own clock in unix time, that its points carry.
        ended: When its last point was written.
        complete: Whether all was seen and written.
    """

    scheduled: ScheduledRun
    at: int
    ended: float
    complete: bool


@dataclass(frozen=True, slots=True)
class Recording:
    """What a scenario left behind.

    Attributes:
        name: The scenario's.
        start: When it started, unix seconds.
        lasts: How long it is watched, in seconds.
        series: What can be read in Cloud Monitoring, by the time from which it can.
        late: How late the exporter's points come, by the time that they carry.
        entries: What was logged.
        runs: The exporter's runs.
    """

    name: str
    start: float
    lasts: float
    series: tuple[Series, ...]
    late: VisibilityDelay
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
        environ = {
            DATASTREAM_EMULATOR: cloud.datastream,
            MONITORING_EMULATOR: cloud.monitoring,
        }
        clients, _ = connect(scenario.configs[0].endpoints, environ, Identity())
        running.enter_context(clients)
        exporters = [
            _Exporter(clients, _eased(config, scenario), deployment, clock)
            for config, deployment in zip(scenario.configs, scenario.exporters, strict=True)
        ]
        runs = []
        for each in scheduled_runs(scenario.exporters, scenario.lasts, scenario.name):
            clock.now = start + each.at
            runs.append(exporters[each.deployment].run(each, start))
        points = cloud.points()
        if not all(run.complete for run in runs):
            _check_reached(scenario.name, cloud.calls)
    series = SeriesSet()
    _add_points(series, points, runs, scenario, start, ingestion)
    native_series.add_streams(series, scenario.world, start, scenario.lasts)
    native_series.add_executions(series, _executions(runs, scenario), start)
    entries = log_entries.entries(scenario.world)
    slow = max(each.clock_behind for each in scenario.exporters)
    takes = max(each.takes for each in scenario.exporters)
    late = VisibilityDelay(sum(ingestion) / 2 + slow, takes + ingestion.most + slow)
    return Recording(scenario.name, start, scenario.lasts, series.all(), late, entries, tuple(runs))


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
    """Unix seconds that pass only when told to."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class _Exporter:
    """One deployment: its config, and what it remembers from run to run."""

    def __init__(
        self, clients: Clients, config: Config, deployment: Deployment, clock: _Clock
    ) -> None:
        self._clients = clients
        self._config = config
        self._deployment = deployment
        self._clock = clock
        self._discovered = Discovered(clock)

    def run(self, which: ScheduledRun, start: float) -> CompletedRun:
        """Run once, now."""
        sleep = VirtualSleep()
        deadline = SimulatedDeadline(self._config.run.deadline.total_seconds(), sleep, sleep)
        task = self._task(which)
        run = Run(self._clients, self._config, task, deadline, now=self._own_time)
        if self._deployment.mode == "continuous":
            measurement = run.measure(self._discovered.fresh(), self._discovered.stale())
            self._discovered.learn(measurement.observations)
        else:
            measurement = run.measure()
        report = run.write(measurement)
        # In steps: how long tries are apart is drawn at random.
        waited = math.ceil(sleep.longest / _WAIT_STEP) * _WAIT_STEP
        ended = self._clock.now - start + waited + self._deployment.takes
        return CompletedRun(which, measurement.timestamp, ended, report.complete)

    def _own_time(self) -> float:
        return self._clock.now + self._deployment.skew

    def _task(self, which: ScheduledRun) -> Task:
        config = self._config
        own = ExporterName(self._deployment.location, config.run.name, str(which.task))
        collect = Collect(
            # The process that runs on has another beat for objects.
            config.collect.objects and self._deployment.objects_every is None,
            config.collect.private_connections,
        )
        task = Task(own, Shard(which.task, self._deployment.tasks), collect)
        return task.for_objects() if which.objects else task


_WAIT_STEP = 10.0
_READS = {"ListLocations", "ListStreams", "ListPrivateConnections", "ListStreamObjects"}
_LONG_SECONDS = 240.0

_ORDER = {
    samples.UP.type: 0.2,
    samples.FAILED_STREAMS.type: 0.2,
    samples.UNEXPECTED_STREAMS.type: 0.2,
    samples.LAST_READ.type: 0.9,
    samples.LAST_RUN.type: 1.0,
    samples.STREAMS.type: 1.0,
    samples.RUN_SECONDS.type: 1.0,
    samples.POINTS_LOST.type: 1.0,
}
"""The part of a run after which a point of each metric is written; streams in between."""
_STREAMS_FROM, _STREAMS_FOR = 0.3, 0.5


def _eased(config: Config, scenario: ScenarioFile) -> Config:
    """Return a config with one worker, where nothing can make the others wait: faster here."""
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
    """Add the exporter's points at the time from which they can be read."""
    by_second: dict[int, CompletedRun] = {}
    for run in runs:
        by_second.setdefault(run.at, run)
    lasting = _followed(runs)
    labels: dict[str, str] | None = None
    for point in points:
        if point.metric_labels is not labels:
            # The points of a series follow each other.
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
        shown = written + ingestion.least + (ingestion.most - ingestion.least) * drawn
        # A point of a clock that is fast lies in the future, and no query sees it yet.
        series.add(max(shown, point.time), point.time, float(point.value))


def _followed(runs: list[CompletedRun]) -> set[ScheduledRun]:
    """Return the runs that another one follows soon.

    The points of a run that is the last for long become visible at one time: as all carry the same
    time, a look-back ends for all of them at once.
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


def _executions(runs: list[CompletedRun], scenario: Scenario) -> list[JobExecution]:
    """Return the executions of the scheduled jobs: as good as the worst of their tasks."""
    tasks: dict[tuple[int, int], list[CompletedRun]] = {}
    for run in runs:
        if not run.scheduled.objects:
            tasks.setdefault((run.scheduled.deployment, run.scheduled.tick), []).append(run)
    executions = []
    for (index, _), ran in tasks.items():
        deployment = scenario.exporters[index]
        if deployment.mode == "scheduled":
            whole = len(ran) == deployment.tasks and all(each.complete for each in ran)
            executions.append(
                JobExecution(
                    max(each.ended for each in ran),
                    scenario.configs[index].metrics.project,
                    deployment.location,
                    deployment.job,
                    whole,
                )
            )
    return executions
