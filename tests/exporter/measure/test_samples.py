"""Measuring as a whole: whatever was observed, and what may never be made of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from exporter import config
from exporter.google.errors import Failure, FailureKind
from exporter.measure.evaluation import evaluate
from exporter.measure import ExporterName, Measurement, ObjectsMeasurement, Sample
from exporter.names import LocationName, StreamName
from exporter.measure import (
    GLOBAL,
    Objects,
    Observations,
    ReadLocation,
    Stream,
    UnreadLocation,
)
from exporter.shard import Shard
from exporter.states import EXPECTABLE, BackfillState
from tests.exporter.measured import measured

if TYPE_CHECKING:
    from exporter.config import Config

NOW = 1_767_225_600.75
AT = int(NOW)

PROJECTS = ("shop-prod", "shop-test", "warehouse-eu")
LOCATIONS = ("europe-west1", "us-east4", "asia-south1")
EVERYWHERE = [LocationName(project, location) for project in PROJECTS for location in LOCATIONS]
STREAMS = ("orders", "customers", "returns", "stock")

COMPLAINT = "ORA-01017"
"""What every error in these observations says: not a word of it may get into a series."""

UNREAD = Failure(FailureKind.UNAVAILABLE, COMPLAINT, "Wait.")

TABLE = {
    "stream": {"stream/state", "stream/expected", "stream/last_seen", "stream/errors"},
    "objects": {"stream/objects", "stream/object_errors"},
    "location": {"location/up", "location/failed_streams", "location/unexpected_streams"},
}

numbers = st.one_of(
    st.integers(0, 8), st.integers(9, 2**31 - 1), st.integers(min_value=-(2**31), max_value=-1)
)
"""A state as gRPC may send it: every number of an int32, the known ones often."""

labels = st.none() | st.sampled_from([*(state.name.lower() for state in EXPECTABLE), "asleep"])


class Case(NamedTuple):
    """What was observed, what config says, and what of it this task writes."""

    observations: Observations
    config: Config
    shard: Shard
    objects_alone: bool

    @property
    def measurement(self) -> Measurement:
        """The run's measurement of it."""
        made = ObjectsMeasurement if self.objects_alone else Measurement
        return made(
            ExporterName("europe-west1", "shop-exporter", str(self.shard.index)),
            self.shard,
            AT,
            self.observations,
            evaluate(self.observations, self.config, NOW),
            self.config.collect.errors,
        )

    def samples(self, withheld_locations: set[LocationName] | None = None) -> list[Sample]:
        """Return every sample of the run."""
        measurement = self.measurement
        return [
            *measurement.location_samples(),
            *measurement.stream_samples(),
            *measurement.last_read_samples(withheld_locations or set()),
            *measurement.self_samples(seconds=1.25, lost=3),
        ]

    @property
    def read(self) -> dict[LocationName, ReadLocation]:
        """The locations that were read cleanly."""
        return {each.name: each for each in self.observations.read}


@st.composite
def streams(draw: st.DrawFn) -> tuple[Stream, ...]:
    """Return streams of one location, in any state, as listed."""
    ids = draw(st.lists(st.sampled_from(STREAMS), unique=True))
    return tuple(
        Stream(
            each,
            draw(numbers),
            errors := draw(st.integers(0, 50)),
            draw(labels),
            COMPLAINT if errors else None,
        )
        for each in ids
    )


@st.composite
def observations(draw: st.DrawFn) -> Observations:
    """Return what a run may see: some locations read, some not, some of it collected."""
    places = sorted(draw(st.sets(st.sampled_from(EVERYWHERE))))
    locations = [
        UnreadLocation(at, UNREAD)
        if draw(st.integers(0, 3)) == 0
        else ReadLocation(at, draw(streams()))
        for at in places
    ]
    clean = [each for each in locations if isinstance(each, ReadLocation)]
    seen = [StreamName(*each.name, stream.id) for each in clean for stream in each.streams]
    read = [each.name for each in clean]
    counted = st.builds(
        Objects,
        st.dictionaries(numbers, st.integers(0, 10_000), max_size=4),
        st.integers(0, 10_000),
    )
    connected = st.dictionaries(st.sampled_from(["vpc-a", "vpc-b"]), numbers)
    return Observations(
        discoveries=draw(
            st.dictionaries(
                st.sampled_from(PROJECTS), st.just(LOCATIONS) | st.just(UNREAD), max_size=3
            )
        ),
        locations=tuple(locations),
        objects=draw(st.dictionaries(st.sampled_from(seen), counted)) if seen else {},
        connections=draw(st.dictionaries(st.sampled_from(read), connected)) if read else {},
    )


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Return something observed, and a config for it."""
    every = [str(StreamName(*at, stream)) for at in EVERYWHERE for stream in STREAMS]
    matches = st.sampled_from(["*", "*/orders", "projects/shop-*", every[0], every[-1]])
    states = st.lists(st.sampled_from([each.name for each in EXPECTABLE]), min_size=1, unique=True)
    data: dict[str, Any] = {
        "metrics": {"project": "monitoring-hub"},
        "sources": [{"project": project} for project in PROJECTS],
        "expectations": draw(
            st.lists(st.fixed_dictionaries({"match": matches, "states": states}), max_size=3)
        ),
        "required": draw(st.lists(st.sampled_from(every), max_size=5, unique=True)),
        "collect": {"errors": draw(st.booleans())},
    }
    count = draw(st.integers(1, 3))
    return Case(
        draw(observations()),
        config.from_data(data, "config.yaml", {}).config,
        Shard(draw(st.integers(0, count - 1)), count),
        draw(st.booleans()),
    )


watching = cases().map(lambda case: case._replace(objects_alone=False))
examples = settings(max_examples=60)


def series(sample: Sample) -> tuple[Any, ...]:
    """Return what tells a series from every other."""
    return (sample.metric.name, *sample[1:5])


def values(samples: list[Sample], name: str) -> dict[tuple[str, str, str], float]:
    """Return a metric's values by project, location and node."""
    return {
        (sample.namespace, sample.location, sample.node_id): sample.value
        for sample in samples
        if sample.metric.name == name
    }


@examples
@given(cases())
def test_no_series_has_two_samples_in_a_run(case: Case) -> None:
    """Cloud Monitoring would refuse the second point: no two samples are of one series."""
    counts = Counter(map(series, case.samples()))
    assert [each for each, count in counts.items() if count > 1] == []


@examples
@given(watching)
def test_every_number_is_written_as_it_came(case: Case) -> None:
    """A state's sample holds the API's own number, one that the client does not know included."""
    assert values(case.samples(), "stream/state") == {
        (*at, stream.id): stream.state
        for at, location in case.read.items()
        for stream in location.streams
    }


@examples
@given(cases())
def test_nothing_is_said_of_a_location_that_was_not_read_but_that(case: Case) -> None:
    """An unread location gives location/up 0 alone: its streams are unknown, never missing."""
    unread = [each.name for each in case.observations.unread]
    values = [
        (sample.metric.name, sample.location_name, sample.value)
        for sample in case.samples()
        if sample.location_name in unread
    ]
    expected = [] if case.objects_alone else [("location/up", at, 0) for at in unread]
    assert sorted(values) == sorted(expected)


@examples
@given(watching)
def test_every_stream_that_was_listed_gets_its_samples(case: Case) -> None:
    """State, expected and last_seen are of every stream; errors of each where collected."""
    samples = case.samples()
    listed = {(*at, stream.id): stream for at, each in case.read.items() for stream in each.streams}
    assert values(samples, "stream/state").keys() == listed.keys()
    assert values(samples, "stream/expected").keys() == listed.keys()
    assert values(samples, "stream/errors") == (
        {name: stream.errors for name, stream in listed.items()}
        if case.config.collect.errors
        else {}
    )
    assert {
        name: value for name, value in values(samples, "stream/last_seen").items() if value
    } == dict.fromkeys(listed, AT)


@examples
@given(watching)
def test_only_a_required_stream_can_be_missing_and_only_where_it_was_looked_for(case: Case) -> None:
    """last_seen is 0 of exactly the required streams that a cleanly read location lacks."""
    missing = {
        tuple(name)
        for name in case.config.required
        if name.location_name in case.read
        and name.stream not in {stream.id for stream in case.read[name.location_name].streams}
    }
    samples = case.samples()
    assert {
        name for name, value in values(samples, "stream/last_seen").items() if not value
    } == missing
    assert not missing & values(samples, "stream/state").keys()


@examples
@given(watching)
def test_a_location_s_counts_agree_with_its_streams(case: Case) -> None:
    """Failed counts states 5 and 6; unexpected counts what is not expected, these left out."""
    samples = case.samples()
    states = values(samples, "stream/state")
    expected = values(samples, "stream/expected")
    failed = [each for each, state in states.items() if state in {5, 6}]
    unexpected = [each for each in states if each not in failed and not expected[each]]
    for name, counted in (
        ("location/failed_streams", failed),
        ("location/unexpected_streams", unexpected),
    ):
        assert values(samples, name) == {
            (*at, "datastream"): sum(1 for each in counted if each[:2] == at) for at in case.read
        }


@examples
@given(watching)
def test_a_failed_stream_is_never_expected(case: Case) -> None:
    """No default, no label and no expectation makes state 5 or 6 one that is fine."""
    samples = case.samples()
    expected = values(samples, "stream/expected")
    states = values(samples, "stream/state")
    assert not [each for each, state in states.items() if state in {5, 6} and expected[each]]


@examples
@given(watching, st.sets(st.sampled_from(EVERYWHERE)))
def test_last_read_is_of_clean_locations_that_are_not_held(
    case: Case, withheld_locations: set[LocationName]
) -> None:
    """A location's last_read is the run's second, of every clean location but those held back."""
    assert values(case.samples(withheld_locations), "location/last_read") == {
        (*at, "datastream"): AT for at in case.read if at not in withheld_locations
    }


@examples
@given(watching)
def test_global_is_said_by_the_task_that_holds_it(case: Case) -> None:
    """Up of `global` is 1 or 0 by the discovery, and said by one task for a project."""
    up = {
        name: value
        for name, value in values(case.samples(), "location/up").items()
        if name[1] == GLOBAL
    }
    assert up == {
        (project, GLOBAL, "datastream"): int(isinstance(found, tuple))
        for project, found in case.observations.discoveries.items()
        if case.shard.holds(LocationName(project, GLOBAL))
    }


@examples
@given(cases())
def test_objects_are_counted_whole(case: Case) -> None:
    """Every state of the API is written, 0 included; no object is left out of the sum."""
    counted: dict[StreamName, dict[str, float]] = {}
    for sample in case.samples():
        if sample.metric.name == "stream/objects":
            name = StreamName(*sample.location_name, sample.node_id)
            counted.setdefault(name, {})[sample.labels[1]] = sample.value
    assert counted.keys() == case.observations.objects.keys()
    for name, objects in case.observations.objects.items():
        known = {state.name: objects.by_state.get(state, 0) for state in BackfillState}
        others = {
            str(each): objects.by_state[each]
            for each in objects.by_state
            if each not in {*BackfillState}
        }
        assert counted[name] == known | others
    assert values(case.samples(), "stream/object_errors") == {
        tuple(name): objects.with_errors for name, objects in case.observations.objects.items()
    }


@examples
@given(watching)
def test_connections_are_written_by_number(case: Case) -> None:
    """A private connection's sample holds the API's own number."""
    assert values(case.samples(), "private_connection/state") == {
        (*at, name): state
        for at, states in case.observations.connections.items()
        for name, state in states.items()
    }


@examples
@given(
    watching, st.sets(st.sampled_from([*EVERYWHERE, *(LocationName(p, GLOBAL) for p in PROJECTS)]))
)
def test_only_what_is_due_is_written(case: Case, due: set[LocationName]) -> None:
    """Of the locations that are not due there is no sample but of objects, which have a run."""

    def written(measurement: Measurement) -> list[Sample]:
        return [
            *measurement.location_samples(),
            *measurement.stream_samples(),
            *measurement.last_read_samples(()),
        ]

    assert written(replace(case.measurement, due=frozenset(due))) == [
        sample
        for sample in written(case.measurement)
        if sample.location_name in due or sample.metric.name in TABLE["objects"]
    ]


def test_connections_of_each_due_location_are_written() -> None:
    """One that is not due keeps no other from it."""
    states = {at: {"vpc-a": 2} for at in EVERYWHERE[:3]}
    due = frozenset(EVERYWHERE[1:3])
    samples = list(replace(measured(connections=states), due=due).stream_samples())
    assert {sample.location_name for sample in samples} == due


def test_the_duration_of_a_run_is_written_in_milliseconds() -> None:
    """And how many of its points were lost, as they are."""
    samples = list(measured().self_samples(seconds=12.345678, lost=3))
    exporter = ("datastream-exporter", "global", "0")
    assert values(samples, "exporter/run_seconds") == {exporter: 12.346}
    assert values(samples, "exporter/points_lost") == {exporter: 3}


@examples
@given(watching)
def test_counts_of_locations_are_a_phase_of_their_own(case: Case) -> None:
    """The first phase has the locations' counts and nothing else; the second has none of them."""
    first = {sample.metric.name for sample in case.measurement.location_samples()}
    second = {sample.metric.name for sample in case.measurement.stream_samples()}
    assert first <= TABLE["location"]
    assert not second & TABLE["location"]


@examples
@given(cases())
def test_no_series_is_named_by_what_changes(case: Case) -> None:
    """No label of any series holds a state, an error's text or a reason."""
    spoken = {"PAUSED", "FAILED", COMPLAINT, UNREAD.hint, str(UNREAD.kind)}
    for sample in case.samples():
        texts = {sample.location, sample.namespace, sample.node_id}
        texts |= set(sample.labels[:1])  # the second one names a kind of objects
        assert not texts & spoken
        assert len(sample.labels) == len(sample.metric.labels)
        assert COMPLAINT not in str(sample)


@examples
@given(cases())
def test_values_are_of_the_metric_s_type(case: Case) -> None:
    """What is declared INT64 is a whole number, and a time is the run's whole second or 0."""
    for sample in case.samples():
        assert sample.metric.value_type == "DOUBLE" or sample.value == int(sample.value)
        if sample.metric.name in {"stream/last_seen", "location/last_read", "exporter/last_run"}:
            assert sample.value in {0, AT}


@examples
@given(cases())
def test_a_run_of_objects_alone_writes_nothing_that_the_other_run_writes(case: Case) -> None:
    """Objects alone: their series and the exporter's own but last_run; else all of them."""
    written = {sample.metric.name for sample in case.samples()}
    own = {"exporter/streams", "exporter/run_seconds", "exporter/points_lost"}
    if case.objects_alone:
        assert own <= written <= own | TABLE["objects"]
    else:
        assert own | {"exporter/last_run"} <= written


@examples
@given(cases())
def test_measuring_is_pure(case: Case) -> None:
    """The same observations give the same samples in the same order, twice over."""
    assert case.samples() == case.samples()
