"""Prints tables, such as the fleet as a run found it."""

from collections.abc import Collection, Iterable, Sequence
from typing import TextIO

from exporter.log.summary import fleet, lasting
from exporter.names import GLOBAL
from exporter.run.report import Report
from exporter.text import printable

_HEADINGS = ["stream", "project", "location", "state", "expected", "errors", "since"]


def print_report(report: Report, out: TextIO) -> None:
    """Print the fleet: a line for each stream."""
    rows: list[tuple[str, ...]] = []
    for location in report.locations:
        for one in location.streams:
            expected = "yes" if one.expected else "no"
            errors = str(one.stream.errors) if one.exists else "-"
            place = (one.name.stream, *location.name)
            since = lasting(report, one.name)
            rows.append((*place, one.state_name, expected, errors, since))
    for unread in report.unread:
        # A discovery that failed has no location.
        at = getattr(unread, "location", GLOBAL)
        rows.append(("?", unread.project, at, "unknown", "?", "?", ""))
    if rows:
        print_table(
            _HEADINGS,
            rows,
            out,
            ["errors"],
        )
    else:
        out.write(f"No streams found: {fleet(report)}.\n")


def print_table(
    headings: Sequence[str],
    rows: Iterable[Sequence[str]],
    out: TextIO,
    right: Collection[str] = (),
) -> None:
    """Print a table, its ``right`` columns aligned right."""
    columns = []
    for heading, *cells in zip(headings, *rows, strict=True):
        column = [heading.upper(), *map(printable, cells)]
        width = max(map(len, column))
        align = str.rjust if heading in right else str.ljust
        columns.append([align(cell, width) for cell in column])
    for row in zip(*columns, strict=True):
        line = "  ".join(row)
        out.write(f"{line.rstrip()}\n")
