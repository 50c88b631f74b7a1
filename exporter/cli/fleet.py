"""What a person sees of a run: the fleet, what to look at, what was written, where to go next."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple, TextIO

from rich.padding import Padding
from rich.text import Text

from exporter.cli.dry_run import would_write
from exporter.cli.tables import Cell, fits, print_table
from exporter.cli.terminal import console
from exporter.log.failure_groups import failure_groups, unread_groups
from exporter.log.stream_memory import MISSING
from exporter.measure.definitions import definitions
from exporter.names import StreamName
from exporter.states import FAILURES, StreamState, state_name
from exporter.text import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console

    from exporter.measure.samples import Measurement
    from exporter.read.observations import Observations, Stream

_MOST_CONCERNS = 40
_LONGEST_REASON = 300
_REQUIRED = "required but does not exist"

LOOK_AT = "Look at"
"""The heading of what a person should look at."""

_HEADINGS = ("stream", "project", "location", "state", "expected", "errors")


class StreamRow(NamedTuple):
    """A stream as the fleet's table shows it.

    Attributes:
        stream: The stream's id; ``?`` of locations that could not be read.
        project: The project.
        location: The location, or how many there are.
        state: The API's name of its state; ``missing`` of a required stream that is not there,
            ``unknown`` where nothing was read.
        expected: Whether that is expected now: yes, no or ``?``.
        errors: How many errors it has; ``-`` where it is missing.
        style: How the state is coloured at a terminal.
        error: The first error's text, or why there is no state; empty if nothing is wrong.
    """

    stream: str
    project: str
    location: str
    state: str
    expected: str
    errors: str
    style: str
    error: str = ""

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The row's cells."""
        expected = (self.expected, "" if self.expected == "yes" else self.style)
        state = (self.state, self.style)
        return self.stream, self.project, self.location, state, expected, self.errors


def stream_rows(measurement: Measurement) -> Iterator[StreamRow]:
    """Yield every stream of the cleanly read locations, the missing ones, and what is unknown."""
    for one in measurement.locations:
        project, location = one.name
        for stream, expected in one.streams:
            style = "green" if expected else "bold red" if stream.state in FAILURES else "yellow"
            yield StreamRow(
                stream.id,
                project,
                location,
                state_name(stream.state),
                "yes" if expected else "no",
                str(stream.errors),
                style,
                _short(stream.error or stream.reason or ""),
            )
        for stream_id in one.missing:
            yield StreamRow(stream_id, project, location, MISSING, "no", "-", "bold red", _REQUIRED)
    for group in unread_groups(measurement.observations):
        first, count = group.names[0], len(group.names)
        location = first.location if count == 1 else f"{count} locations"
        yield StreamRow("?", first.project, location, "unknown", "?", "?", "magenta", group.text)


def print_measurement(measurement: Measurement, stream: TextIO) -> None:
    """Print the fleet, then what a person should look at."""
    out = console(stream)
    rows = sorted(stream_rows(measurement), key=lambda row: row.project)
    if rows:
        _print_fleet(rows, stream)
    else:
        out.print(_no_streams(measurement.observations))
    if rows or concerns(measurement):
        _heading(LOOK_AT, out)
        for indent, line in look_at(measurement):
            _indented(line, indent, out)


def _no_streams(observations: Observations) -> str:
    """Return why there are no streams, as far as that is known."""
    if observations.read:
        return (
            "No streams found: the locations that were read have none, or include and exclude "
            "leave all of them out."
        )
    if observations.nothing_read or observations.skipped:
        return "No streams found: no location was read."
    return "No streams found: there are no locations to read."


def _print_fleet(rows: list[StreamRow], out: TextIO) -> None:
    """Print the rows, which are sorted by project.

    On a terminal too narrow for a column of projects, each project is a title above its streams.
    On one that is narrower still, each stream is a title above its state and location.
    """
    cells = [row.cells for row in rows]
    if fits(_HEADINGS, cells, out):
        print_table(_HEADINGS, cells, out, right=("errors",))
        return
    headings = ("  stream", *_HEADINGS[2:])
    narrow: list[Sequence[Cell] | str] = []
    for project, group in itertools.groupby(rows, key=lambda row: row.project):
        narrow.append(project)
        narrow += [(f"  {row.stream}", *row.cells[2:]) for row in group]
    if fits(headings, (row for row in narrow if not isinstance(row, str)), out):
        print_table(headings, narrow, out, right=("errors",))
    else:
        _print_stacked(rows, console(out))


def _print_stacked(rows: list[StreamRow], out: Console) -> None:
    for project, group in itertools.groupby(rows, key=lambda row: row.project):
        _indented(Text(printable(project), "bold"), 0, out)
        for row in group:
            _indented(Text(printable(row.stream), "bold"), 1, out)
            _indented(Text(printable(row.state), row.style), 2, out)
            _indented(Text(printable(row.location)), 2, out)


def concerns(measurement: Measurement) -> list[tuple[str, str]]:
    """Return what a person should look at, worst first: the subject and what is the matter."""
    return [(subject, text) for _, subject, text in sorted(_ranked(measurement))]


def _ranked(measurement: Measurement) -> Iterator[tuple[int, str, str]]:
    """Yield each concern with its rank, the lowest being the worst."""
    for one in measurement.locations:
        at = one.name
        for stream_id in one.missing:
            text = f"is {_REQUIRED}: create it, or remove it from `required`"
            yield 1, str(StreamName(*at, stream_id)), text
        for stream, expected in one.streams:
            if not expected or stream.errors:
                rank, text = _concern(stream, expected=expected)
                error = _short(stream.error or stream.reason or "")
                reason = f": {error}" if error else ""
                yield rank, str(StreamName(*at, stream.id)), f"{text}{reason}"
    for group in failure_groups(measurement.observations):
        yield 4, group.subject, group.text


def _concern(stream: Stream, *, expected: bool) -> tuple[int, str]:
    name = state_name(stream.state)
    if stream.state == StreamState.FAILED_PERMANENTLY:
        return 0, "failed permanently; it will not recover on its own"
    if stream.state == StreamState.FAILED:
        return 2, "failed; Datastream keeps retrying"
    if not expected:
        return 3, f"is {name}, which config does not expect"
    return 5, f"is {name} with errors"


def _short(reason: str) -> str:
    """Return the API's free-form words on one line, cut where they go on and on."""
    text = printable(" ".join(reason.split()))
    return text if len(text) <= _LONGEST_REASON else f"{text[:_LONGEST_REASON]}…"


def look_at(measurement: Measurement) -> Iterator[tuple[int, Text]]:
    """Yield the lines of what a person should look at, each with its indent."""
    found = concerns(measurement)
    for subject, text in found[:_MOST_CONCERNS]:
        yield 2, Text(printable(subject), "bold")
        yield 4, Text(printable(text))
    if len(found) > _MOST_CONCERNS:
        yield 2, Text(f"and {len(found) - _MOST_CONCERNS:,} more")
    if not found and not measurement.observations.streams:
        yield 2, Text(_no_streams(measurement.observations))
    elif not found:
        skipped = measurement.observations.skipped
        streams = "every stream that was read" if skipped else "every stream"
        yield 2, Text(f"nothing: {streams} is as expected")


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
