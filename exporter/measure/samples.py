"""Measuring: turns observations into samples, without any I/O.

A location that was not read cleanly gets ``location/up`` 0 and nothing else. Its streams are
unknown: never missing and never healthy.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple, Self

from exporter.measure.definitions import Metric, metrics
from exporter.names import LocationName
from exporter.read.observations import GLOBAL, Observations, ReadLocation
from exporter.states import BackfillState

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from exporter.measure.evaluation import EvaluatedLocation
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
    def location_name(self) -> LocationName:
        """The project and location that the sample describes."""
        return LocationName(self.namespace, self.location)

    def __str__(self) -> str:
        """Return the series as a person would search for it."""
        labels = "".join(
            f" {key}={value}"
            for key, value in zip(self.metric.labels, self.labels, strict=True)
            if value != self.node_id
        )
        return f"{self.metric.name}{labels} of {self.node_id} in {self.namespace}/{self.location}"


class ExporterName(NamedTuple):
    """What the exporter calls itself in its own series.

    Attributes:
        location: The region that it runs in, or ``global``; None while nobody knows. Then its own
            series have no name, and are left out.
        name: ``run.name`` in config.
        node_id: The task's index; ``objects-<index>`` in a run that collects objects only.
    """

    location: str | None
    name: str
    node_id: str


@dataclass(frozen=True, slots=True)
class Measurement:
    """What one run read, as the samples of its four phases of writing.

    Attributes:
        exporter: The exporter's name in its own series.
        shard: This task's part of the locations.
        timestamp: Unix time of the run in whole seconds, the time of every point.
        observations: What was read.
        locations: The cleanly read locations, compared with config.
        errors: Whether ``stream/errors`` is collected.
        due: The locations that have samples; None for all of them.
    """

    exporter: ExporterName
    shard: Shard
    timestamp: int
    observations: Observations
    locations: tuple[EvaluatedLocation, ...]
    errors: bool
    due: frozenset[LocationName] | None = None

    def __add__(self, later: Self) -> Self:
        """Return what both hold, which are parts of one run."""
        locations = (*self.locations, *later.locations)
        return replace(
            later,
            observations=Observations.of([self.observations, later.observations]),
            locations=tuple(sorted(locations, key=lambda location: location.name)),
        )

    def location_samples(self) -> Iterator[Sample]:
        """Yield ``up`` of every location, and the counts of the cleanly read ones."""
        for project, discovery in sorted(self.observations.discoveries.items()):
            name = LocationName(project, GLOBAL)
            # Every task discovers, but only one of them reports it.
            if self.shard.holds(name) and self._is_due(name):
                yield _location_sample(UP, name, int(isinstance(discovery, tuple)))
        for reading in self.observations.locations:
            if self._is_due(reading.name):
                yield _location_sample(UP, reading.name, int(isinstance(reading, ReadLocation)))
        for evaluated in self._due_locations():
            yield _location_sample(FAILED_STREAMS, evaluated.name, evaluated.failed)
            yield _location_sample(UNEXPECTED_STREAMS, evaluated.name, evaluated.unexpected)

    def stream_samples(self) -> Iterator[Sample]:
        """Yield the samples of streams and required streams, connections and objects."""
        for evaluated in self._due_locations():
            project, location = evaluated.name
            for stream, expected in evaluated.streams:
                node = (location, project, stream.id, (stream.id,))
                yield Sample(STATE, *node, stream.state)
                yield Sample(EXPECTED, *node, int(expected))
                yield Sample(LAST_SEEN, *node, self.timestamp)
                if self.errors:
                    yield Sample(ERRORS, *node, stream.errors)
            for stream_id in evaluated.missing:
                yield Sample(LAST_SEEN, location, project, stream_id, (stream_id,), 0)
        for (project, location), states in sorted(self.observations.connections.items()):
            if not self._is_due(LocationName(project, location)):
                continue
            for connection, state in sorted(states.items()):
                yield Sample(CONNECTION_STATE, location, project, connection, (connection,), state)
        yield from _object_samples(self.observations)

    def last_read_samples(self, withheld: Collection[LocationName]) -> Iterator[Sample]:
        """Yield ``last_read`` of each cleanly read location.

        Args:
            withheld: Locations to leave out, since one of their ``last_seen`` was not written:
                with a newer ``last_read``, that stream would read as missing.
        """
        for evaluated in self._due_locations():
            if evaluated.name not in withheld:
                yield _location_sample(LAST_READ, evaluated.name, self.timestamp)

    def self_samples(self, *, seconds: float, lost: int) -> Iterator[Sample]:
        """Yield the exporter's own samples, none while its location is unknown.

        Args:
            seconds: How long the run has taken so far.
            lost: How many points were due and not accepted.
        """
        location, name, node_id = self.exporter
        if location is not None:
            node = (location, name, node_id, ())
            yield Sample(LAST_RUN, *node, self.timestamp)
            yield Sample(STREAMS, *node, self.observations.streams)
            yield Sample(RUN_SECONDS, *node, round(seconds, 3))
            yield Sample(POINTS_LOST, *node, lost)

    def _is_due(self, name: LocationName) -> bool:
        return self.due is None or name in self.due

    def _due_locations(self) -> Iterator[EvaluatedLocation]:
        return (evaluated for evaluated in self.locations if self._is_due(evaluated.name))


class ObjectsMeasurement(Measurement):
    """The samples of the slower run that collects objects only.

    It writes no series that the other run writes, and no ``last_run``: it must not look like a
    run that watches streams.
    """

    __slots__ = ()

    def location_samples(self) -> Iterator[Sample]:
        """Yield nothing."""
        return iter(())

    def stream_samples(self) -> Iterator[Sample]:
        """Yield the samples of the streams' objects."""
        return _object_samples(self.observations)

    def last_read_samples(self, withheld: Collection[LocationName]) -> Iterator[Sample]:  # noqa: ARG002 - the other run's
        """Yield nothing."""
        return iter(())

    def self_samples(self, *, seconds: float, lost: int) -> Iterator[Sample]:
        """Yield the exporter's own samples but ``last_run``."""
        samples = super().self_samples(seconds=seconds, lost=lost)
        return (sample for sample in samples if sample.metric is not LAST_RUN)


def _object_samples(observations: Observations) -> Iterator[Sample]:
    """Yield the samples of each stream whose objects were read completely.

    Objects in a backfill state that the client doesn't know count under the state's number, so
    that the sum is complete.
    """
    for (project, location, stream), objects in sorted(observations.objects.items()):
        node = (location, project, stream)
        for state in BackfillState:
            yield Sample(OBJECTS, *node, (stream, state.name), objects.by_state.get(state, 0))
        for number in sorted(objects.by_state.keys() - set(BackfillState)):
            yield Sample(OBJECTS, *node, (stream, str(number)), objects.by_state[number])
        yield Sample(OBJECT_ERRORS, *node, (stream,), objects.with_errors)


def _location_sample(metric: Metric, name: LocationName, value: int) -> Sample:
    return Sample(metric, name.location, name.project, LOCATION_NODE, (), value)
