"""Formats the log: text for a person, JSON lines for Cloud Logging.

Source: https://cloud.google.com/logging/docs/structured-logging.
"""

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TextIO

from exporter.text import printable

LOGGER = logging.getLogger("exporter")
# The name under which a record carries its fields: ``extra={FIELDS: {...}}``
FIELDS = "fields"
# Characters of up to 12 bytes: Cloud Logging takes entries of 256 KiB
LONGEST = 16 * 1024


class JsonLines(logging.Formatter):
    """One JSON object a record, as Cloud Logging takes it from stdout."""

    def __init__(self, labels: Mapping[str, str]) -> None:
        super().__init__()
        self._labels = dict(labels)

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line; a stack trace stands in its message."""
        message = printable(record.getMessage())
        if record.exc_info:
            message = f"{message}\n{self.formatException(record.exc_info)}"
        fields = {
            key: printable(value)[:LONGEST] if isinstance(value, str) else value
            for key, value in getattr(record, FIELDS, {}).items()
        }
        line = {**fields, "severity": record.levelname, "message": message[:LONGEST]}
        if self._labels:
            line["logging.googleapis.com/labels"] = self._labels
        return json.dumps(line)


class Text(logging.Formatter):
    """One sentence a record; what is not plain information says so first."""

    def __init__(self, *, times: bool = False) -> None:
        """Say when each was said, in local time, if ``times``: of a process that stays."""
        super().__init__(datefmt="%H:%M:%S")
        self._times = times

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as text."""
        level = (
            "" if record.levelno <= logging.INFO else f"{record.levelname.lower()}: "
        )
        when = f"{self.formatTime(record, self.datefmt)} " if self._times else ""
        text = when + level + printable(record.getMessage())[:LONGEST]
        if not record.exc_info:
            return text
        # An error's text comes from outside.
        return "\n".join(
            [text, *map(printable, self.formatException(record.exc_info).split("\n"))]
        )


@contextmanager
def logging_to(stream: TextIO, formatter: logging.Formatter) -> Iterator[None]:
    """Send the exporter's log to a stream, and nowhere else, for as long as the block runs."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    before, LOGGER.handlers = LOGGER.handlers, [handler]
    LOGGER.setLevel(logging.INFO)
    LOGGER.propagate = False
    try:
        yield
    finally:
        LOGGER.handlers = before


def log(level: int, message: str, **fields: Any) -> None:
    """Log a sentence with the fields that Cloud Logging can search for."""
    LOGGER.log(level, "%s", message, extra={FIELDS: fields})
