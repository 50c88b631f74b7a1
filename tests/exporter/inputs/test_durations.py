"""Durations as people write them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.inputs import durations


@pytest.mark.parametrize(
    ("text", "seconds"), [("30s", 30), ("15m", 900), ("2h", 7200), ("0s", 0), ("007m", 420)]
)
def test_duration_is_a_number_and_a_unit(text: str, seconds: int) -> None:
    """Seconds, minutes and hours are understood."""
    assert durations.parse(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text", ["", "30", "s", "1.5h", "-1s", "1d", "1h30m", "2 h", "5S", "٣s", "9" * 10 + "h"]
)
def test_anything_else_is_answered_with_the_form(text: str) -> None:
    """What is no duration is shown, with how one is written."""
    with pytest.raises(ValueError, match="is not a duration; write a number and its unit, such as"):
        durations.parse(text)


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("50ms", 0.05), ("1h2m3s4ms", 3723.004), ("2h30s", 7230)]
)
def test_a_compound_duration_is_a_sum(text: str, seconds: float) -> None:
    """Several units, and milliseconds, are understood where they are allowed."""
    assert durations.parse(text, compound=True) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "1m1h", "5", "1h 2m", "ms", "-1m"])
def test_a_compound_duration_has_its_units_in_order(text: str) -> None:
    """Anything else gets the same answer as elsewhere."""
    with pytest.raises(ValueError, match="is not a duration; write a number and its unit, such as"):
        durations.parse(text, compound=True)


@given(st.integers(0, 999_999_999))
def test_a_printed_duration_reads_as_the_same(seconds: int) -> None:
    """Printing and parsing keep a duration."""
    duration = timedelta(seconds=seconds)

    assert durations.parse(durations.format_duration(duration), compound=True) == duration


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (30, "30s"),
        (59.94, "59.9s"),
        (59.96, "1m"),
        (90, "1m30s"),
        (126.9, "2m6.9s"),
        (900, "15m"),
        (3600, "1h"),
        (3661, "1h1m1s"),
        (7199.99, "2h"),
        (-5, "-5s"),
        (999_999_999 * 3600, "999999999h"),
    ],
)
def test_a_duration_is_printed_in_hours_minutes_and_seconds(seconds: float, text: str) -> None:
    """Seconds, and a timedelta, print to a tenth of a second, without units that are zero."""
    assert durations.format_duration(seconds) == text
    assert durations.format_duration(timedelta(seconds=seconds)) == text
