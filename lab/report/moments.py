"""Moments and spans of a scenario, as the page writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from lab.policies.spans import span

if TYPE_CHECKING:
    from collections.abc import Iterable

_NICE = (1, 2, 5, 10, 15, 30, 60, 120, 240, 360)
"""Minutes from one mark of an axis to the next."""
_MOST_TICKS = 9
_HOURS_FROM = 5 * 3600


class Tick(NamedTuple):
    """A mark of the axis of time.

    Attributes:
        at: Where, in seconds after the start.
        text: What it says.
    """

    at: float
    text: str


def short(seconds: float) -> str:
    """Return a moment or a duration as scenario files write it: ``1h12m10s``."""
    return span(round(seconds))


def between(moments: Iterable[float]) -> str:
    """Return the first and the last of some moments, one where they are the same."""
    texts = list(dict.fromkeys(short(moment) for moment in sorted(moments)))
    return texts[0] if len(texts) == 1 else f"{texts[0]} to {texts[-1]}"


def ticks(lasts: float) -> tuple[Tick, ...]:
    """Return the marks of an axis of so many seconds: few, at round minutes, hours if it is long.

    Args:
        lasts: Seconds from the start to the end.
    """
    fitting = (minutes for minutes in _NICE if lasts / (minutes * 60) < _MOST_TICKS)
    step = next(fitting, _NICE[-1]) * 60
    size, unit = (3600, "h") if lasts >= _HOURS_FROM and step >= _NICE[-4] * 60 else (60, "min")
    return tuple(
        Tick(at, f"{at // size}" + (f" {unit}" if at == 0 else ""))
        for at in range(0, int(lasts) + 1, step)
    )
