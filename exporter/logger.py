"""Formats the log: text for a person, JSON lines for Cloud Logging.

Source: https://cloud.google.com/logging/docs/structured-logging.
"""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from exporter.text import printable

LOGGER = logging.getLogger("exporter")
# Where nobody reads the log, there is nobody to tell.
logging.raiseExceptions = False
# The name under which a record carries its fields: ``extra={FIELDS: {...}}``
FIELDS = "fields"
# Characters of up to 12 bytes: Cloud Logging takes entries of 256 KiB
LONGEST = 16 * 1024


class JsonLines(logging.Formatter):
    """One JSON object a record, as Cloud Logging takes it from stdout.

    Cloud Run adds labels that tell its executions apart.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line; a stack trace stands in its message."""
        message = printable(record.getMessage())
        if record.exc_info:
            message += f"\n{self.formatException(record.exc_info)}"
        line: dict[str, Any] = {**getattr(record, FIELDS, {})}
        for key, value in line.items():
            if isinstance(value, str):
                line[key] = printable(value)[:LONGEST]
        line["severity"] = record.levelname
        line["message"] = message[:LONGEST]
        return json.dumps(line)


class Text(logging.Formatter):
    """One sentence a record; what is not plain information says so first.

    With a ``datefmt``, the local time comes before that.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as text."""
        text = printable(record.getMessage())[:LONGEST]
        if record.levelno != logging.INFO:
            text = f"{record.levelname.lower()}: {text}"
        if self.datefmt:
            text = f"{self.formatTime(record, self.datefmt)} {text}"
        if record.exc_info:
            for line in self.formatException(record.exc_info).split("\n"):
                # An error's text comes from outside.
                text += f"\n{printable(line)}"
        return text


@contextmanager
def logging_to(
    stream: TextIO, formatter: logging.Formatter, level: int = logging.INFO
) -> Iterator[None]:
    """Send the exporter's log to a stream alone while the block runs."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    before, LOGGER.handlers = LOGGER.handlers, [handler]
    LOGGER.setLevel(level)
    LOGGER.propagate = False
    try:
        yield
    finally:
        LOGGER.handlers = before


def log(level: int, message: str, **fields: object) -> None:
    """Log a sentence with the fields that Cloud Logging can search for."""
    LOGGER.log(level, "%s", message, extra={FIELDS: fields})
