"""Reads and prints durations as Prometheus does: ``1h12m30s``, ``500ms``."""

import re
from datetime import timedelta

from exporter.text import quote

_DAY = 86_400_000
# In milliseconds
_UNITS = {
    "y": 365 * _DAY,
    "w": 7 * _DAY,
    "d": _DAY,
    "h": 3_600_000,
    "m": 60_000,
    "s": 1000,
    "ms": 1,
}
_DURATION = re.compile(
    "(?=.)" + "".join(f"(?:([0-9]{{1,6}}){unit})?" for unit in _UNITS)
)


def parse(text: str) -> timedelta:
    """Return the duration that a text means, or raise ValueError with a sentence."""
    found = _DURATION.fullmatch(text)
    if not found:
        raise ValueError(
            f"{quote(text)} is not a duration; write for example 30s, 15m or 1h12m30s"
        )
    parts = zip(found.groups("0"), _UNITS.values(), strict=True)
    return timedelta(milliseconds=sum(int(number) * unit for number, unit in parts))


def format_duration(duration: timedelta | float) -> str:
    """Return a duration, or seconds, as :func:`parse` reads it, to a tenth of a second."""
    seconds = duration.total_seconds() if isinstance(duration, timedelta) else duration
    hours, tenths = divmod(round(abs(seconds) * 10), 36_000)
    minutes, tenths = divmod(tenths, 600)
    parts = ((f"{hours}", "h"), (f"{minutes}", "m"), (f"{tenths / 10:g}", "s"))
    text = "".join(number + unit for number, unit in parts if number != "0") or "0s"
    return f"-{text}" if seconds < 0 else text
