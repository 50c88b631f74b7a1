"""Texts from an API or a command line never reach a terminal or a log as they came."""

from __future__ import annotations

import json
from argparse import Namespace
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from exporter.cli import check
from exporter.cli.commands import Context, show_finding
from exporter.cli.fleet import print_measurement
from exporter.cli import main
from exporter.cli import Signals
from exporter.google.errors import Failure, FailureKind
from exporter.logs import JsonLines, Text, logging_to
from exporter.run_log import RunLog, log_ignored_labels
from exporter.names import StreamName
from exporter.measure import Stream, UnreadLocation
from exporter.states import StreamState
from exporter.text import printable, quote
from tests.exporter.measured import EUROPE, measured
from tests.outputs import Printed

if TYPE_CHECKING:
    from tests.exporter.cli.conftest import Command

HOSTILE = "a\x1b[2J\x1b]0;t\x07\0\n\r\u202eb\u200f\ud800\u2028"
hostile = st.text(st.sampled_from(HOSTILE) | st.characters())
"""Texts with escape sequences, NUL, line breaks, right-to-left marks and half characters."""


def printed(text: str) -> list[str]:
    """Return the lines of an output that only line feeds break."""
    return text.split("\n")


@given(hostile)
@example(HOSTILE)
def test_an_escaped_text_stays_on_its_line(text: str) -> None:
    """Nothing that breaks a line or that a terminal obeys remains, and plain text is kept."""
    assert printable(text).isprintable()
    assert quote(text).isprintable()
    assert quote([text]).isprintable()
    assert not text.isprintable() or printable(text) == text


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(hostile, hostile, hostile)
@example(HOSTILE, HOSTILE, HOSTILE)
def test_ids_labels_and_messages_are_escaped_everywhere(stream: str, label: str, text: str) -> None:
    """The fleet, the list of what to look at, check and both forms of the log escape them."""
    failure = Failure(FailureKind.UNAVAILABLE, f"{text}.", "Wait.")
    streams = [Stream(stream, StreamState.FAILED, 1, label, reason=text, error=text)]
    measurement = measured(streams, uncollected={StreamName(*EUROPE, stream): failure})
    unread = measured(UnreadLocation(EUROPE, failure))
    out, log, lines = Printed(), Printed(), Printed()
    for one in (measurement, unread):
        print_measurement(one, out)
        for finding in check.reading(one.observations):
            show_finding(Context(Namespace(), {}, out, log, Signals()), finding)
        for stream_of_log, formatter in ((log, Text()), (lines, JsonLines({}))):
            with logging_to(stream_of_log, formatter):
                RunLog().log_findings(one)
                log_ignored_labels(one, set())
    assert all(line.isprintable() for line in printed(out.getvalue() + log.getvalue()))
    messages = [json.loads(line)["message"] for line in lines.getvalue().splitlines()]
    assert len(messages) >= 2
    assert all(message.isprintable() for message in messages)


@given(hostile)
@example(HOSTILE)
def test_an_argument_is_escaped(text: str) -> None:
    """A mistake on the command line shows an argument without what a terminal obeys."""
    out, err = Printed(), Printed()
    assert main(["run", f"x{text}"], {}, out, err) == 2
    assert all(line.isprintable() for line in printed(err.getvalue()))


def test_a_file_name_is_escaped(command: Command) -> None:
    """The name of a config file is shown without what a terminal obeys; an empty one in quotes."""
    assert '"": is a directory' in command("run", "--config", "").err
    assert r"a\x1b[2J\nb: there is no such file" in command("run", "--config", "a\x1b[2J\nb").err
