"""Numbers, times and lists in words, as tables and reviews show them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_UNITS = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))
_SHORTEST_IN_DAYS = 2 * 86_400


def spoken(seconds: float) -> str:
    """Return seconds in units that fit, such as ``1 min 30 s``; days are used from two on."""
    left = round(seconds)
    parts = []
    for size, unit in _UNITS:
        if left >= (_SHORTEST_IN_DAYS if unit == "d" else size):
            parts.append(f"{left // size} {unit}")
            left %= size
    return " ".join(parts) or "0 s"


def joined(words: Sequence[str]) -> str:
    """Return one or more words as a list, such as ``a, b and c``."""
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last


def first_and_more(words: Sequence[str], most: int, separator: str = ", ") -> str:
    """Return the first words of a list and how many more there are: ``a, b and 1,200 more``."""
    more = len(words) - most
    return separator.join(words[:most]) + (f" and {more:,} more" if more > 0 else "")
