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
            f"{prefix}/{name}", one["resource"], one["value_type"], tuple(one["labels"])
        )
        for name, one in definitions()["metrics"].items()
    }


class Sample(NamedTuple):
    """One value of one series; a run gives all of them the same timestamp."""

    metric: str  # what is measured
    location: str  # the resource's location
    namespace: str  # the resource's namespace: a project's id, or the exporter's name
    node_id: str  # the resource's node_id
    # The metric labels' values, in the order of ``metric.labels``
    labels: tuple[str, ...]
    value: float  # the value; a whole number for ``INT64``

    def __str__(self) -> str:
        return f"{self.metric} of {self.node_id} in {self.namespace}/{self.location}"


def exporter_sample(
    run: Run, metric: str, value: float, node_id: str = EXPORTER_NODE
) -> Sample:
    """Return a value of one of the exporter's own metrics."""
    return Sample(metric, run.location, run.name, node_id, (), value)


def location_sample(metric: str, name: Name, value: int) -> Sample:
    """Return a value of a location, or of the discovery of a project's locations."""
    return Sample(metric, name.location, name.project, LOCATION_NODE, (), value)


def _of(metric: str, name: StreamName, value: float, *more: str) -> Sample:
    """Return a value of a stream; ``more`` are labels besides its id."""
    labels = (name.stream, *more)
    return Sample(metric, name.location, name.project, name.stream, labels, value)


def problem_samples(name: LocationName, problems: LocationProblems) -> Iterator[Sample]:
    """Yield the problems of a location's streams, and a 0 for each that is over."""
    for key, problem in problems.current.items():
        stream = name.stream(key.stream)
        yield _of(
            "stream/problem_state", stream, problem.value, key.kind, *problem.words
        )
        yield _of("stream/problem_since", stream, problem.since, key.kind)
    for key, words in problems.ended:
        yield _of("stream/problem_state", name.stream(key.stream), 0, key.kind, *words)
    for key in problems.over:
        yield _of("stream/problem_since", name.stream(key.stream), 0, key.kind)


def location_samples(
    at: ComparedLocation, timestamp: int, *, errors: bool
) -> Iterator[Sample]:
    """Yield the samples of a location, and of its streams if it has any.

    These are watched, missing and excluded ones; ``errors`` says whether the number of
    a stream's errors is one of its samples.
    """
    yield location_sample("location/up", at.name, 1)
    if at.empty:
        return
    yield location_sample("location/streams", at.name, len(at.listed))
    yield location_sample("location/unwatched", at.name, at.omitted.total())
    for watched in at.streams:
        name, stream = watched.name, watched.stream
        if not watched.exists:
            yield _of("stream/last_seen", name, 0)
            continue
        yield _of("stream/state", name, stream.state)
        yield _of("stream/expected", name, watched.expected)
        yield _of("stream/last_seen", name, timestamp)
        if errors:
            yield _of("stream/errors", name, stream.errors)
        for limit, most in watched.limits.items():
            seconds = most.total_seconds()
            if limit == "quiet" and stream.state != StreamState.RUNNING:
                seconds = 0
            # Patience decides which kind of problem it is.
            if limit != "failed":
                yield _of("stream/limit", name, seconds, limit)
    for stream_id, why in at.unwatched.items():
        if why is not Omission.NOT_INCLUDED:
            yield _of("stream/last_seen", at.name.stream(stream_id), NEVER_MISSING)


def object_samples(name: StreamName, objects: Objects) -> Iterator[Sample]:
    """Yield the objects in each backfill state, 0 included; unknown ones by number."""
    known = {int(state): state.name for state in _BACKFILL_STATES}
    for number in sorted(known.keys() | objects.by_state.keys()):
        state = known.get(number, str(number))
        yield _of("stream/objects", name, objects.by_state.get(number, 0), state)
    yield _of("stream/object_errors", name, objects.with_errors)
