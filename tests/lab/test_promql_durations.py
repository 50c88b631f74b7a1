"""Durations as people write them."""

import pytest

from lab import promql_durations


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("50ms", 0.05), ("0s", 0), ("5", 5), ("007m", 420), ("1d2h3m4s", 93_784)],
)
def test_duration_is_numbers_with_units(text: str, seconds: float) -> None:
    """A duration is numbers with units, the largest unit first."""
    assert promql_durations.parse_seconds(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "1m1h", "1h 2m", "-1m", "1.5h", "٣s", "99999999999y"]
)
def test_anything_else_is_answered_with_the_form(text: str) -> None:
    """What is no duration is shown, with how one is written."""
    with pytest.raises(ValueError, match="is not a duration; write"):
        promql_durations.parse_seconds(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (59.96, "1m"), (126.9, "2m6.9s"), (-5, "-5s"), (86_400, "24h")],
)
def test_a_duration_is_printed_in_hours_minutes_and_seconds(
    seconds: float, text: str
) -> None:
    """A duration is printed to a tenth of a second, without zero units."""
    assert promql_durations.format_duration(seconds) == text
