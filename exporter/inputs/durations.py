"""Durations as people write them: ``30s``, ``15m``, ``2h``; in the lab also ``1h12m30s``."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, WithJsonSchema

from exporter.text import quote

PATTERN = r"^[0-9]{1,9}[smh]$"

_SINGLE = re.compile(PATTERN.strip("^$"))
_COMPOUND = re.compile(r"(?=.)([0-9]{1,9}h)?([0-9]{1,9}m)?([0-9]{1,9}s)?([0-9]{1,9}ms)?")
_PART = re.compile(r"([0-9]+)(ms|[hms])")
_UNITS = {
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
    "ms": timedelta(milliseconds=1),
}


def parse(text: str, *, compound: bool = False) -> timedelta:
    """Return the duration that a text means.

    Args:
        text: A number and its unit, such as ``30s``, ``15m`` or ``2h``.
        compound: Whether to accept several units and milliseconds too, as Prometheus does.

    Raises:
        ValueError: With a sentence for the person who wrote it.
    """
    if not (_COMPOUND if compound else _SINGLE).fullmatch(text):
        raise ValueError(_not_a_duration(text))
    parts = _PART.findall(text)
    return sum((int(number) * _UNITS[unit] for number, unit in parts), timedelta())


def format_duration(duration: timedelta | float) -> str:
    """Return a duration, or a number of seconds, as :func:`parse` reads it: ``1h12m30s``, ``0.5s``.

    It is rounded to a tenth of a second.
    """
    if isinstance(duration, timedelta):
        duration = duration.total_seconds()
    sign, tenths = "-" if duration < 0 else "", round(abs(duration) * 10)
    hours, tenths = divmod(tenths, 36_000)
    minutes, tenths = divmod(tenths, 600)
    text = (f"{hours}h" if hours else "") + (f"{minutes}m" if minutes else "")
    if tenths or not text:
        text += f"{tenths / 10:g}s"
    return sign + text


def between(least: str, most: str) -> AfterValidator:
    """Return a pydantic validator for durations from ``least`` to ``most``, both allowed."""
    shortest, longest = parse(least), parse(most)

    def check(duration: timedelta) -> timedelta:
        if duration < shortest:
            raise ValueError(
                f"{format_duration(duration)} is too short; at least {least} is allowed"
            )
        if duration > longest:
            raise ValueError(f"{format_duration(duration)} is too long; at most {most} is allowed")
        return duration

    return AfterValidator(check)


def _read(value: object) -> timedelta:
    if isinstance(value, timedelta):
        return value
    if isinstance(value, str):
        return parse(value)
    raise ValueError(_not_a_duration(value))


def _not_a_duration(value: object) -> str:
    return f"{quote(value)} is not a duration; write a number and its unit, such as 30s, 15m or 2h"


Duration = Annotated[
    timedelta,
    BeforeValidator(_read),
    PlainSerializer(lambda duration: f"{duration.total_seconds():.0f}s"),
    WithJsonSchema({"type": "string", "title": "duration", "pattern": PATTERN}),
]
"""A pydantic field that is written as text and read as a timedelta."""
