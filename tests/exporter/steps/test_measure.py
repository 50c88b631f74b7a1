"""Samples of whatever was read, and the catalogue of metrics."""

from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple, get_args

import yaml
from google.cloud.datastream_v1 import BackfillJob
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.config import Config
from exporter.names import StreamName
from exporter.states import EXPECTABLE, StreamState
from exporter.steps.compare import Expectations
from exporter.steps.measure import (
    NEVER_MISSING,
    MetricName,
    Sample,
    definitions,
    location_sample,
    location_samples,
    metrics,
    object_samples,
    problem_samples,
    stream_samples,
)
from exporter.steps.problems import LocationProblems, follow
from exporter.steps.read import Objects, Stream
from tests.exporter.worlds import EUROPE, ORDERS

NOW = 1_767_225_600
LATER = "2026-01-01T00:00:01Z"
IDS = ("orders", "customers", "returns", "stock")
COMPLAINT = "ORA-01017"
"""What every error says: not a word of it may get into a series."""

numbers = st.integers(0, 8) | st.integers(-(2**31), 2**31 - 1)
"""A state as gRPC may send it: every number of an int32, the known ones often."""

labels = st.sampled_from(["", *(state.name.lower() for state in EXPECTABLE), "asleep"])


class Case(NamedTuple):
    """Streams that were read, what config says of them, and the samples of both."""

    held: dict[str, Stream]
    source: Any
    required: set[str]
    muted: set[str]
    samples: list[Sample]
    errors: bool

    def of(self, metric: str) -> dict[str, float]:
        """Return the values of a metric by node."""
        return {one.node_id: one.value for one in self.samples if one.metric == metric}


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Return a cleanly read location, whatever is in it and in config."""
    held = {}
    for one in draw(st.lists(st.sampled_from(IDS), unique=True)):
        errors = draw(st.integers(0, 50))
        why = COMPLAINT if errors else ""
        held[one] = Stream(
            one,
            draw(numbers),
            errors,
            draw(labels),
            why,
            why,
        )
    globs = st.lists(st.sampled_from(["*", "orders", "*s", "r*"]), max_size=2)
    required = draw(st.sets(st.sampled_from(IDS)))
    muted = draw(st.sets(st.sampled_from(IDS)))
    states = st.lists(st.sampled_from([state.name for state in EXPECTABLE]), min_size=1)
    matches = st.sampled_from(
        [
            "*",
            "*/orders",
            str(StreamName(*EUROPE, "stock")),
        ]
    )
    source = {
        "project": "shop-prod",
        "include": draw(globs),
        "exclude": draw(globs),
    }
    rule = {"match": matches, "states": states}
    expectation = st.fixed_dictionaries(rule, optional={"quiet": st.just("6h")})
    config = Config.model_validate(
        {
            "metrics": {"project": "metrics-project"},
            "sources": [source],
            "expectations": draw(st.lists(expectation, max_size=3)),
            "required": [str(StreamName(*EUROPE, one)) for one in sorted(required)],
            "mutes": [{"match": f"*/{one}", "until": LATER} for one in muted],
        }
    )
    at = Expectations(config, NOW).compare(EUROPE, config.sources[0], held.values())
    with_errors = draw(st.booleans())
    problems = follow(
        LocationProblems(),
        at,
        NOW,
        config.grouping,
    )
    samples = [
        location_sample("location/up", EUROPE, 1),
        *location_samples(at),
        *stream_samples(at, NOW, errors=with_errors),
        *problem_samples(EUROPE, problems),
        location_sample("location/last_read", EUROPE, NOW),
    ]
    return Case(
        held,
        config.sources[0],
        required,
        muted,
        samples,
        with_errors,
    )


@settings(max_examples=200)
@given(cases())
def test_samples_say_what_was_read_and_nothing_else(case: Case) -> None:
    """Every rule about the series of a cleanly read location, for whatever it holds."""
    watched = {
        one: stream
        for one, stream in case.held.items()
        if case.source.watches(one) and one not in case.muted
    }
    included = {one for one in case.held if case.source.includes(one)}
    gone = case.required - case.held.keys()
    excluded = (included - watched.keys()) | (gone & case.muted)
    missing = gone - case.muted
    states, expected = case.of("stream/state"), case.of("stream/expected")

    # Every watched stream has its samples, with the API's own number as it came.
    assert states == {one: stream.state for one, stream in watched.items()}
    assert expected.keys() == watched.keys()
    errors = {one: stream.errors for one, stream in watched.items()}
    assert case.of("stream/errors") == (errors if case.errors else {})

    # Only a stream that runs can be too quiet.
    for node, seconds in case.of("stream/limit").items():
        assert seconds == (21_600 if states[node] == StreamState.RUNNING else 0)

    # last_seen is 0 of missing streams only, and an excluded stream is never missing.
    assert case.of("stream/last_seen") == (
        dict.fromkeys(watched, NOW)
        | dict.fromkeys(missing, 0)
        | dict.fromkeys(excluded, NEVER_MISSING)
    )

    # A failure is never expected, and whatever is not has a problem.
    failed = {one for one, state in states.items() if state in {5, 6}}
    assert not any(expected[one] for one in failed)
    unexpected = {one for one in states if not expected[one]}
    assert case.of("stream/problem").keys() == unexpected
    assert case.of("stream/problem_since") == dict.fromkeys(unexpected, NOW)
    assert case.of("location/up") == {"datastream": 1}
    assert case.of("location/streams") == {"datastream": len(watched)}
    # Every stream that exists is counted, as watched or not.
    others = len(case.held) - len(watched)
    assert case.of("location/unwatched") == {"datastream": others}
    assert case.of("location/last_read") == {"datastream": NOW}

    # No series has two samples, and none is named by what changes.
    assert not [
        one
        for one, count in Counter(one[:5] for one in case.samples).items()
        if count > 1
    ]
    assert not [one for one in case.samples if COMPLAINT in str(one[:5])]
    for one in case.samples:
        assert one.location == "europe-west1"
        assert one.namespace == "shop-prod"
        named = () if one.node_id == "datastream" else (one.node_id,)
        assert one.labels[:1] == named
        assert one.value == int(one.value)


@given(st.dictionaries(numbers, st.integers(0, 10_000), max_size=4), st.integers(0, 9))
def test_objects_are_counted_whole(by_state: dict[int, int], with_errors: int) -> None:
    """Every backfill state has a sample, 0 included, and every object is counted."""
    samples = list(object_samples(ORDERS, Objects(by_state, with_errors)))
    counted = {
        one.labels: one.value for one in samples if one.metric == "stream/objects"
    }
    assert sum(counted.values()) == sum(by_state.values())
    states: Any = BackfillJob.State
    for state in states:
        assert counted.pop(("orders", state.name)) == by_state.get(int(state), 0)
    others = by_state.keys() - {*map(int, states)}
    assert counted.keys() == {("orders", str(one)) for one in others}
    assert samples[-1] == Sample(
        "stream/object_errors",
        "europe-west1",
        "shop-prod",
        "orders",
        ("orders",),
        with_errors,
    )


# The catalogue.

PROMISED = yaml.safe_load(
    Path(__file__).with_name("promised_metrics.yaml").read_text("utf-8")
)


def test_the_catalogue_is_as_promised() -> None:
    """Names, types, resources, units and labels are valid; each metric is measured."""
    units = {name: one["unit"] for name, one in definitions()["metrics"].items()}
    catalogue = {
        name: [metric.resource, metric.value_type, units[name], [*metric.labels]]
        for name, metric in metrics().items()
    }
    assert catalogue == PROMISED
    assert {*get_args(MetricName)} == {*PROMISED}
