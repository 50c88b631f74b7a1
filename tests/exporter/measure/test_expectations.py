"""Which states are fine for a stream, now."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.config import Expectation, Window
from exporter.measure.expectations import OpenExpectations, is_open, label_complaint
from exporter.names import StreamName
from exporter.states import EXPECTABLE, EXPECTED_BY_DEFAULT, StreamState

NOW = datetime(2026, 3, 14, 15, 9, 26, tzinfo=UTC)
ORDERS = StreamName("my-project", "us-east1", "orders")
SECOND = timedelta(seconds=1)


def _window(schedule: str, duration: str, timezone: str = "UTC") -> Window:
    return Window.model_validate({"schedule": schedule, "duration": duration, "timezone": timezone})


def _expectation(match: str, *states: str, during: Window | None = None) -> Expectation:
    return Expectation.model_validate(
        {"match": match, "states": states, "during": during and during.model_dump()}
    )


def _local(text: str, zone: str, *, second_time: bool = False) -> datetime:
    local = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=int(second_time))
    return local.astimezone(UTC)


STREAM_GLOBS = st.sampled_from(
    [
        "*",
        str(ORDERS),
        "projects/my-project/*",
        "projects/*/locations/*/streams/orders",
        "projects/*/locations/*/streams/customers",
        "projects/*/locations/*/streams/o[q-s]*",
        "projects/other-project/*",
    ]
)
EXPECTATIONS = st.lists(
    st.builds(
        lambda match, states: _expectation(match, *(state.name for state in states)),
        STREAM_GLOBS,
        st.lists(st.sampled_from(EXPECTABLE), min_size=1, max_size=3),
    ),
    max_size=6,
)
LABELS = st.none() | st.sampled_from([state.name.lower() for state in StreamState]) | st.text()


@given(EXPECTATIONS, LABELS)
def test_last_match_wins_then_the_label_then_the_default(
    expectations: list[Expectation], label: str | None
) -> None:
    """Of the matching expectations the last one counts; without one, the label; else defaults."""
    matching = [
        expectation
        for expectation in expectations
        if "customers" not in expectation.match and "other-project" not in expectation.match
    ]

    states = OpenExpectations(expectations, NOW).states(ORDERS, label)

    if matching:
        assert states == set(matching[-1].states)
    elif label in {state.name.lower() for state in EXPECTABLE}:
        assert states == {StreamState[label.upper()]}
    else:
        assert states == EXPECTED_BY_DEFAULT


@given(EXPECTATIONS, LABELS, st.integers())
def test_unknown_states_are_never_expected(
    expectations: list[Expectation], label: str | None, number: int
) -> None:
    """Failures, the unspecified state and numbers that nobody knows are expected by nothing."""
    states = OpenExpectations(expectations, NOW).states(ORDERS, label)

    assert states <= set(EXPECTABLE)
    assert (number in states) <= (number in set(EXPECTABLE))


@pytest.mark.parametrize("label", ["PAUSED", "failed", "failed_permanently", "", "asleep"])
def test_label_that_names_no_state_to_expect_is_complained_of(label: str) -> None:
    """The complaint names the stream, the value and what is allowed."""
    complaint = label_complaint(ORDERS, label)

    assert complaint is not None
    assert complaint.startswith(f'{ORDERS}: its label expected-state holds "{label}"')
    assert "paused" in complaint


@pytest.mark.parametrize("label", [None, *(state.name.lower() for state in EXPECTABLE)])
def test_good_label_is_not_complained_of(label: str | None) -> None:
    """No label, or a state's name in lower case, is fine."""
    assert label_complaint(ORDERS, label) is None


def test_expectation_outside_its_window_matches_nothing() -> None:
    """Outside the window an earlier match counts, inside it the later one; others count always."""
    expectations = [
        _expectation(str(ORDERS), "MAINTENANCE", during=_window("0 9 * * *", "1h")),
        _expectation(str(ORDERS), "RUNNING"),
        _expectation(str(ORDERS), "PAUSED", during=_window("0 22 * * *", "2h")),
    ]
    opens = datetime(2026, 1, 5, 22, tzinfo=UTC)

    def states(at: datetime) -> frozenset[StreamState]:
        return OpenExpectations(expectations, at).states(ORDERS)

    assert states(opens - SECOND) == {StreamState.RUNNING}
    assert states(opens) == {StreamState.PAUSED}
    assert states(opens + timedelta(hours=2) - SECOND) == {StreamState.PAUSED}
    assert states(opens + timedelta(hours=2)) == {StreamState.RUNNING}


def test_window_longer_than_its_period_is_always_open() -> None:
    """A window that opens again before it ends never closes."""
    window = _window("*/10 * * * *", "11m")

    assert all(is_open(window, NOW + timedelta(minutes=n)) for n in range(60))


@pytest.mark.parametrize(
    ("zone", "opens"),
    [
        # The clocks go from 2 to 3 while the window is open.
        ("Europe/Berlin", "2026-03-29T01:30"),
        ("America/New_York", "2026-03-08T01:30"),
        # They go back an hour while it is open.
        ("Europe/Berlin", "2026-10-25T01:30"),
        ("America/New_York", "2026-11-01T00:30"),
    ],
)
def test_window_lasts_its_duration_while_clocks_change(zone: str, opens: str) -> None:
    """A window of two hours lasts two hours of real time in every night of the year."""
    start = _local(opens, zone)
    local = datetime.fromisoformat(opens)
    window = _window(f"{local.minute} {local.hour} * * *", "2h", zone)

    assert not is_open(window, start - SECOND)
    assert is_open(window, start)
    assert is_open(window, start + timedelta(hours=2) - SECOND)
    assert not is_open(window, start + timedelta(hours=2))


@pytest.mark.parametrize(
    ("zone", "after"),
    [("Europe/Berlin", "2026-03-29T03:00"), ("America/New_York", "2026-03-08T03:00")],
)
def test_window_of_a_skipped_hour_opens_right_after_it(zone: str, after: str) -> None:
    """A window at half past two opens at three in the night that has no half past two."""
    window = _window("30 2 * * *", "1h", zone)
    start = _local(after, zone)

    assert not is_open(window, start - SECOND)
    assert is_open(window, start)
    assert not is_open(window, start + timedelta(hours=1))


@pytest.mark.parametrize(
    ("zone", "text", "schedule"),
    [
        ("Europe/Berlin", "2026-10-25T02:30", "30 2 * * *"),
        ("America/New_York", "2026-11-01T01:30", "30 1 * * *"),
    ],
)
def test_window_of_a_repeated_hour_opens_once(zone: str, text: str, schedule: str) -> None:
    """In the night that shows half past two twice, the window opens the first time alone."""
    window = _window(schedule, "10m", zone)
    first = _local(text, zone)
    second = _local(text, zone, second_time=True)

    assert second - first == timedelta(hours=1)
    assert is_open(window, first)
    assert not is_open(window, first + timedelta(minutes=10))
    assert not is_open(window, second)
    assert not is_open(window, second + timedelta(minutes=9))


SCHEDULES = ["30 2 * * *", "0,45 1-3 * * *", "*/20 * * * *", "15 */2 * * SUN", "0 0 * * *"]
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]
YEAR = datetime(2026, 1, 1, tzinfo=UTC)


@cache
def _starts(schedule: str, zone: str, month: int) -> list[datetime]:
    """Return the starts around a month, one after another from long before it."""
    begin = YEAR + timedelta(days=30 * month - 20)
    starts = []
    for start in CronSim(schedule, begin.astimezone(ZoneInfo(zone))):
        starts.append(start.astimezone(UTC))
        if starts[-1] > begin + timedelta(days=70):
            return starts
    return starts


@settings(max_examples=300)
@given(
    st.sampled_from(SCHEDULES),
    st.sampled_from(ZONES),
    st.sampled_from([3, 9, 10]),
    st.integers(0, 40 * 86400),
    st.sampled_from([60, 600, 3600, 7200, 90_000]),
)
def test_window_is_open_from_each_start_for_its_duration(
    schedule: str, zone: str, month: int, offset: int, seconds: int
) -> None:
    """A window is open exactly when some start lies less than its duration back."""
    now = YEAR + timedelta(days=30 * month, seconds=offset)
    duration = timedelta(seconds=seconds)
    window = _window(schedule, f"{seconds}s", zone)

    starts = _starts(schedule, zone, month)

    assert is_open(window, now) == any(now - duration < start <= now for start in starts)


def test_moments_between_seconds_count_as_real_time() -> None:
    """A window is closed on the dot, however its second is cut."""
    window = _window("0 22 * * *", "1h")
    opens = datetime(2026, 1, 5, 22, tzinfo=UTC)
    instant = timedelta(microseconds=1)

    assert not is_open(window, opens - instant)
    assert is_open(window, opens + instant)
    assert is_open(window, opens + timedelta(hours=1) - instant)
    assert not is_open(window, opens + timedelta(hours=1) + instant)
