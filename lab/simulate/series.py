"""Holds the series of Cloud Monitoring by when their points become visible, for the engine.

A point is visible seconds after it was written, one of Google's own metrics minutes
after. The engine has each point at the moment when it becomes visible, but Cloud
Monitoring's look-back counts from the point's timestamp. A range that is shorter by the
delay sees the same points: with a delay of four minutes, ``[7m]`` becomes ``[3m]``. A
query with an ``offset`` longer than the delay sees all points by their timestamps; for
it, the engine holds each series a second time.
"""

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from operator import attrgetter, itemgetter
from typing import NamedTuple, TextIO

from exporter.states import StreamState
from lab.emulator.snapshots import ProjectSnapshot, Snapshot, Snapshots, StreamSnapshot
from lab.emulator.world import DropEvents, matches
from lab.policies.model import MINUTE
from lab.policies.promql import promql_name
from lab.promql_durations import parse
from lab.simulate.scenario import Scenario, ScenarioFile
from lab.simulate.schedule import CompletedRun

FRESHNESS = promql_name("datastream.googleapis.com/stream/freshness")
UNSUPPORTED = promql_name("datastream.googleapis.com/stream/unsupported_event_count")
EXECUTIONS = promql_name("run.googleapis.com/job/completed_execution_count")
REQUESTS = promql_name("run.googleapis.com/request_count")
# Seconds until a sample of a native metric becomes visible, by prefix of the metric's
# name. No more than four minutes:
# https://cloud.google.com/monitoring/api/v3/latency-n-retention
_DELAY_SECONDS = {"datastream_": 240.0, "run_": 180.0}
_STREAM = "datastream.googleapis.com/Stream"
_OURS = "custom_googleapis_com:"
# The suffix of the name under which the engine also holds a series by its points'
# timestamps
_OWN_TIME = "_own_time"

# A selector of a Cloud Monitoring metric (its name contains a colon) with its range and
# offset.
_SELECTOR = re.compile(
    r"""(?P<selector>(?P<name>[a-zA-Z_]\w*:\w+)
        (?P<matchers>\s*\{(?:"(?:[^"\\]|\\.)*"|[^"{}])*\})?)
        (?:\s*\[\s*(?P<length>[0-9a-z]+)\s*\])?
        (?:\s*\boffset\s+(?P<offset>[0-9a-z]+))?""",
    re.VERBOSE,
)


class VisiblePoint(NamedTuple):
    """A point of a series; times in unix seconds, to the millisecond."""

    visible_at: float  # when it becomes readable
    time: float  # the timestamp that it carries
    value: float  # its value


@dataclass(slots=True)
class Series:
    """One series."""

    name: str  # the metric's name in PromQL
    labels: tuple[tuple[str, str], ...]  # its labels, sorted by key
    # Its points, oldest first
    samples: list[VisiblePoint] = field(default_factory=list)

    def add(self, visible_at: float, time: float, value: float) -> None:
        """Add a point. One that would be visible before the last one is visible just after it."""
        visible_at = round(visible_at, 3)
        if self.samples and visible_at <= self.samples[-1].visible_at:
            visible_at = round(self.samples[-1].visible_at + 0.001, 3)
        self.samples.append(VisiblePoint(visible_at, round(time, 3), value))


class SeriesSet:
    """Series by name and labels."""

    def __init__(self) -> None:
        self._series: dict[tuple[str, tuple[tuple[str, str], ...]], Series] = {}

    def series(self, name: str, labels: dict[str, str]) -> Series:
        """Return the series of a name and labels; a new one where there is none."""
        key = name, tuple(sorted(labels.items()))
        return self._series.setdefault(key, Series(*key))

    def all(self) -> tuple[Series, ...]:
        """Return every series."""
        return tuple(self._series.values())


def write_openmetrics(series: Iterable[Series], out: TextIO) -> None:
    """Write series as OpenMetrics text, each twice: by when points become visible, and by time.

    The format: https://prometheus.io/docs/specs/om/open_metrics_spec/
    """
    for each in series:
        labels = ",".join(f'{key}="{_escaped(value)}"' for key, value in each.labels)
        visible, own = f"{each.name}{{{labels}}}", f"{each.name}{_OWN_TIME}{{{labels}}}"
        out.writelines(
            f"{visible} {one.value:.17g} {one.visible_at:.3f}\n" for one in each.samples
        )
        out.writelines(
            f"{own} {one.value:.17g} {one.time:.3f}\n" for one in each.samples
        )
    out.write("# EOF\n")


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


class VisibilityDelay(NamedTuple):
    """Seconds from the timestamp of the exporter's points until they are visible."""

    usual: float  # for most points, approximately
    most: float  # the maximum


def delay_seconds(name: str) -> float:
    """Return after how many seconds a sample of a native metric is visible, by its PromQL name."""
    return next(
        (
            seconds
            for prefix, seconds in _DELAY_SECONDS.items()
            if name.startswith(prefix)
        ),
        max(_DELAY_SECONDS.values()),
    )


def adjust_for_delay(query: str, delay: VisibilityDelay) -> str:
    """Return a query with which the engine sees what Cloud Monitoring would.

    ``delay`` is that of the exporter's own points.
    """

    def adjusted(found: re.Match[str]) -> str:
        name, offset, length = found["name"], found["offset"], found["length"]
        usual, longest = delay
        if not name.startswith(_OURS):
            usual = longest = delay_seconds(name)
        if offset and _seconds(offset) >= longest:
            return f"{name}{_OWN_TIME}{found[0].removeprefix(name)}"
        if not length:
            return found["selector"]
        left = round((_seconds(length) - usual) * 1000)
        # If the range is too short for any point, select before all of them.
        return f"{found['selector']}{f'[{left}ms]' if left > 0 else '[1ms] @ 0'}"

    return _SELECTOR.sub(adjusted, query)


def _seconds(length: str) -> float:
    """Return the seconds of a PromQL duration; a number without a unit is in seconds."""
    return parse(f"{length}s" if length.isdecimal() else length).total_seconds()


def add_streams(into: SeriesSet, scenario: ScenarioFile, start: float) -> None:
    """Add Datastream's own metrics of a scenario that starts at ``start``, unix seconds.

    They are sampled once a minute.
    """
    world, with_project = scenario.world, scenario.native_project_id
    snapshots = Snapshots(world)
    for at in range(0, math.ceil(scenario.lasts) + 1, MINUTE):
        for project, location, stream in _streams(snapshots.at(at)):
            if stream.state == StreamState.RUNNING and stream.freshness is not None:
                since = at if stream.growing_since is None else stream.growing_since
                labels = _labels(
                    project, location, stream.id, with_project=with_project
                )
                own = start + at
                into.series(FRESHNESS, labels).add(
                    own + delay_seconds(FRESHNESS), own, stream.freshness + at - since
                )
    dropped = [event for event in world.events if isinstance(event, DropEvents)]
    for event in sorted(dropped, key=attrgetter("at")):
        counted = {
            "read_method": "cdc",
            "object_name": event.object,
            "error_code": "UNSUPPORTED_DATA_TYPE",
        }
        for project, location, stream in _streams(snapshots.at(event.at)):
            name = f"projects/{project.id}/locations/{location}/streams/{stream.id}"
            if matches(event.stream, name):
                labels = _labels(
                    project, location, stream.id, with_project=with_project
                )
                series = into.series(UNSUPPORTED, labels | counted)
                _count(series, start, event.at, event.events)


def add_executions(
    into: SeriesSet,
    scenario: Scenario,
    runs: Iterable[CompletedRun],
    quiet: Iterable[tuple[int, float]],
    start: float,
) -> None:
    """Add Cloud Run's counts of the jobs' executions and of the requests to the functions.

    ``runs`` are those of a scenario that starts at ``start``, unix seconds. ``quiet``
    are the requests that started none: the exporter, and when.
    """
    tasks: dict[tuple[int, float], list[CompletedRun]] = {}
    for run in runs:
        which = run.scheduled
        # A request that a log caused has no tick.
        tick = which.at if which.tick < 0 else which.tick
        tasks.setdefault((which.deployment, tick), []).append(run)
    ended = [(index, at, 204) for index, at in quiet]
    for (index, _), ran in tasks.items():
        # An execution succeeds if all of its tasks do.
        whole = len(ran) == scenario.exporters[index].tasks
        succeeded = whole and all(each.complete for each in ran)
        ended.append(
            (index, max(each.ended for each in ran), 200 if succeeded else 500)
        )
    for index, at, status in sorted(ended, key=itemgetter(1)):
        deployment = scenario.exporters[index]
        labels = {
            "project_id": scenario.configs[index].metrics.project,
            "location": deployment.location,
        }
        if deployment.mode == "worker_pool":
            continue
        if deployment.mode == "job":
            name = EXECUTIONS
            labels |= {
                "monitored_resource": "cloud_run_job",
                "job_name": deployment.job,
                "result": "succeeded" if status == HTTPStatus.OK else "failed",
            }
        else:
            name = REQUESTS
            labels |= {
                "monitored_resource": "cloud_run_revision",
                "service_name": deployment.job,
                "revision_name": f"{deployment.job}-00001",
                "configuration_name": deployment.job,
                "response_code": f"{status}",
                "response_code_class": f"{status // 100}xx",
            }
        _count(into.series(name, labels), start, at, 1)


def _count(series: Series, start: float, at: float, by: int) -> None:
    """Increase a counter in the minute of a moment, with a sample at its start and one at its end.

    PromQL sees a DELTA so: https://cloud.google.com/monitoring/promql/promql-mapping
    """
    samples, late = series.samples, delay_seconds(series.name)
    begin = start + math.floor(at / MINUTE) * MINUTE
    end = begin + MINUTE
    before = samples[-1].value if samples else 0.0
    if samples and samples[-1].time == end:
        samples[-1] = samples[-1]._replace(value=before + by)
        return
    if not samples or samples[-1].time < begin:
        series.add(begin + late, begin, before)
    series.add(end + late, end, before + by)


def _labels(
    project: ProjectSnapshot, location: str, stream: str, *, with_project: bool
) -> dict[str, str]:
    labels = {
        "monitored_resource": _STREAM,
        "resource_container": str(project.number),
        "location": location,
        "stream_id": stream,
    }
    return labels | ({"project_id": project.id} if with_project else {})


def _streams(fleet: Snapshot) -> Iterator[tuple[ProjectSnapshot, str, StreamSnapshot]]:
    for project in fleet.projects.values():
        for location in project.locations.values():
            for stream in location.streams.values():
                yield project, location.id, stream
