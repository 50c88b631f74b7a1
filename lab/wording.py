"""Numbers, times and lists in words, as tables and reviews show them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.durations import format_duration

if TYPE_CHECKING:
    from collections.abc import Sequence


def short(seconds: float) -> str:
    """Return whole seconds as people write durations, such as ``1h12m10s``."""
    return format_duration(round(seconds))


def joined(words: Sequence[str]) -> str:
    """Return one or more words as a list, such as ``a, b and c``."""
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last


def first_and_more(words: Sequence[str], most: int, separator: str = ", ") -> str:
    """Return the first words of a list and how many more there are: ``a, b and 1,200 more``."""
    more = len(words) - most
    return separator.join(words[:most]) + (f" and {more:,} more" if more > 0 else "")
