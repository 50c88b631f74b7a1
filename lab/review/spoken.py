"""Seconds and lists as people say them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_SECONDS = re.compile(r"([0-9]{1,9})(?:\.0+)?s")
_UNITS = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))
_SHORTEST_IN_DAYS = 2 * 86_400


def seconds_of(written: object) -> int | None:
    """Return the whole seconds that a text of the API's says, such as ``60s``; else None."""
    found = _SECONDS.fullmatch(written) if isinstance(written, str) else None
    return int(found[1]) if found else None


def spoken(seconds: float) -> str:
    """Return seconds in the units that fit, such as ``1 min 30 s``; two days are the first ``d``.

    Args:
        seconds: How many; not negative.
    """
    left = round(seconds)
    parts = []
    for size, unit in _UNITS:
        if unit == "d" and left < _SHORTEST_IN_DAYS:
            continue
        if left >= size:
            parts.append(f"{left // size} {unit}")
            left %= size
    return " ".join(parts) or "0 s"


def listed(words: Sequence[str]) -> str:
    """Return words in a row, the last after ``and``.

    Args:
        words: One at least.
    """
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last
