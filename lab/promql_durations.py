"""Reads and prints durations as Prometheus does: ``1h12m30s``, ``500ms``."""

import re

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


def parse_seconds(text: str) -> float:
    """Return the seconds that a text means, or raise ValueError with a sentence."""
    found = _DURATION.fullmatch(text)
    if not found:
        raise ValueError(
            f"{quote(text)} is not a duration; write for example 30s, 15m or 1h12m30s"
        )
    milliseconds = 0
    for number, unit in zip(found.groups("0"), _UNITS.values(), strict=True):
        milliseconds += int(number) * unit
    return milliseconds / 1000


def format_duration(seconds: float) -> str:
    """Return seconds as :func:`parse_seconds` reads them, to a tenth."""
    hours, tenths = divmod(round(abs(seconds) * 10), 36_000)
    minutes, tenths = divmod(tenths, 600)
    text = "-" if seconds < 0 else ""
    if hours:
        text += f"{hours}h"
    if minutes:
        text += f"{minutes}m"
    if tenths or not (hours or minutes):
        text += f"{tenths / 10:g}s"
    return text
