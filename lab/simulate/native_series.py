"""Google's own metrics of a simulated world, of Datastream and Cloud Run.

They are sampled once a minute and become visible minutes later. PromQL sees a DELTA as a counter:
each of its points is a sample at the start of its minute and one at its end.
https://cloud.google.com/monitoring/promql/promql-mapping
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from exporter.states import StreamState
from lab.emulator.timeline import Timeline
from lab.emulator.world import DropEvents, matches
from lab.policies.known_metrics import promql_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lab.emulator.timeline import ProjectSnapshot, Snapshot, StreamSnapshot
    from lab.simulate.scenario import ScenarioFile
    from lab.simulate.series import SeriesSet

DELAY_SECONDS = {"datastream_": 240.0, "run_": 180.0}
"""Seconds until a sample of a metric becomes visible, by prefix of the metric's name.

No more than four minutes: https://cloud.google.com/monitoring/api/v3/latency-n-retention
"""

FRESHNESS = promql_name("datastream.googleapis.com/stream/freshness")
UNSUPPORTED = promql_name("datastream.googleapis.com/stream/unsupported_event_count")
EXECUTIONS = promql_name("run.googleapis.com/job/completed_execution_count")
REQUESTS = promql_name("run.googleapis.com/request_count")

_STREAM = "datastream.googleapis.com/Stream"
_MINUTE = 60


def delay_seconds(name: str) -> float:
    """Return after how many seconds a sample of a native metric is visible, by its PromQL name."""
    return next(
        (seconds for prefix, seconds in DELAY_SECONDS.items() if name.startswith(prefix)),
        max(DELAY_SECONDS.values()),
    )


class Execution(NamedTuple):
    """A finished execution of the job, or an answered request of the function.

    Attributes:
        at: When it ended, in seconds after the scenario's start.
        project: The project it runs in.
        location: Its region.
        name: Its name.
        is_job: Whether it is a job.
        succeeded: Whether all of its tasks did.
    """

    at: float
    project: str
    location: str
    name: str
    is_job: bool
    succeeded: bool


def add_streams(into: SeriesSet, scenario: ScenarioFile, start: float) -> None:
    """Add the metrics of Datastream.

    Args:
        into: Receives the series.
        scenario: The scenario.
        start: When it starts, unix seconds.
    """
    world, lasts, with_project = scenario.world, scenario.lasts, scenario.native_project_id
    timeline = Timeline(world)
    for at in range(0, math.ceil(lasts) + 1, _MINUTE):
        for project, location, stream in _streams(timeline.at(at)):
            if stream.state == StreamState.RUNNING and stream.freshness is not None:
                since = at if stream.growing_since is None else stream.growing_since
                labels = _labels(project, location, stream.id, with_project=with_project)
                value = stream.freshness + at - since
                own = start + at
                into.series(FRESHNESS, labels).add(own + delay_seconds(FRESHNESS), own, value)
    dropped = sorted((each for each in world.events if isinstance(each, DropEvents)), key=_when)
    for event in dropped:
        for project, location, stream in _streams(timeline.at(event.at)):
            name = f"projects/{project.id}/locations/{location}/streams/{stream.id}"
            if matches(event.stream, name):
                counted = {
                    "read_method": "cdc",
                    "object_name": event.object,
                    "error_code": event.error_code,
                }
                labels = _labels(project, location, stream.id, with_project=with_project) | counted
                _count(into, UNSUPPORTED, labels, start, event.at, event.events)


def add_executions(into: SeriesSet, executions: Iterable[Execution], start: float) -> None:
    """Add Cloud Run's counts of executions and requests.

    Args:
        into: Receives the series.
        executions: The finished ones.
        start: When the scenario starts, unix seconds.
    """
    for each in sorted(executions):
        labels = {"project_id": each.project, "location": each.location}
        if each.is_job:
            labels |= {
                "monitored_resource": "cloud_run_job",
                "job_name": each.name,
                "result": "succeeded" if each.succeeded else "failed",
            }
        else:
            labels |= {
                "monitored_resource": "cloud_run_revision",
                "service_name": each.name,
                "revision_name": f"{each.name}-00001",
                "configuration_name": each.name,
                "response_code": "200" if each.succeeded else "500",
                "response_code_class": "2xx" if each.succeeded else "5xx",
            }
        _count(into, EXECUTIONS if each.is_job else REQUESTS, labels, start, each.at, 1)


def _count(
    into: SeriesSet, name: str, labels: dict[str, str], start: float, at: float, by: int
) -> None:
    """Increase a counter in the minute of a moment."""
    series = into.series(name, labels)
    begin = start + math.floor(at / _MINUTE) * _MINUTE
    end = begin + _MINUTE
    before = series.samples[-1].value if series.samples else 0.0
    if series.samples and series.samples[-1].time == end:
        series.samples[-1] = series.samples[-1]._replace(value=before + by)
        return
    if not series.samples or series.samples[-1].time < begin:
        series.add(begin + delay_seconds(name), begin, before)
    series.add(end + delay_seconds(name), end, before + by)


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


def _when(event: DropEvents) -> float:
    return event.at
