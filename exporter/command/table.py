"""Prints tables, such as the fleet as a run found it."""

from collections.abc import Iterable, Sequence
from typing import TextIO

from exporter.log.summary import count_words, fleet, lasting, problem_of
from exporter.run.report import Report
from exporter.steps.compare import Omission
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
        for watched in location.streams:
            name, state = watched.name, watched.state_name
            expected = "yes" if watched.expected else "no"
            errors = str(watched.stream.errors) if watched.exists else "-"
            since = lasting(report, name)
            look = one_line(problem_of(watched), _LONGEST) if look_at else ""
            row = (name.stream, *location.name, state, expected, errors, since, look)
            rows.append(row)
        if left_out := count_words(location.omitted, Omission):
            row = (left_out, *location.name, "not watched", "-", "-", "", "")
            rows.append(row)
    rows += [
        ("?", unread.project, unread.location, "unknown", "?", "?", "", "")
        for unread in sorted(report.unread)
    ]
    if rows:
        print_table(_HEADINGS, rows, out)
    else:
        out.write(f"No streams found: {fleet(report)}.\n")
    out.flush()


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
