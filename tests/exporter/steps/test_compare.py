"""Comparing streams with config: fine states, missing and excluded streams."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml
from google.cloud.datastream_v1 import Stream as GoogleStream

from exporter.config import from_text
from exporter.config.model import Window
from exporter.log.summary import what_is_wrong
from exporter.states import EXPECTABLE, FAILURES, StreamState, state_name
from exporter.steps.compare import ComparedLocation, Expectations
from exporter.steps.read import Stream
from tests.exporter.reports import config
from tests.exporter.worlds import EUROPE, ORDERS
from tests.tables import rows

NIGHT = datetime(2026, 1, 14, 2, 30, tzinfo=UTC)
NOON = datetime(2026, 1, 14, 12, 0, tzinfo=UTC)
LABELS = {state.name.lower(): state for state in EXPECTABLE}
PAUSED_AT_NIGHT = {
    "match": "*/orders",
    "states": ["PAUSED"],
    "during": {"schedule": "0 2 * * *", "duration": "1h", "timezone": "UTC"},
}


def compared(
    *streams: Stream,
    now: datetime = NOON,
    globs: dict[str, Any] | None = None,
    **parts: Any,
) -> ComparedLocation:
    """Return ``europe-west1`` with these streams, compared with these parts."""
    source = {"project": "shop-prod", **(globs or {})}
    whole = config(sources=[source], **parts)
    expectations = Expectations(whole, int(now.timestamp()))
    return expectations.compare(EUROPE, whole.sources[0], streams)


def expected(label: str = "", now: datetime = NOON, **parts: Any) -> set[int]:
    """Return the states, of -1 to 12, that are fine for the stream ``orders``."""
    fine = set()
    for state in range(-1, 13):
        stream = Stream("orders", state, label=label)
        (one,) = compared(stream, now=now, **parts).streams
        if one.expected:
            fine.add(state)
    return fine


# States.


def test_states_have_names_and_kinds() -> None:
    """States are those of Google's client; an unknown number is named by itself."""
    theirs: Any = GoogleStream.State
    assert {one.name: int(one) for one in StreamState} == {
        one.name: int(one) for one in theirs
    }
    assert state_name(6) == "FAILED_PERMANENTLY"
    assert state_name(9) == "state 9"
    assert state_name(-1) == "state -1"
    assert {*FAILURES, *EXPECTABLE, StreamState.STATE_UNSPECIFIED} == {*StreamState}
    assert not FAILURES & {*EXPECTABLE}


# What is fine.


@pytest.mark.parametrize("label", ["", *LABELS, "PAUSED", "failed", "3"])
def test_a_label_adds_its_state(label: str) -> None:
    """A label adds its state to the four that are fine; a wrong one is explained."""
    fine = {2, 4, 7, 8}
    if label in LABELS:
        fine.add(LABELS[label])
    assert expected(label) == fine
    (one,) = compared(Stream("orders", 9, label=label)).streams
    says = f'(its label expected-state is "{label}"; allowed are not_started, running'
    assert (says in what_is_wrong(one)) == (label in {"PAUSED", "failed", "3"})


@rows
def test_an_unexpected_state_names_the_expectation_about_it(
    rules: list[str], place: str
) -> None:
    """The last match that is open is named, else the last whose window is closed."""
    lines = [
        "metrics: {project: shop-prod}",
        "sources: [{project: shop-prod}]",
        "expectations:",
        *(f"  - {rule}" for rule in rules),
    ]
    config = from_text("\n".join(lines), "c", {})
    streams = [Stream("orders", StreamState.NOT_STARTED)]
    expectations = Expectations(config, int(NOON.timestamp()))
    compared = expectations.compare(EUROPE, config.sources[0], streams)
    problem = f"is NOT_STARTED, which config does not expect{place}"
    assert [what_is_wrong(one) for one in compared.streams] == [problem]


def test_a_muted_stream_is_as_an_excluded_one_until_the_mute_ends() -> None:
    """A required one that is gone is not missing either; then both are as before."""
    mute = {"match": "*/*-eu", "until": "2026-01-14T13:00", "timezone": "Europe/Berlin"}
    parts: dict[str, Any] = {"mutes": [mute], "required": [f"{EUROPE}/streams/gone-eu"]}
    streams = [Stream("a-eu", StreamState.FAILED), Stream("b", StreamState.RUNNING)]
    seen = []
    for now in (NOON - timedelta(seconds=1), NOON):
        at = compared(*streams, now=now, **parts)
        watched = [one.name.stream for one in at.streams]
        seen.append((watched, [*at.unwatched], at.omitted.total()))
    # Only what exists is counted.
    assert seen == [(["b"], ["a-eu", "gone-eu"], 1), (["a-eu", "b", "gone-eu"], [], 0)]


def test_a_window_may_come_once() -> None:
    """A window that comes once is open from its first moment to its last."""
    window = {"from": "2026-10-24", "until": "2026-10-26", "timezone": "Europe/Berlin"}
    one = Window.model_validate(window)
    opens = datetime(2026, 10, 23, 22, tzinfo=UTC)
    times = (-1, 0, 49 * 3600 - 1, 49 * 3600)
    found = [one.is_open(opens + timedelta(seconds=each)) for each in times]
    assert found == [False, True, True, False]


def test_outside_its_window_an_expectation_matches_nothing() -> None:
    """Outside its window, an earlier match counts, or the label."""
    at_night = [PAUSED_AT_NIGHT]
    label = "not_started"
    assert expected(label, NIGHT, expectations=at_night) == {2, 3, 4, 7, 8}
    assert expected(label, NOON, expectations=at_night) == {1, 2, 4, 7, 8}
    earlier = {"match": str(ORDERS), "states": ["NOT_STARTED"]}
    both = [earlier, PAUSED_AT_NIGHT]
    assert expected(now=NOON, expectations=both) == {1, 2, 4, 7, 8}
    assert expected(now=NIGHT, expectations=both) == {2, 3, 4, 7, 8}


LIMITS = """
- {match: "*", lag: 1h, quiet: 6h, owner: Payments}
- {match: "*/users", lag: 5h}
- match: "*"
  lag: 2h
  owner: Night shift
  during: {schedule: 0 2 * * *, duration: 1h, timezone: UTC}
"""
HOUR = 3600


@pytest.mark.parametrize(
    ("now", "rules", "lag", "owner"),
    [
        (NOON, slice(None), HOUR, "Payments"),
        (NIGHT, slice(None), 2 * HOUR, "Night shift"),
        # Outside its window, a limit that no other replaces is 0.
        (NOON, slice(1, None), 0, ""),
    ],
)
def test_each_limit_and_the_owner_are_those_of_the_last_match_that_has_them(
    now: datetime, rules: slice, lag: int, owner: str
) -> None:
    """A window holds for them too: outside it, another match counts, or none."""
    expectations = yaml.safe_load(LIMITS)[rules]
    (one,) = compared(Stream("orders", 2), now=now, expectations=expectations).streams
    assert one.limits["lag"].seconds == lag
    assert one.owner == owner
    assert ("quiet" in one.limits) is (rules.start is None)


# Locations.

ALL = ["orders-eu", "orders-us", "test-orders"]


@rows
def test_globs_choose_among_the_streams(
    globs: dict[str, list[str]], watched: list[str], others: dict[str, str]
) -> None:
    """Each stream that is not watched has a reason: not included, or else excluded."""
    one = compared(*(Stream(each, 2) for each in ALL), globs=globs)
    assert [stream.name.stream for stream in one.streams] == watched
    assert one.unwatched == others


@rows
def test_a_window_lasts_its_duration_while_clocks_change(
    zone: str, schedule: str, duration: str, opens: str
) -> None:
    """A window is open for its duration in real time, to the microsecond."""
    one = Window.model_validate(
        {"schedule": schedule, "duration": duration, "timezone": zone}
    )
    instant = timedelta(microseconds=1)
    start = datetime.fromisoformat(opens)
    end = start + one.length
    assert not one.is_open(start - instant)
    assert one.is_open(start)
    assert one.is_open(end - instant)
    assert not one.is_open(end)
    # Where the night has an hour twice, the second one opens no window.
    later = start + timedelta(hours=1, minutes=5)
    assert one.is_open(later) == (later < end)
