"""Reads durations such as ``30s``, ``15m`` and ``2h``."""

import re
from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from exporter.text import quote

PATTERN = r"^[0-9]{1,9}[smh]$"
# In seconds
_UNITS = {"h": 3600, "m": 60, "s": 1}


def parse(text: object) -> timedelta:
    """Return the duration that a text means, or raise ValueError with a sentence."""
    if not isinstance(text, str) or not re.fullmatch(PATTERN, text):
        raise ValueError(
            f"{quote(text)} is not a duration; write a number and its unit, such as"
            " 30s, 15m or 2h"
        )
    return timedelta(seconds=int(text[:-1]) * _UNITS[text[-1]])


def text_of(duration: timedelta) -> str:
    """Return a duration as :func:`parse` reads it, such as ``4h``."""
    seconds = round(duration.total_seconds())
    unit = next(each for each, size in _UNITS.items() if seconds % size == 0)
    return f"{seconds // _UNITS[unit]}{unit}"


def limit(text: object, least: str, most: str) -> timedelta:
    """Return the duration that a text means, or ValueError if it is beyond a limit."""
    duration = parse(text)
    if duration < parse(least):
        raise ValueError(f"{text} is too short; at least {least} is allowed")
    if duration > parse(most):
        raise ValueError(f"{text} is too long; at most {most} is allowed")
    return duration


def between(least: str, most: str) -> BeforeValidator:
    """Return a pydantic validator for durations from ``least`` to ``most``."""
    return BeforeValidator(lambda text: limit(text, least, most))


# A pydantic field, with ``between``: text in YAML, a timedelta in Python
Duration = Annotated[
    timedelta,
    PlainSerializer(text_of),
    WithJsonSchema({"type": "string", "title": "duration", "pattern": PATTERN}),
]
