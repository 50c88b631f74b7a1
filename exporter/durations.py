"""Reads and prints durations such as ``30s``, ``15m`` and ``2h``; the lab also has ``1h12m30s``."""

import re
from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, WithJsonSchema

from exporter.text import quote

PATTERN = r"^[0-9]{1,9}[smh]$"
_SINGLE = re.compile(PATTERN.strip("^$"))
_COMPOUND = re.compile(r"(?=.)([0-9]{1,9}h)?([0-9]{1,9}m)?([0-9]{1,9}s)?([0-9]{1,9}ms)?")
_PART = re.compile(r"([0-9]+)(ms|[hms])")
_UNITS = {"h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}  # in milliseconds


def parse(text: object, *, compound: bool = False) -> timedelta:
    """Return the duration that a text means; ``compound`` accepts several units, and ``ms``, too.

    Raises:
        ValueError: With a sentence for the person who wrote it.
    """
    if not isinstance(text, str) or not (_COMPOUND if compound else _SINGLE).fullmatch(text):
        raise ValueError(
            f"{quote(text)} is not a duration; write a number and its unit, such as 30s, 15m or 2h"
        )
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


def limit(duration: timedelta, least: str, most: str) -> timedelta:
    """Return the duration, or raise ValueError if it is not from ``least`` to ``most``."""
    if duration < parse(least):
        raise ValueError(f"{format_duration(duration)} is too short; at least {least} is allowed")
    if duration > parse(most):
        raise ValueError(f"{format_duration(duration)} is too long; at most {most} is allowed")
    return duration


def between(least: str, most: str) -> AfterValidator:
    """Return a pydantic validator for durations from ``least`` to ``most``, both allowed."""
    return AfterValidator(lambda duration: limit(duration, least, most))


# A pydantic field: text in YAML, a timedelta in Python
Duration = Annotated[
    timedelta,
    BeforeValidator(lambda value: value if isinstance(value, timedelta) else parse(value)),
    PlainSerializer(lambda duration: f"{duration.total_seconds():.0f}s"),
    WithJsonSchema({"type": "string", "title": "duration", "pattern": PATTERN}),
]
