"""Durations as people write them: ``30s``, ``15m``, ``2h``."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, WithJsonSchema

from exporter.text import quote

PATTERN = r"^[0-9]{1,9}[smh]$"

_DURATION = re.compile(r"([0-9]{1,9})([smh])")
_SECONDS = {"h": 3600, "m": 60, "s": 1}


def parse(text: str) -> timedelta:
    """Return the duration that a text says.

    Raises:
        ValueError: With a sentence for the person who wrote it.
    """
    found = _DURATION.fullmatch(text)
    if not found:
        raise ValueError(_sentence(text))
    return timedelta(seconds=int(found[1]) * _SECONDS[found[2]])


def text(duration: timedelta) -> str:
    """Return the shortest text that :func:`parse` reads as this duration.

    Raises:
        ValueError: If it is negative or no whole number of seconds, which no text says.
    """
    seconds = round(duration.total_seconds())
    if seconds < 0 or timedelta(seconds=seconds) != duration:
        raise ValueError(f"{duration} is no whole number of seconds")
    fitting = (unit for unit, size in _SECONDS.items() if seconds and seconds % size == 0)
    unit = next(fitting, "s")
    return f"{seconds // _SECONDS[unit]}{unit}"


def between(least: str, most: str) -> AfterValidator:
    """Return a pydantic validator for durations from ``least`` to ``most``, both allowed."""
    shortest, longest = parse(least), parse(most)

    def check(duration: timedelta) -> timedelta:
        if duration < shortest:
            raise ValueError(f"{text(duration)} is too short; at least {least} is allowed")
        if duration > longest:
            raise ValueError(f"{text(duration)} is too long; at most {most} is allowed")
        return duration

    return AfterValidator(check)


def _read(value: object) -> timedelta:
    if isinstance(value, timedelta):
        return value
    if isinstance(value, str):
        return parse(value)
    raise ValueError(_sentence(value))


def _sentence(value: object) -> str:
    return f"{quote(value)} is not a duration; write a number and its unit, such as 30s, 15m or 2h"


Duration = Annotated[
    timedelta,
    BeforeValidator(_read),
    PlainSerializer(text),
    WithJsonSchema({"type": "string", "title": "duration", "pattern": PATTERN}),
]
"""A pydantic field that is written as text and read as a timedelta."""
