"""Prints tables, such as the fleet as a run found it."""

from collections.abc import Iterable, Sequence
from typing import TextIO

from exporter.log.summary import fleet, lasting, omitted, problem_of
from exporter.run.report import Report
from exporter.text import one_line, printable

_HEADINGS = (
    "stream",
    "project",
    "location",
    "state",
    "expected",
    "errors",
    "since",
    "what to look at",
)
_LONGEST = 70  # bytes of what to look at


def print_report(report: Report, out: TextIO, *, look_at: bool = False) -> None:
    """Print the fleet: a line for each stream, and for what is not watched.

    With ``look_at``, also what is wrong with each stream.
    """
    rows: list[tuple[str, ...]] = []
    for location in report.locations:
        for one in location.streams:
            expected = "yes" if one.expected else "no"
            errors = str(one.stream.errors) if one.exists else "-"
            place = (one.name.stream, *location.name)
            since = lasting(report, one.name)
            state = (one.state_name, expected, errors, since)
            look = one_line(problem_of(one), _LONGEST) if look_at else ""
            rows.append((*place, *state, look))
        if left_out := omitted(location.omitted):
            rows.append((left_out, *location.name, "not watched", "-", "-", "", ""))
    for unread in report.unread:
        at = unread.location
        rows.append(("?", unread.project, at, "unknown", "?", "?", "", ""))
    if rows:
        print_table(_HEADINGS, rows, out)
    else:
        out.write(f"No streams found: {fleet(report)}.\n")


def print_table(
    headings: Sequence[str],
    rows: Iterable[Sequence[str]],
    out: TextIO,
) -> None:
    """Print a table, without the columns that are empty."""
    columns = []
    for heading, *cells in zip(headings, *rows, strict=True):
        if not any(cells):
            continue
        column = [heading.upper(), *map(printable, cells)]
        width = max(map(len, column))
        columns.append([cell.ljust(width) for cell in column])
    for row in zip(*columns, strict=True):
        line = "  ".join(row)
        out.write(f"{line.rstrip()}\n")
