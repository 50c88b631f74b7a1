"""A line of the log, at a terminal and on Cloud Run, whatever it is to say."""

import io
import json
import logging

import pytest

from exporter.logger import FIELDS, LOGGER, LONGEST, JsonLines, Text, logging_to


def logged(formatter: logging.Formatter, message: str, **fields: object) -> str:
    """Return what is written of one warning."""
    with logging_to(log := io.StringIO(), formatter):
        LOGGER.warning("%s", message, extra={FIELDS: fields})
    return log.getvalue()


def test_a_long_text_is_one_entry_that_cloud_logging_takes() -> None:
    """Message and fields keep their beginning, and the line is below 256 KiB."""
    long = "begin" + "\U0001f600" * 70_000
    line = logged(JsonLines(), long, count=2)
    assert len(line.encode()) < 256 * 1024
    assert json.loads(line) == {
        "count": 2,
        "severity": "WARNING",
        "message": long[:LONGEST],
    }
    assert json.loads(logged(JsonLines(), "", error=long))["error"] == long[:LONGEST]
    assert logged(Text(), long) == f"warning: {long[:LONGEST]}\n"


@pytest.mark.parametrize(
    "text",
    ["\x1b[2J", "a\nb", "\r", "\x9b31m", "\u202e", "\u2066", "\ud800", "\x00"],
    ids=ascii,
)
def test_nothing_controls_the_terminal_or_ends_the_line(text: str) -> None:
    """Control characters, marks that turn the text and half characters are escaped."""
    line = logged(Text(), f"before {text} after")
    assert line.rstrip("\n").isprintable()
    assert line.count("\n") == 1
    json_line = logged(JsonLines(), f"before {text} after", error=text)
    assert json_line.count("\n") == 1
    entry = json.loads(json_line)
    assert entry["message"] == line.rstrip("\n").removeprefix("warning: ")
    assert entry["error"].isprintable()


def test_a_stack_trace_controls_no_terminal_either() -> None:
    """A stack trace keeps its lines; what an error says is escaped in each."""
    with logging_to(log := io.StringIO(), Text()):
        try:
            getattr(io, "red \x1b[31m")
        except AttributeError:
            LOGGER.exception("It failed:")
    first, second, *_, last = log.getvalue().splitlines()
    assert first == "error: It failed:"
    assert second == "Traceback (most recent call last):"
    assert last.startswith("AttributeError: ")
    assert all(map(str.isprintable, log.getvalue().splitlines()))
