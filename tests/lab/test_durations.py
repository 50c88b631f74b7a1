"""Durations as people write them."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab import durations


@pytest.mark.parametrize(
    ("text", "compound", "seconds"),
    [
        ("30s", False, 30),
        ("15m", False, 900),
        ("2h", False, 7200),
        ("007m", False, 420),
        ("90s", True, 90),
        ("50ms", True, 0.05),
        ("1h2m3s4ms", True, 3723.004),
    ],
)
def test_duration_is_a_number_and_a_unit(text: str, *, compound: bool, seconds: float) -> None:
    """Seconds, minutes and hours are understood; where it is allowed, their sum too."""
    assert durations.parse(text, compound=compound) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("text", "compound"),
    [
        *((text, False) for text in ("", "30", "s", "1.5h", "-1s", "1d", "1h30m", "2 h", "5S")),
        *((text, False) for text in ("٣s", "9" * 10 + "h")),
        *((text, True) for text in ("", "1m1h", "5", "1h 2m", "ms", "-1m")),
    ],
)
def test_anything_else_is_answered_with_the_form(text: str, *, compound: bool) -> None:
    """What is no duration is shown, with how one is written."""
    with pytest.raises(ValueError, match="is not a duration; write"):
        durations.parse(text, compound=compound)


@given(st.integers(0, 999_999_999))
def test_a_printed_duration_reads_as_the_same(seconds: int) -> None:
    """Printing and parsing keep a duration."""
    duration = timedelta(seconds=seconds)

    assert durations.parse(durations.format_duration(duration), compound=True) == duration


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (59.94, "59.9s"),
        (59.96, "1m"),
        (126.9, "2m6.9s"),
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
