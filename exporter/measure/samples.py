"""Measuring: what was observed becomes samples. Pure: observations, config and a clock in.

A location that was not read cleanly gives ``location/up`` 0 and nothing else: its streams are
unknown, never missing and never healthy.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from exporter.measure.definitions import Metric, metrics
from exporter.measure.expectations import OpenExpectations
from exporter.names import LocationName, StreamName
from exporter.read.observations import GLOBAL, Location, Observations
from exporter.states import FAILURES, BackfillState

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from exporter.config import Config
    from exporter.shard import Shard

STATE = metrics()["stream/state"]
EXPECTED = metrics()["stream/expected"]
LAST_SEEN = metrics()["stream/last_seen"]
ERRORS = metrics()["stream/errors"]
OBJECTS = metrics()["stream/objects"]
OBJECT_ERRORS = metrics()["stream/object_errors"]
CONNECTION_STATE = metrics()["private_connection/state"]
UP = metrics()["location/up"]
LAST_READ = metrics()["location/last_read"]
FAILED_STREAMS = metrics()["location/failed_streams"]
UNEXPECTED_STREAMS = metrics()["location/unexpected_streams"]
LAST_RUN = metrics()["exporter/last_run"]
STREAMS = metrics()["exporter/streams"]
RUN_SECONDS = metrics()["exporter/run_seconds"]
POINTS_LOST = metrics()["exporter/points_lost"]

LOCATION_NODE = "datastream"
"""The node_id of every series about a location."""


class Sample(NamedTuple):
    """One value of one series; a run gives all of them the same timestamp.

    Attributes:
        metric: What is measured.
        location: The resource's location.
        namespace: The resource's namespace: a project's id, or the exporter's name.
        node_id: The resource's node_id.
        labels: The metric labels' values, in the order of ``metric.labels``.
        value: The value; a whole number for ``INT64``.
    """

    metric: Metric
    location: str
    namespace: str
    node_id: str
    labels: tuple[str, ...]
    value: float

    @property
    def at(self) -> LocationName:
        """The project and location that the sample tells of."""
        return LocationName(self.namespace, self.location)

    def __str__(self) -> str:
        """Name the series as a person would look for it."""
        labels = "".join(
            f" {key}={value}"
            for key, value in zip(self.metric.labels, self.labels, strict=True)
            if value != self.node_id
        )
        return f"{self.metric.name}{labels} of {self.node_id} in {self.namespace}/{self.location}"


@dataclass(frozen=True, slots=True)
class EvaluatedLocation:
    """A cleanly read location, held against what config expects of it.

    Attributes:
        location: What was read.
        expected: Whether each of its streams is in an expected state, in the same order.
        missing: The ids of required streams that it does not hold.
    """

    location: Location
    expected: tuple[bool, ...]
    missing: tuple[str, ...]

    @property
    def failed(self) -> int:
        """How many streams are failed, permanently or not."""
        return sum(1 for stream in self.location.streams if stream.state in FAILURES)

    @property
    def unexpected(self) -> int:
        """How many streams are in a state that is not expected, the failed ones left out."""
        return sum(
            1
            for stream, expected in zip(self.location.streams, self.expected, strict=True)
            if not expected and stream.state not in FAILURES
        )


def evaluate(
    observations: Observations, config: Config, now: float
) -> tuple[EvaluatedLocation, ...]:
    """Hold every cleanly read location against config.

    Args:
        observations: What was read.
        config: What is expected and what is required.
        now: Unix time of the run, in seconds; decides which windows are open.
    """
    open_now = OpenExpectations(config.expectations, datetime.fromtimestamp(now, UTC))
    evaluated = []
    for location in observations.locations:
        if location.failure is None:
            ids = {stream.id for stream in location.streams}
            evaluated.append(
                EvaluatedLocation(
                    location,
                    tuple(
                        stream.state
                        in open_now.states(StreamName(*location.at, stream.id), stream.label)
                        for stream in location.streams
                    ),
                    tuple(
                        name.stream
                        for name in config.required
                        if name.at == location.at and name.stream not in ids
                    ),
                )
            )
    return tuple(evaluated)


def location_samples(
    observations: Observations, evaluated: Iterable[EvaluatedLocation], shard: Shard
) -> Iterator[Sample]:
    """Yield what is written of locations ahead of everything else.

    They come first, so that an evaluation that falls into the middle of a run sees that forty
    streams fail together before it sees each of them.
    """
    for project, failure in sorted(observations.discoveries.items()):
        at = LocationName(project, GLOBAL)
        # Every task discovers, but one of them has to say how that went.
        if shard.holds(at):
            yield _of_location(UP, at, int(failure is None))
    for location in observations.locations:
        yield _of_location(UP, location.at, int(location.failure is None))
    for one in evaluated:
        yield _of_location(FAILED_STREAMS, one.location.at, one.failed)
        yield _of_location(UNEXPECTED_STREAMS, one.location.at, one.unexpected)


def stream_samples(
    evaluated: Iterable[EvaluatedLocation], at: int, *, errors: bool
) -> Iterator[Sample]:
    """Yield the samples of every stream that was seen, and of required ones that were not.

    Args:
        evaluated: The cleanly read locations.
        at: Unix time of the run, in whole seconds.
        errors: Whether ``stream/errors`` is collected.
    """
    for one in evaluated:
        project, location = one.location.at
        for stream, expected in zip(one.location.streams, one.expected, strict=True):
            node = (location, project, stream.id, (stream.id,))
            yield Sample(STATE, *node, stream.state)
            yield Sample(EXPECTED, *node, int(expected))
            yield Sample(LAST_SEEN, *node, at)
            if errors:
                yield Sample(ERRORS, *node, stream.errors)
        for stream_id in one.missing:
            yield Sample(LAST_SEEN, location, project, stream_id, (stream_id,), 0)


def object_samples(observations: Observations) -> Iterator[Sample]:
    """Yield the samples of each stream whose objects were read whole.

    An object in a backfill state that the client does not know counts under the state's
    number: nothing is left out of the sum.
    """
    for (project, location, stream), objects in sorted(observations.objects.items()):
        node = (location, project, stream)
        for state in BackfillState:
            yield Sample(OBJECTS, *node, (stream, state.name), objects.by_state.get(state, 0))
        for number in sorted(objects.by_state.keys() - set(BackfillState)):
            yield Sample(OBJECTS, *node, (stream, str(number)), objects.by_state[number])
        yield Sample(OBJECT_ERRORS, *node, (stream,), objects.with_errors)


def connection_samples(observations: Observations) -> Iterator[Sample]:
    """Yield the state of each private connection."""
    for (project, location), states in sorted(observations.connections.items()):
        for name, state in sorted(states.items()):
            yield Sample(CONNECTION_STATE, location, project, name, (name,), state)


def last_read_samples(
    evaluated: Iterable[EvaluatedLocation], at: int, withheld_locations: frozenset[LocationName]
) -> Iterator[Sample]:
    """Yield ``location/last_read`` of each cleanly read location that is not held back.

    Args:
        evaluated: The cleanly read locations.
        at: Unix time of the run, in whole seconds.
        withheld_locations: Locations with a ``last_seen`` that was not written. Were
            their last_read written, the lost point would read as a missing stream.
    """
    for one in evaluated:
        if one.location.at not in withheld_locations:
            yield _of_location(LAST_READ, one.location.at, at)


class ExporterName(NamedTuple):
    """What the exporter calls itself in its own series.

    Attributes:
        location: The region that it runs in, or ``global``.
        name: ``run.name`` of config.
        node_id: The task's index; ``objects-<index>`` of a run that collects objects alone.
    """

    location: str
    name: str
    node_id: str


def exporter_samples(
    exporter: ExporterName, *, streams: int, seconds: float, lost: int, last_run: int | None
) -> Iterator[Sample]:
    """Yield what the exporter says of its own run.

    Args:
        exporter: Its name in the series.
        streams: How many streams were seen.
        seconds: How long the run has taken so far.
        lost: How many points were due and not accepted.
        last_run: Unix time of the run in whole seconds; None of a run that collects objects
            alone, as it must not look like one that watches.
    """
    node = (*exporter, ())
    if last_run is not None:
        yield Sample(LAST_RUN, *node, last_run)
    yield Sample(STREAMS, *node, streams)
    yield Sample(RUN_SECONDS, *node, round(seconds, 3))
    yield Sample(POINTS_LOST, *node, lost)


def _of_location(metric: Metric, at: LocationName, value: int) -> Sample:
    return Sample(metric, at.location, at.project, LOCATION_NODE, (), value)
