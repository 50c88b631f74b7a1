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


@given(st.integers(0, 999_999_999))
def test_text_of_a_duration_reads_as_the_same(seconds: int) -> None:
    """Writing and reading give the same duration."""
    duration = timedelta(seconds=seconds)

    assert durations.parse(durations.text(duration)) == duration


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0s"), (30, "30s"), (90, "90s"), (900, "15m"), (7200, "2h")]
)
def test_text_uses_the_largest_unit_that_fits(seconds: int, text: str) -> None:
    """A whole number of hours is written in hours."""
    assert durations.text(timedelta(seconds=seconds)) == text


@pytest.mark.parametrize("seconds", [-1, 0.5])
def test_what_no_text_says_is_refused(seconds: float) -> None:
    """A negative duration, or a part of a second, has no text."""
    with pytest.raises(ValueError, match="is no whole number of seconds"):
        durations.text(timedelta(seconds=seconds))
