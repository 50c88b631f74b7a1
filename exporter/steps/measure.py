"""Turns what was read into samples: one value of one series each.

A location that was not read cleanly gets ``location/up`` 0 alone: its streams are
unknown.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

from google.cloud.datastream_v1 import BackfillJob

from exporter.config.model import Run
from exporter.documents.document import packaged
from exporter.names import LocationName, Name, StreamName
from exporter.states import StreamState
from exporter.steps.compare import ComparedLocation, Omission
from exporter.steps.problems import LocationProblems
from exporter.steps.read import Objects

# Of every series: Datastream's own resource takes no custom metrics
RESOURCE = "generic_node"
LOCATION_NODE = "datastream"  # the node_id of every series about a location
EXPORTER_NODE = "0"  # the node_id of the exporter's own series
_BACKFILL_STATES: Any = BackfillJob.State
# ``last_seen`` of an excluded stream: the end of the year 9999
NEVER_MISSING = 253_402_300_799


MetricName = str  # one of ``metrics.yaml``


class Metric(NamedTuple):
    """A metric that ``metrics.yaml`` defines; all are gauges."""

    type: str  # the full type, ``custom.googleapis.com/datastream/stream/state``
    resource: str  # what the series belong to, a key of ``resources``
    value_type: str  # ``INT64`` or ``DOUBLE``
    labels: tuple[str, ...]  # the metric labels' keys


@cache
def definitions() -> Mapping[str, Any]:
    """Return ``metrics.yaml`` as it was parsed."""
    return packaged("exporter", "metrics.yaml")


@cache
def metrics() -> Mapping[str, Metric]:
    """Return every metric by its name, in the file's order."""
    prefix = definitions()["prefix"]
    return {
        name: Metric(
            f"{prefix}/{name}",
            one["resource"],
            one["value_type"],
            tuple(one["labels"]),
        )
        for name, one in definitions()["metrics"].items()
    }


class Sample(NamedTuple):
    """One value of one series; a run gives all of them the same timestamp."""

    metric: MetricName  # what is measured
    location: str  # the resource's location
    namespace: str  # the resource's namespace: a project's id, or the exporter's name
    node_id: str  # the resource's node_id
    # The metric labels' values, in the order of ``metric.labels``
    labels: tuple[str, ...]
    value: float  # the value; a whole number for ``INT64``

    def __str__(self) -> str:
        return f"{self.metric} of {self.node_id} in {self.namespace}/{self.location}"


def exporter_sample(
    run: Run, metric: MetricName, value: float, node_id: str = EXPORTER_NODE
) -> Sample:
    """Return a value of one of the exporter's own metrics."""
    return Sample(metric, run.location, run.name, node_id, (), value)


def location_up(name: Name, *, up: bool) -> Sample:
    """Return whether a location was read, or a project's locations discovered."""
    return _about_location("location/up", name, int(up))


def location_last_read(name: LocationName, timestamp: int) -> Sample:
    """Return that a run at ``timestamp``, in unix seconds, read a location cleanly."""
    return _about_location("location/last_read", name, timestamp)


def _about_location(metric: MetricName, name: Name, value: int) -> Sample:
    return Sample(metric, name.location, name.project, LOCATION_NODE, (), value)


def _of(
    metric: MetricName,
    at: LocationName | StreamName,
    stream_id: str,
    value: float,
    *more: str,
) -> Sample:
    """Return a value of a stream; ``more`` are labels besides its id."""
    labels = (stream_id, *more)
    return Sample(metric, at.location, at.project, stream_id, labels, value)


def problem_samples(at: LocationName, problems: LocationProblems) -> Iterator[Sample]:
    """Yield the problems of a location's streams, and a 0 for each that is over."""
    for (stream, kind), problem in problems.current.items():
        yield _of("stream/problem", at, stream, problem.value, kind)
        yield _of("stream/problem_since", at, stream, problem.since, kind)
    for stream, kind in problems.ended:
        yield _of("stream/problem", at, stream, 0, kind)


def location_samples(
    at: ComparedLocation, timestamp: int, *, errors: bool
) -> Iterator[Sample]:
    """Yield the samples of a location that holds streams, and of its streams.

    These are watched, missing and excluded ones; ``errors`` says whether the number of
    a stream's errors is one of its samples.
    """
    yield location_up(at.name, up=True)
    yield _about_location("location/streams", at.name, len(at.listed))
    yield _about_location("location/unwatched", at.name, at.omitted.total())
    for watched in at.streams:
        stream = watched.stream
        if not watched.exists:
            yield _of("stream/last_seen", at.name, stream.id, 0)
            continue
        yield _of("stream/state", at.name, stream.id, stream.state)
        yield _of("stream/expected", at.name, stream.id, int(watched.expected))
        yield _of("stream/last_seen", at.name, stream.id, timestamp)
        if errors:
            yield _of("stream/errors", at.name, stream.id, stream.errors)
        for limit, most in watched.limits.items():
            seconds = most.total_seconds()
            if limit == "quiet" and stream.state != StreamState.RUNNING:
                seconds = 0
            yield _of("stream/limit", at.name, stream.id, seconds, limit)
    for stream_id, why in at.unwatched.items():
        if why is not Omission.NOT_INCLUDED:
            yield _of("stream/last_seen", at.name, stream_id, NEVER_MISSING)


def object_samples(name: StreamName, objects: Objects) -> Iterator[Sample]:
    """Yield the objects in each backfill state, 0 included; unknown ones by number."""
    known = {int(state): state.name for state in _BACKFILL_STATES}
    for number in sorted(known.keys() | objects.by_state.keys()):
        count = objects.by_state.get(number, 0)
        yield _of(
            "stream/objects", name, name.stream, count, known.get(number, str(number))
        )
    yield _of("stream/object_errors", name, name.stream, objects.with_errors)
