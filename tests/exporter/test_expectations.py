"""Compares streams with config: which states are fine now, and what is missing or excluded."""

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim
from google.cloud.datastream_v1 import BackfillJob
from google.cloud.datastream_v1 import Stream as GoogleStream
from hypothesis import example, given, settings
from hypothesis import strategies as st

from exporter.config import Config, Window
from exporter.expectations import (
    ComparedLocation,
    ComparedStream,
    Expectations,
    is_open,
    label_complaint,
    unmatched,
)
from exporter.names import StreamName
from exporter.read import Stream
from exporter.states import (
    EXPECTABLE,
    EXPECTED_BY_DEFAULT,
    FAILURES,
    BackfillState,
    StreamState,
    state_name,
)
from tests.exporter.worlds import EUROPE, ORDERS

NIGHT = datetime(2026, 1, 14, 2, 30, tzinfo=UTC)
NOON = datetime(2026, 1, 14, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
LABELS = {state.name.lower(): state for state in EXPECTABLE}
PAUSED_AT_NIGHT = {
    "match": "*/orders",
    "states": ["PAUSED"],
    "during": {"schedule": "0 2 * * *", "duration": "1h"},
}


def configured(source: dict[str, Any] | None = None, **parts: Any) -> Config:
    """Return a config of these parts that reads ``europe-west1``."""
    listed = {"project": "shop-prod", "locations": ["europe-west1"], **(source or {})}
    return Config.model_validate(
        {"metrics": {"project": "metrics-project"}, "sources": [listed], **parts}
    )


def compared(
    *streams: Stream,
    now: datetime = NOON,
    source: dict[str, Any] | None = None,
    **parts: Any,
) -> ComparedLocation:
    """Return ``europe-west1`` with these streams, compared with a config of these parts."""
    config = configured(source, **parts)
    expectations = Expectations(config, int(now.timestamp()))
    return expectations.compare(EUROPE, config.sources[0], streams)


def expected(label: str | None = None, now: datetime = NOON, **parts: Any) -> set[int]:
    """Return the states, of -1 to 12, that are fine for the stream ``orders``."""
    return {
        state
        for state in range(-1, 13)
        for one in compared(Stream("orders", state, label=label), now=now, **parts).streams
        if one.expected
    }


# States.


@pytest.mark.parametrize(
    ("ours", "theirs"), [(StreamState, GoogleStream.State), (BackfillState, BackfillJob.State)]
)
def test_states_are_those_of_googles_client(ours: Any, theirs: Any) -> None:
    """Every name and every number, none more and none less."""
    assert {one.name: int(one) for one in ours} == {one.name: int(one) for one in theirs}


def test_every_state_is_a_failure_or_expectable_or_says_nothing() -> None:
    """What is fine by default can be expected, and a failure can't."""
    assert set(StreamState) == {*FAILURES, *EXPECTABLE, StreamState.STATE_UNSPECIFIED}
    assert not FAILURES & set(EXPECTABLE)
    assert EXPECTED_BY_DEFAULT < set(EXPECTABLE)


@given(st.integers(-(2**31), 2**31 - 1))
@example(5)
def test_every_number_has_a_name(number: int) -> None:
    """A number that the client doesn't know is named as a number."""
    known = {int(state): state.name for state in StreamState}
    assert state_name(number) == known.get(number, f"state {number}")


# What is fine.


def test_what_runs_or_is_on_its_way_is_fine() -> None:
    """RUNNING, STARTING, DRAINING and MAINTENANCE are; no other state, known or not, is."""
    assert expected() == {2, 4, 7, 8}


@pytest.mark.parametrize("label", LABELS)
def test_a_label_adds_its_state(label: str) -> None:
    """The states that are always fine stay so."""
    assert expected(label) == {2, 4, 7, 8} | {LABELS[label]}


@pytest.mark.parametrize("label", ["", "PAUSED", "asleep", "failed", "failed_permanently", "3"])
def test_a_label_that_names_no_state_adds_nothing(label: str) -> None:
    """The complaint names the stream, the value and what is allowed."""
    assert expected(label) == {2, 4, 7, 8}
    complaint = label_complaint(ComparedStream(ORDERS, Stream("orders", 2, label=label), True))
    assert complaint
    assert complaint.startswith(f'{ORDERS}: its label expected-state holds "{label}"')
    assert "paused" in complaint


@pytest.mark.parametrize("label", [None, *LABELS])
def test_a_good_label_or_none_is_no_complaint(label: str | None) -> None:
    """Neither is a missing stream."""
    stream = Stream("orders", 2, label=label)
    assert label_complaint(ComparedStream(ORDERS, stream, expected=True)) is None
    assert label_complaint(ComparedStream(ORDERS, None, expected=False)) is None


GLOBS = st.sampled_from(
    [
        "*",
        str(ORDERS),
        "projects/shop-prod/*",
        "projects/*/locations/*/streams/orders",
        "projects/*/locations/*/streams/o[q-s]*",
        "projects/*/locations/*/streams/customers",
        "projects/other-project/*",
        f"{EUROPE}/streams/order",
    ]
)
STATES = st.lists(st.sampled_from([state.name for state in EXPECTABLE]), min_size=1, max_size=3)


@settings(max_examples=100)
@given(
    st.lists(st.fixed_dictionaries({"match": GLOBS, "states": STATES}), max_size=6),
    st.none() | st.sampled_from([*LABELS, "failed"]) | st.text(),
)
def test_the_last_match_adds_states_and_without_one_the_label_does(
    expectations: list[dict[str, Any]], label: str | None
) -> None:
    """A full name has no precedence over a glob, and failures are never fine."""
    matching = [
        one
        for one in expectations
        if not {"customers", "other-project", "order"} & {*one["match"].split("/")}
    ]
    fine = {2, 4, 7, 8}
    if matching:
        fine |= {StreamState[name] for name in matching[-1]["states"]}
    elif label in LABELS:
        fine |= {LABELS[label]}
    assert expected(label, expectations=expectations) == fine
    assert not fine & FAILURES


def test_outside_its_window_an_expectation_matches_nothing() -> None:
    """Then an earlier match counts, or the label."""
    inside = {"now": NIGHT, "expectations": [PAUSED_AT_NIGHT]}
    outside = {"now": NOON, "expectations": [PAUSED_AT_NIGHT]}
    assert expected(**inside) == expected("not_started", **inside) == {2, 3, 4, 7, 8}
    assert expected(**outside) == {2, 4, 7, 8}
    assert expected("not_started", **outside) == {1, 2, 4, 7, 8}
    earlier = {"match": str(ORDERS), "states": ["NOT_STARTED"]}
    assert expected(now=NOON, expectations=[earlier, PAUSED_AT_NIGHT]) == {1, 2, 4, 7, 8}
    assert expected(now=NIGHT, expectations=[earlier, PAUSED_AT_NIGHT]) == {2, 3, 4, 7, 8}


# Locations.


@pytest.mark.parametrize(
    ("globs", "watched", "excluded"),
    [
        ({}, ["orders-eu", "orders-us", "test-orders"], []),
        ({"include": ["orders-*"]}, ["orders-eu", "orders-us"], []),
        ({"exclude": ["test-*"]}, ["orders-eu", "orders-us"], ["test-orders"]),
        ({"include": ["orders*"], "exclude": ["*-us", "test-*"]}, ["orders-eu"], ["orders-us"]),
        ({"include": ["nothing"], "exclude": ["*"]}, [], []),
        ({"exclude": ["*"]}, [], ["orders-eu", "orders-us", "test-orders"]),
    ],
)
def test_globs_choose_among_the_streams(
    globs: dict[str, list[str]], watched: list[str], excluded: list[str]
) -> None:
    """What no include matches is neither watched nor excluded."""
    streams = [Stream(one, 2) for one in ("orders-eu", "orders-us", "test-orders")]
    one = compared(*streams, source=globs)
    assert [stream.name.stream for stream in one.streams] == watched
    assert list(one.excluded) == excluded
    assert one.empty == (not watched and not excluded)


@pytest.mark.parametrize("globs", [{}, {"exclude": ["orders"]}, {"include": ["other"]}])
def test_a_required_stream_that_is_there_is_never_missing(globs: dict[str, list[str]]) -> None:
    """Whatever its state, and whether or not it is watched."""
    one = compared(Stream("orders", 6), source=globs, required=[str(ORDERS)])
    assert one.missing == []


def test_a_required_stream_that_is_not_there_is_missing() -> None:
    """In its own location only, however many others are there; it is as bad as can be."""
    elsewhere = str(ORDERS).replace("europe-west1", "us-east4")
    one = compared(Stream("orders-2", 2), required=[str(ORDERS), elsewhere])
    assert one.missing == [ORDERS]
    assert not one.empty
    missing = one.streams[-1]
    assert (missing.state, missing.expected, missing.bad, missing.failed) == (
        *("missing", False, True, False),
    )
    assert "is required but does not exist" in missing.problem


def test_streams_are_counted_once() -> None:
    """Failed are both kinds of failure; unexpected are neither these nor missing ones."""
    streams = [Stream(f"s{state}", state) for state in (2, 3, 5, 5, 6, 9)]
    streams[3] = Stream("other", 5)
    one = compared(*streams, required=[str(ORDERS)], source={"exclude": ["nothing"]})
    assert (one.failed, one.permanently_failed, one.unexpected) == (3, 1, 2)


def test_an_excluded_stream_is_not_counted() -> None:
    """Excluding mutes it."""
    one = compared(Stream("orders", 6), Stream("carts", 3), source={"exclude": ["*"]})
    assert (one.failed, one.permanently_failed, one.unexpected) == (0, 0, 0)


@pytest.mark.parametrize(
    ("stream", "problem"),
    [
        (Stream("orders", 2), ""),
        (Stream("orders", 3), "is PAUSED, which config does not expect"),
        (Stream("orders", 9), "is state 9, which config does not expect"),
        (Stream("orders", 2, 2, None, "SLOT", "Lost\nit."), "is RUNNING with 2 errors: Lost it."),
        (Stream("orders", 5, 1, None, "SLOT", ""), "failed; Datastream keeps retrying: SLOT"),
        (Stream("orders", 6), "failed permanently; it will not recover on its own"),
    ],
)
def test_a_problem_is_said_in_words(stream: Stream, problem: str) -> None:
    """They follow the name of the stream; the first error stands at the end, on one line."""
    (one,) = compared(stream).streams
    assert one.problem == problem


def test_globs_that_match_nothing_are_named() -> None:
    """By their place in config, against what was read: an excluded stream counts as well."""
    config = configured(
        {"include": ["orders", "gone-*"], "exclude": ["ord*", "old-*"]},
        expectations=[
            {"match": str(ORDERS), "states": ["PAUSED"]},
            {"match": "*/streams/gone", "states": ["PAUSED"]},
        ],
    )
    read = Expectations(config, 0).compare(EUROPE, config.sources[0], [Stream("orders", 2)])
    assert list(unmatched(config, [read])) == [
        'expectations[1].match: "*/streams/gone" matches no stream',
        'sources[0].include[1]: "gone-*" matches no stream',
        'sources[0].exclude[1]: "old-*" matches no stream',
    ]


# Windows.


def window(schedule: str, duration: str, timezone: str = "UTC") -> Window:
    """Return a window."""
    return Window.model_validate({"schedule": schedule, "duration": duration, "timezone": timezone})


def local(text: str, zone: str, *, second_time: bool = False) -> datetime:
    """Return a local time, of a night that has it twice the second one if asked for."""
    time = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=int(second_time))
    return time.astimezone(UTC)


def assert_open(one: Window, opens: datetime, closes: datetime) -> None:
    """Assert that a window is open from a time to another, to the microsecond."""
    instant = timedelta(microseconds=1)
    assert not is_open(one, opens - instant)
    assert is_open(one, opens)
    assert is_open(one, closes - instant)
    assert not is_open(one, closes)


@pytest.mark.parametrize(
    ("zone", "opens"),
    [
        ("UTC", "2026-01-05T22:00"),
        # The clocks go forward while the window is open.
        ("Europe/Berlin", "2026-03-29T01:30"),
        ("America/New_York", "2026-03-08T01:30"),
        # They go back while it is open.
        ("Europe/Berlin", "2026-10-25T01:30"),
        ("America/New_York", "2026-11-01T00:30"),
    ],
)
def test_a_window_lasts_its_duration_while_clocks_change(zone: str, opens: str) -> None:
    """A window of two hours lasts two hours of real time in every night of the year."""
    time = datetime.fromisoformat(opens)
    start = local(opens, zone)
    one = window(f"{time.minute} {time.hour} * * *", "2h", zone)
    assert_open(one, start, start + timedelta(hours=2))


@pytest.mark.parametrize(
    ("zone", "after"),
    [("Europe/Berlin", "2026-03-29T03:00"), ("America/New_York", "2026-03-08T03:00")],
)
def test_a_window_of_a_skipped_hour_opens_right_after_it(zone: str, after: str) -> None:
    """A window at half past two opens at three in the night that has no half past two."""
    start = local(after, zone)
    assert_open(window("30 2 * * *", "1h", zone), start, start + timedelta(hours=1))


@pytest.mark.parametrize(
    ("zone", "text", "schedule"),
    [
        ("Europe/Berlin", "2026-10-25T02:30", "30 2 * * *"),
        ("America/New_York", "2026-11-01T01:30", "30 1 * * *"),
    ],
)
def test_a_window_of_a_repeated_hour_opens_once(zone: str, text: str, schedule: str) -> None:
    """In the night that shows half past two twice, it opens the first time only."""
    one = window(schedule, "10m", zone)
    first, second = local(text, zone), local(text, zone, second_time=True)
    assert second - first == timedelta(hours=1)
    assert_open(one, first, first + timedelta(minutes=10))
    assert not is_open(one, second)
    assert not is_open(one, second + timedelta(minutes=9))


def test_a_window_longer_than_its_period_is_always_open() -> None:
    """One that opens again before it ends never closes."""
    one = window("*/10 * * * *", "11m")
    assert all(is_open(one, NOON + timedelta(minutes=n)) for n in range(60))


SCHEDULES = ["30 2 * * *", "0,45 1-3 * * *", "*/20 * * * *", "15 */2 * * SUN", "0 0 * * *"]
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]
# Around the nights in which the clocks of one of the zones change.
CHANGES = [(3, 8), (3, 29), (4, 5), (10, 4), (10, 25), (11, 1)]


@cache
def starts(schedule: str, zone: str, month: int, day: int) -> list[datetime]:
    """Return the starts around a day, one after another from before any window under way."""
    noon = datetime(2026, month, day, 12, tzinfo=UTC)
    found = []
    for start in CronSim(schedule, (noon - timedelta(days=5)).astimezone(ZoneInfo(zone))):
        found.append(start.astimezone(UTC))
        if found[-1] > noon + timedelta(days=3):
            break
    return found


@settings(max_examples=200)
@given(
    st.sampled_from(SCHEDULES),
    st.sampled_from(ZONES),
    st.sampled_from(CHANGES),
    st.integers(-2 * 86_400, 2 * 86_400),
    st.sampled_from([60, 600, 3600, 7200, 90_000]),
)
def test_a_window_is_open_from_each_start_for_its_duration(
    schedule: str, zone: str, date: tuple[int, int], offset: int, seconds: int
) -> None:
    """It is open exactly when some start lies less than its duration back."""
    now = datetime(2026, *date, 12, tzinfo=UTC) + timedelta(seconds=offset)
    duration = timedelta(seconds=seconds)
    is_due = any(now - duration < start <= now for start in starts(schedule, zone, *date))
    assert is_open(window(schedule, f"{seconds}s", zone), now) == is_due


def test_each_stream_has_its_own_expectation() -> None:
    """A full name counts for its stream only, among hundreds of others."""
    others = [str(StreamName(*EUROPE, f"s{number}")) for number in range(200)]
    many = [{"match": name, "states": ["NOT_STARTED"]} for name in others]
    one = compared(
        Stream("s7", StreamState.NOT_STARTED),
        Stream("orders", StreamState.NOT_STARTED),
        expectations=many,
    )
    assert [stream.expected for stream in one.streams] == [True, False]
