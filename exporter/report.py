"""What a person sees of a run: the fleet, what was written, what to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from exporter.names import StreamName
from exporter.states import FAILURES, StreamState, state_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporter.metrics import Judged
    from exporter.observations import Stream
    from exporter.run import Look

_WIDE = 10_000
"""Columns of an output that is no terminal: nothing is cut off in a file or a pipe."""


class Row(NamedTuple):
    """A stream as the fleet's table shows it.

    Attributes:
        name: The stream.
        state: The API's name of its state, or ``missing`` of a required one.
        expected: Whether that is fine now.
        errors: How many errors it carries; None where it is missing.
        style: How the state is coloured at a terminal.
    """

    name: StreamName
    state: str
    expected: bool
    errors: int | None
    style: str


def rows(judged: tuple[Judged, ...]) -> Iterator[Row]:
    """Yield every stream of the cleanly read locations, and the missing ones."""
    for one in judged:
        for stream, expected in zip(one.location.streams, one.expected, strict=True):
            style = "green" if expected else "bold red" if stream.state in FAILURES else "yellow"
            yield Row(
                StreamName(*one.location.at, stream.id),
                state_name(stream.state),
                expected,
                stream.errors,
                style,
            )
        for stream_id in one.missing:
            yield Row(
                StreamName(*one.location.at, stream_id),
                "missing",
                expected=False,
                errors=None,
                style="bold red",
            )


def console(stream: TextIO) -> Console:
    """Return a console for a stream: as wide as the terminal, or unbounded where it is none.

    Colours are left out where the stream is no terminal or NO_COLOR is set.
    """
    return Console(
        file=stream,
        width=None if stream.isatty() else _WIDE,
        highlight=False,
        soft_wrap=True,
    )


def print_fleet(look: Look, stream: TextIO) -> None:
    """Print every stream and every location that could not be read, as a table."""
    table = Table(box=None, pad_edge=False, header_style="bold", show_edge=False)
    for heading in ("STREAM", "PROJECT", "LOCATION", "STATE", "EXPECTED"):
        table.add_column(heading, overflow="fold")
    table.add_column("ERRORS", justify="right")
    for row in rows(look.judged):
        table.add_row(
            row.name.stream,
            row.name.project,
            row.name.location,
            Text(row.state, row.style),
            "yes" if row.expected else Text("no", row.style),
            "-" if row.errors is None else str(row.errors),
        )
    for location in look.observations.unread:
        table.add_row("?", *location.at, Text("unknown", "magenta"), "?", "?")
    console(stream).print(table)


def attention(look: Look) -> list[tuple[str, str]]:
    """Return what a person should look at, worst first: the subject and what is the matter."""
    return [(subject, text) for _, subject, text in sorted(_concerns(look))]


def _concerns(look: Look) -> Iterator[tuple[int, str, str]]:
    """Yield each concern with its rank, the lowest being the worst."""
    for one in look.judged:
        at = one.location.at
        for stream_id in one.missing:
            text = "is required and was not there; create it, or take it out of `required`"
            yield 1, str(StreamName(*at, stream_id)), text
        for stream, expected in zip(one.location.streams, one.expected, strict=True):
            if not expected or stream.errors:
                rank, text = _concern(stream, expected=expected)
                reason = f": {stream.reason}" if stream.reason else ""
                yield rank, str(StreamName(*at, stream.id)), f"{text}{reason}"
    seen = look.observations
    for project, failure in seen.discoveries.items():
        if failure:
            text = f"its locations could not be discovered: {failure}"
            yield 4, f"projects/{project}", text
    for location in seen.unread:
        text = f"was not read, so its streams are unknown: {location.failure}"
        yield 4, str(location.at), text
    for name, failure in seen.uncollected.items():
        yield 4, str(name), f"what it holds was not collected: {failure}"


def _concern(stream: Stream, *, expected: bool) -> tuple[int, str]:
    name = state_name(stream.state)
    if stream.state == StreamState.FAILED_PERMANENTLY:
        return 0, "failed permanently, which no waiting heals"
    if stream.state == StreamState.FAILED:
        return 2, "failed; Datastream keeps trying"
    if not expected:
        return 3, f"is {name}, which config does not expect"
    return 5, f"is {name} with errors"


def print_attention(look: Look, stream: TextIO) -> None:
    """Print what a person should look at, or that there is nothing."""
    out = console(stream)
    out.print(Text("Look at", "bold"))
    concerns = attention(look)
    for subject, text in concerns:
        out.print(Text.assemble("  ", (subject, "bold"), " ", text))
    if not concerns:
        out.print("  nothing: every stream is as expected")
