"""Reads and prints durations as Prometheus does: ``1h12m30s``, ``500ms``."""

import re
from datetime import timedelta

from exporter import durations
from exporter.text import quote

_COMPOUND = re.compile(r"(?=.)([0-9]{1,9}h)?([0-9]{1,9}m)?([0-9]{1,9}s)?([0-9]{1,9}ms)?")
_PART = re.compile(r"([0-9]+)(ms|[hms])")
_UNITS = {"h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}  # in milliseconds


def parse(text: object, *, compound: bool = False) -> timedelta:
    """Return the duration that a text means; ``compound`` accepts several units, and ``ms``, too.

    Raises:
        ValueError: With a sentence for the person who wrote it.
    """
    if not compound:
        return durations.parse(text)
    if not isinstance(text, str) or not _COMPOUND.fullmatch(text):
        raise ValueError(f"{quote(text)} is not a duration; write for example 30s, 15m or 1h12m30s")
    parts = _PART.findall(text)
    return timedelta(milliseconds=sum(int(number) * _UNITS[unit] for number, unit in parts))


def format_duration(duration: timedelta | float) -> str:
    """Return a duration, or seconds, as :func:`parse` reads it, to a tenth of a second."""
    seconds = duration.total_seconds() if isinstance(duration, timedelta) else duration
    hours, tenths = divmod(round(abs(seconds) * 10), 36_000)
    minutes, tenths = divmod(tenths, 600)
    parts = ((f"{hours}", "h"), (f"{minutes}", "m"), (f"{tenths / 10:g}", "s"))
    text = "".join(number + unit for number, unit in parts if number != "0") or "0s"
    return f"-{text}" if seconds < 0 else text
