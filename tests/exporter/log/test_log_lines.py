"""A line of the log, at a terminal and on Cloud Run, whatever it is to say."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import pytest

from exporter.logs import (
    FIELDS,
    LOGGER,
    LONGEST_FIELD,
    LONGEST_MESSAGE,
    JsonLines,
    Text,
    logging_to,
)
from tests.outputs import Printed

if TYPE_CHECKING:
    import logging

MEGABYTE = "begin" + "\U0001f600" * 250_000 + "end"


def logged(formatter: logging.Formatter, message: str, **fields: object) -> str:
    """Return what is written of one warning."""
    log = Printed()
    with logging_to(log, formatter):
        LOGGER.warning("%s", message, extra={FIELDS: fields})
    return log.getvalue()


def test_a_megabyte_is_one_entry_that_cloud_logging_takes() -> None:
    """Message and fields keep their beginning and end, and the line is below 256 KiB."""
    line = logged(JsonLines({}), MEGABYTE, stream_id=MEGABYTE, count=2)
    entry = json.loads(line)
    assert len(line.encode()) < 256 * 1024
    for key, most in (("message", LONGEST_MESSAGE), ("stream_id", LONGEST_FIELD)):
        assert len(entry[key]) == most
        assert entry[key].startswith("begin")
        assert entry[key].endswith("end")
        assert " … " in entry[key]
    assert entry["count"] == 2


def test_a_megabyte_at_a_terminal_is_cut_as_well() -> None:
    """A person gets the beginning and the end."""
    line = logged(Text(), MEGABYTE)
    assert len(line) < LONGEST_MESSAGE + len("warning: \n") + 1
    assert line.startswith("warning: begin")
    assert line.endswith("end\n")


@pytest.mark.parametrize(
    "text", ["\x1b[2J", "a\nb", "\r", "\u202e", "\u2066", "\ud800", "\x00"], ids=ascii
)
def test_nothing_controls_the_terminal_or_ends_the_line(text: str) -> None:
    """Control characters, marks that turn the text and half characters are escaped."""
    line = logged(Text(), f"before {text} after")
    assert line.rstrip("\n").isprintable()
    assert line.count("\n") == 1
    json_line = logged(JsonLines({}), f"before {text} after", error=text)
    assert json_line.isascii()
    assert json_line.count("\n") == 1
    assert json.loads(json_line)["message"] == line.rstrip("\n").removeprefix("warning: ")


def test_a_stack_trace_controls_no_terminal_either() -> None:
    """Its lines stay lines; what an error says is escaped in each."""
    log = Printed()
    with logging_to(log, Text()):
        try:
            getattr(io, "red \x1b[31m")
        except AttributeError:
            LOGGER.exception("It failed:")
    first, second, *_, last = log.getvalue().splitlines()
    assert (first, second) == ("error: It failed:", "Traceback (most recent call last):")
    assert last.startswith("AttributeError: ")
    assert all(map(str.isprintable, log.getvalue().splitlines()))
