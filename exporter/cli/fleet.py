"""What a person sees of a run: the fleet, what to look at, what was written, where to go next."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple, TextIO

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from exporter.cli.dry_run import would_write
from exporter.cli.failure_groups import unread, unseen
from exporter.measure.definitions import definitions
from exporter.names import StreamName
from exporter.states import FAILURES, StreamState, state_name
from exporter.text import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporter.read.observations import Stream
    from exporter.run import Measurement

_WIDE = 10_000
"""Columns of an output that is no terminal: nothing is cut off in a file or a pipe."""

_MOST_CONCERNS = 40
_LONGEST_REASON = 300


class Row(NamedTuple):
    """A stream as the fleet's table shows it.

    Attributes:
        stream: The stream's id; ``?`` of locations that could not be read.
        project: The project.
        location: The location, or how many there are.
        state: The API's name of its state; ``missing`` of a required one, ``unknown`` where
            nothing was read.
        expected: Whether that is fine now: yes, no or ``?``.
        errors: How many errors it carries; ``-`` where it is missing.
        style: How the state is coloured at a terminal.
    """

    stream: str
    project: str
    location: str
    state: str
    expected: str
    errors: str
    style: str


_HEADINGS = Row("STREAM", "PROJECT", "LOCATION", "STATE", "EXPECTED", "ERRORS", "")


def rows(measurement: Measurement) -> Iterator[Row]:
    """Yield every stream of the cleanly read locations, the missing ones, and what is unknown."""
    for one in measurement.evaluated:
        project, location = one.location.at
        for stream, expected in zip(one.location.streams, one.expected, strict=True):
            style = "green" if expected else "bold red" if stream.state in FAILURES else "yellow"
            yield Row(
                stream.id,
                project,
                location,
                state_name(stream.state),
                "yes" if expected else "no",
                str(stream.errors),
                style,
            )
        for stream_id in one.missing:
            yield Row(stream_id, project, location, "missing", "no", "-", "bold red")
    for group in unread(measurement.observations):
        first, count = group.names[0], len(group.names)
        where = first.location if count == 1 else f"{count} locations"
        yield Row("?", first.project, where, "unknown", "?", "?", "magenta")


def console(stream: TextIO) -> Console:
    """Return a console for a stream: as wide as the terminal, or unbounded where it is none.

    Colours are left out where the stream is no terminal or NO_COLOR is set.
    """
    return Console(
        file=stream,
        width=None if stream.isatty() else _WIDE,
        highlight=False,
        markup=False,
        emoji=False,
    )


def print_measurement(measurement: Measurement, stream: TextIO) -> None:
    """Print the fleet, then what a person should look at."""
    out = console(stream)
    shown = sorted(rows(measurement), key=lambda row: row.project)
    found = concerns(measurement)
    if shown:
        _print_fleet(shown, out)
    else:
        out.print(
            "No stream was found: there is none in the locations that were read, or include and "
            "exclude leave all of them out."
        )
    if shown or found:
        _print_concerns(found, out, whole=not measurement.observations.skipped)


def _print_fleet(shown: list[Row], out: Console) -> None:
    """Print the rows, which hold each project's together.

    Where the terminal is too narrow for a column of projects, each project stands on a line
    above its streams. (The library's own tables take seconds for ten thousand rows.)
    """
    widths = _widths([_HEADINGS, *shown])
    heading = _line(_HEADINGS, widths)
    if len(heading) <= out.width:
        out.print(heading, style="bold")
        for row in shown:
            out.print(_line(row, widths))
        return
    widths = _widths([_narrow(_HEADINGS), *map(_narrow, shown)])
    out.print(_line(_narrow(_HEADINGS), widths), style="bold")
    for project, of_project in itertools.groupby(shown, key=lambda row: row.project):
        out.print(Text(project, "bold"))
        for row in of_project:
            out.print(_line(_narrow(row), widths))


def _narrow(row: Row) -> Row:
    return row._replace(stream=f"  {row.stream}", project="")


def _widths(table: list[Row]) -> list[int]:
    return [max(map(len, column)) for column in zip(*table, strict=True)]


def _line(row: Row, widths: list[int]) -> Text:
    """Return a row's cells side by side; an empty column takes no place."""
    line = Text(f"{row.stream:<{widths[0]}}  ")
    if row.project:
        line.append(f"{row.project:<{widths[1]}}  ")
    line.append(f"{row.location:<{widths[2]}}  ")
    line.append(f"{row.state:<{widths[3]}}  ", row.style)
    line.append(f"{row.expected:<{widths[4]}}  ", "" if row.expected == "yes" else row.style)
    return line.append(f"{row.errors:>{widths[5]}}")


def concerns(measurement: Measurement) -> list[tuple[str, str]]:
    """Return what a person should look at, worst first: the subject and what is the matter."""
    return [(subject, text) for _, subject, text in sorted(_ranked(measurement))]


def _ranked(measurement: Measurement) -> Iterator[tuple[int, str, str]]:
    """Yield each concern with its rank, the lowest being the worst."""
    for one in measurement.evaluated:
        at = one.location.at
        for stream_id in one.missing:
            text = "is required and not there: create it, or take it out of `required`"
            yield 1, str(StreamName(*at, stream_id)), text
        for stream, expected in zip(one.location.streams, one.expected, strict=True):
            if not expected or stream.errors:
                rank, text = _concern(stream, expected=expected)
                reason = f": {_short(stream.reason)}" if stream.reason else ""
                yield rank, str(StreamName(*at, stream.id)), f"{text}{reason}"
    for group in unseen(measurement.observations):
        yield 4, group.subject, printable(group.text)


def _concern(stream: Stream, *, expected: bool) -> tuple[int, str]:
    name = state_name(stream.state)
    if stream.state == StreamState.FAILED_PERMANENTLY:
        return 0, "failed permanently, which no waiting heals"
    if stream.state == StreamState.FAILED:
        return 2, "failed; Datastream keeps trying"
    if not expected:
        return 3, f"is {name}, which config does not expect"
    return 5, f"is {name} with errors"


def _short(reason: str) -> str:
    """Return the API's free-form words on one line, cut where they go on and on."""
    text = printable(" ".join(reason.split()))
    return text if len(text) <= _LONGEST_REASON else f"{text[:_LONGEST_REASON]}…"


def _print_concerns(found: list[tuple[str, str]], out: Console, *, whole: bool) -> None:
    _heading("Look at", out)
    for subject, text in found[:_MOST_CONCERNS]:
        _indented(Text(subject, "bold"), 2, out)
        _indented(Text(text), 4, out)
    if len(found) > _MOST_CONCERNS:
        _indented(Text(f"and {len(found) - _MOST_CONCERNS:,} more"), 2, out)
    if not found:
        streams = "every stream" if whole else "every stream that was read"
        _indented(Text(f"nothing: {streams} is as expected"), 2, out)


def print_points(heading: str, measurement: Measurement, stream: TextIO) -> None:
    """Print how many points a run has of each metric, after a heading that says what of them."""
    out = console(stream)
    _heading(heading, out)
    parts: dict[str, Counter[str]] = {}
    for sample in would_write(measurement):
        part, _, name = sample.metric.name.partition("/")
        parts.setdefault(part, Counter())[name] += 1
    total = sum(counts.total() for counts in parts.values())
    _indented(Text(f"{total:,} points of {definitions()['prefix']}/…"), 2, out)
    longest = max(map(len, parts))
    for part, counts in parts.items():
        values = ", ".join(f"{name} {count:,}" for name, count in counts.items())
        _indented(Text(f"{part + '/':<{longest + 2}} {values}"), 4, out)


def _heading(text: str, out: Console) -> None:
    out.print()
    out.print(Text(text, "bold"))


def _indented(what: Text, columns: int, out: Console) -> None:
    out.print(Padding(what, (0, 0, 0, columns), expand=False))
