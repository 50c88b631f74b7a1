"""Durations as people write them."""

import pytest

from lab import promql_durations
from tests.tables import rows


@rows
def test_duration_is_numbers_with_units(text: str, seconds: float) -> None:
    """A duration is numbers with units, the largest unit first."""
    assert promql_durations.parse_seconds(text) == seconds


@rows
def test_anything_else_is_answered_with_the_form(text: str) -> None:
    """What is no duration is shown, with how one is written."""
    with pytest.raises(ValueError, match="is not a duration; write"):
        promql_durations.parse_seconds(text)


@rows
def test_a_duration_is_printed_in_hours_minutes_and_seconds(
    seconds: float, text: str
) -> None:
    """A duration is printed to a tenth of a second, without zero units."""
    assert promql_durations.format_duration(seconds) == text
