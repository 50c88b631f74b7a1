"""Judging: what is expected of a stream, by default, by its label, and by config."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from exporter import config
from exporter.google.errors import Failure, FailureKind
from exporter.measure.evaluation import EvaluatedLocation, evaluate
from exporter.names import LocationName
from exporter.measure import Observations, ReadLocation, Stream, UnreadLocation
from exporter.states import EXPECTABLE, StreamState

AT = LocationName("shop-prod", "europe-west1")
NIGHT = datetime(2026, 1, 14, 2, 30, tzinfo=UTC).timestamp()
NOON = datetime(2026, 1, 14, 12, 0, tzinfo=UTC).timestamp()
STREAM = f"{AT}/streams/orders"

PAUSED_AT_NIGHT = {
    "match": "*/orders",
    "states": ["PAUSED"],
    "during": {"schedule": "0 2 * * *", "duration": "1h"},
}


def evaluated(*streams: Stream, now: float = NOON, **parts: Any) -> EvaluatedLocation:
    """Return a cleanly read location of these streams, held against a config of these parts."""
    data = {
        "metrics": {"project": "monitoring-hub"},
        "sources": [{"project": AT.project, "locations": [AT.location]}],
        **parts,
    }
    (one,) = evaluate(
        Observations(locations=(ReadLocation(AT, streams),)),
        config.from_data(data, "config.yaml", {}).config,
        now,
    )
    return one


def is_expected(state: int, label: str | None = None, now: float = NOON, **parts: Any) -> bool:
    """Return whether the stream `orders` is as expected in a state."""
    (stream,) = evaluated(Stream("orders", state, label=label), now=now, **parts).streams
    return stream.expected


@pytest.mark.parametrize("state", [*StreamState, 9, 4711, -1])
def test_by_default_what_runs_or_is_on_its_way_is_expected(state: int) -> None:
    """RUNNING, STARTING, DRAINING and MAINTENANCE are; no other state, known or not, is."""
    fine = {
        StreamState.RUNNING,
        StreamState.STARTING,
        StreamState.DRAINING,
        StreamState.MAINTENANCE,
    }
    assert is_expected(state) == (state in fine)


@pytest.mark.parametrize("named", EXPECTABLE)
def test_a_stream_s_own_label_takes_the_defaults_place(named: StreamState) -> None:
    """The label's state is expected and no other, not even RUNNING."""
    expected = [state for state in StreamState if is_expected(state, named.name.lower())]
    assert expected == [named]


@pytest.mark.parametrize("label", ["", "PAUSED", "asleep", "failed", "failed_permanently", "3"])
def test_a_label_that_names_no_state_to_expect_counts_for_nothing(label: str) -> None:
    """The defaults hold as if the label were not there."""
    assert [state for state in StreamState if is_expected(state, label)] == [
        state for state in StreamState if is_expected(state)
    ]


def test_an_explicit_match_outdoes_the_label() -> None:
    """What config says of a stream holds, whatever its label says."""
    configured = [{"match": STREAM, "states": ["NOT_STARTED"]}]
    expected = [
        state for state in StreamState if is_expected(state, "paused", expectations=configured)
    ]
    assert expected == [StreamState.NOT_STARTED]


def test_the_last_match_wins() -> None:
    """A later glob takes the place of an earlier full name, and a later name of a glob."""
    exact = {"match": STREAM, "states": ["PAUSED"]}
    glob = {"match": "*", "states": ["RUNNING"]}
    assert is_expected(StreamState.PAUSED, expectations=[glob, exact])
    assert not is_expected(StreamState.PAUSED, expectations=[exact, glob])


@pytest.mark.parametrize(
    ("now", "expected"),
    [(NIGHT, [StreamState.PAUSED]), (NOON, [state for state in StreamState if is_expected(state)])],
    ids=["inside", "outside"],
)
def test_outside_its_window_an_expectation_matches_nothing(
    now: float, expected: list[StreamState]
) -> None:
    """At night PAUSED is expected and alone; at noon the defaults hold."""
    configured = [PAUSED_AT_NIGHT]
    assert expected == [
        state for state in StreamState if is_expected(state, now=now, expectations=configured)
    ]


def test_a_required_stream_that_is_there_is_not_missing() -> None:
    """A listed stream is never missing, whatever its state."""
    assert evaluated(Stream("orders", 6), required=[STREAM]).missing == ()


def test_a_required_stream_that_is_not_there_is_missing() -> None:
    """It is missed by its id, in its own location, however many others are there."""
    elsewhere = STREAM.replace("europe-west1", "us-east4")
    one = evaluated(Stream("orders-2", 2), required=[STREAM, elsewhere])
    assert one.missing == ("orders",)


def test_a_location_that_was_not_read_is_not_judged() -> None:
    """Nothing is missing and nothing is unexpected where nothing could be seen."""
    unread = Observations(
        locations=(UnreadLocation(AT, Failure(FailureKind.TIMED_OUT, "too slow", "Wait.")),)
    )
    data = {
        "metrics": {"project": "monitoring-hub"},
        "sources": [{"project": AT.project}],
        "required": [STREAM],
    }
    assert evaluate(unread, config.from_data(data, "config.yaml", {}).config, NOON) == ()


def test_the_failed_are_not_counted_among_the_unexpected() -> None:
    """Five streams: two failed, two not as expected, one running."""
    streams = [Stream(f"s{state}", state) for state in (5, 6, 3, 9, 2)]
    one = evaluated(*streams)
    assert (one.failed, one.unexpected) == (2, 2)
