"""Samples of whatever was read, and the catalogue of metrics."""

from collections import Counter
from itertools import product
from typing import Any

import pytest
from google.cloud.datastream_v1 import BackfillJob

from exporter.config import Config
from exporter.names import StreamName
from exporter.steps.compare import Expectations, Verdict
from exporter.steps.measure import (
    NEVER_MISSING,
    Sample,
    definitions,
    location_sample,
    location_samples,
    metrics,
    object_samples,
    problem_samples,
)
from exporter.steps.problems import ProblemMemory
from exporter.steps.read import Objects, Stream
from tests.exporter.worlds import EUROPE, ORDERS, USERS
from tests.tables import beside

NOW = 1_767_225_600
REASON = "ORA-01017"
COMPLAINT = "invalid username"
"""What every error says: a problem has its reason, and no series the text."""

# A stream's id says what config has about it, and its state, if it is there at all.
IDS = [
    "-".join(each)
    for each in product(
        ("kept", "excluded", "omitted"),
        ("heard", "muted"),
        ("required", "optional"),
        ("gone", *map(str, range(10)), "4711", "2147483647"),
    )
]
REQUIRED = [str(StreamName(*EUROPE, one)) for one in IDS if "required" in one]
# Users are missing from their own location only.
CONFIG = Config.model_validate(
    beside(__file__, "measured_config.yaml") | {"required": [str(USERS), *REQUIRED]}
)
FINE = {2, 3, 4, 7, 8}  # each stream's label adds PAUSED


@pytest.mark.parametrize("errors", [True, False])
def test_samples_say_what_was_read_and_nothing_else(*, errors: bool) -> None:
    """Every rule about a cleanly read location's series holds, whatever it has."""
    states = {one: int(one.split("-")[3]) for one in IDS if not one.endswith("gone")}
    held = [
        Stream(one, state, 2, "paused", REASON, COMPLAINT)
        for one, state in states.items()
    ]
    at = Expectations(CONFIG, NOW).compare(EUROPE, CONFIG.sources[0], held)
    memory = ProblemMemory(CONFIG, CONFIG.run.every, 15)
    memory.learn({})
    memory.follow(at, NOW)
    samples = [
        *location_samples(at, NOW, errors=errors),
        *problem_samples(EUROPE, memory.known[EUROPE]),
        location_sample("location/last_read", EUROPE, NOW),
    ]

    def of(metric: str) -> dict[str, float]:
        return {one.node_id: one.value for one in samples if one.metric == metric}

    # Every watched stream has its samples, with the API's own number as it came.
    watched = {
        one: state for one, state in states.items() if one.startswith("kept-heard-")
    }
    assert of("stream/state") == watched
    assert of("stream/errors") == (dict.fromkeys(watched, 2) if errors else {})
    expected = {one: int(state in FINE) for one, state in watched.items()}
    assert of("stream/expected") == expected

    # Only a stream that runs can be too quiet.
    limits: dict[tuple[str, ...], float] = {}
    for stream, state in watched.items():
        if "required" in stream:
            limits[stream, "quiet"] = 21_600 * (state == 2)
    values = {one.labels: one.value for one in samples if one.metric == "stream/limit"}
    assert values == limits

    # last_seen is 0 of missing streams only, and an excluded stream is never missing.
    gone = {one for one in IDS if one.endswith("-required-gone")}
    muted = {one for one in gone if "-muted-" in one}
    omitted = {one for one in states if one.startswith("omitted-")}
    excluded = states.keys() - watched.keys() - omitted
    assert of("stream/last_seen") == (
        dict.fromkeys(watched, NOW)
        | dict.fromkeys(gone - muted, 0)
        | dict.fromkeys(excluded | muted, NEVER_MISSING)
    )

    # Whatever is not expected has a problem, of a kind; and what has errors.
    kinds = {
        one.labels[0]: one.labels[1]
        for one in samples
        if one.metric == "stream/problem_state"
    }
    assert kinds == {one: _kind(state) for one, state in watched.items()}
    assert of("stream/problem_since") == dict.fromkeys(kinds, NOW)

    # Every stream that exists is counted, as watched or not.
    assert of("location/up") == {"datastream": 1}
    assert of("location/streams") == {"datastream": len(watched)}
    assert of("location/unwatched") == {"datastream": len(states) - len(watched)}
    assert of("location/last_read") == {"datastream": NOW}

    # No series has two samples, and only a problem's is named by its error.
    assert {*Counter(one[:5] for one in samples).values()} == {1}
    for one in samples:
        assert COMPLAINT not in repr(one)
        says_why = one.metric == "stream/problem_state"
        assert (REASON in one.labels) == (says_why and "unexpected" not in one.labels)
        assert one.location == "europe-west1"
        assert one.namespace == "shop-prod"
        named = () if one.node_id == "datastream" else (one.node_id,)
        assert one.labels[:1] == named
        assert one.value == int(one.value)


def _kind(state: int) -> Verdict:
    """Return the kind of problem that a stream with errors has."""
    if state in FINE:
        return Verdict.ERRORS
    failures = {5: Verdict.FAILED, 6: Verdict.FAILED_PERMANENTLY}
    return failures.get(state, Verdict.UNEXPECTED)


def test_objects_are_counted_whole() -> None:
    """Every backfill state has a sample, 0 included, and an unknown one its number."""
    *objects, errors = object_samples(ORDERS, Objects({6: 3, 4711: 1}, 2))
    states: Any = BackfillJob.State
    counts = {state.name: 0 for state in states} | {"COMPLETED": 3, "4711": 1}
    assert {one.labels: one.value for one in objects} == {
        ("orders", state): count for state, count in counts.items()
    }
    assert errors == Sample(
        "stream/object_errors", "europe-west1", "shop-prod", "orders", ("orders",), 2
    )


# The catalogue.

PROMISED = beside(__file__, "promised_metrics.yaml")


def test_the_catalogue_is_as_promised() -> None:
    """Names, types, resources, units and labels are valid; each metric is measured."""
    units = {name: one["unit"] for name, one in definitions()["metrics"].items()}
    catalogue = {
        name: [metric.resource, metric.value_type, units[name], [*metric.labels]]
        for name, metric in metrics().items()
    }
    assert catalogue == PROMISED
