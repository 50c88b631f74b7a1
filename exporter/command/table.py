"""Prints tables, such as the fleet as a run found it."""

import os
from collections.abc import Collection, Iterable, Sequence
from itertools import zip_longest
from typing import TextIO

from exporter.log.summary import fleet, lasting
from exporter.names import GLOBAL, LocationName
from exporter.run.report import Report
from exporter.steps.compare import Verdict
from exporter.text import printable

_HEADINGS = ["stream", "project", "location", "state", "expected", "errors", "since"]
_STYLES = {
    Verdict.FINE: "green",
    Verdict.ERRORS: "green",
    Verdict.UNEXPECTED: "yellow",
}
# What switches a style on at a terminal (ECMA-48, SGR)
_CODES = {
    "bold": "1",
    "bold red": "1;31",
    "green": "32",
    "yellow": "33",
    "magenta": "35",
}


def print_report(report: Report, out: TextIO) -> None:
    """Print the fleet: a line for each stream."""
    rows: list[tuple[str, ...]] = []
    styles = []
    for location in report.locations:
        for one in location.streams:
            expected = "yes" if one.expected else "no"
            errors = str(one.stream.errors) if one.exists else "-"
            place = (one.name.stream, *location.name)
            since = lasting(report, one.name)
            rows.append((*place, one.state_name, expected, errors, since))
            styles.append(_STYLES.get(one.verdict, "bold red"))
    for unread in report.unread:
        at = unread.location if isinstance(unread, LocationName) else GLOBAL
        rows.append(("?", unread.project, at, "unknown", "?", "?", ""))
        styles.append("magenta")
    if rows:
        print_table(_HEADINGS, rows, out, ["errors"], styles)
    else:
        out.write(f"No streams found: {fleet(report)}.\n")


def print_table(
    headings: Sequence[str],
    rows: Iterable[Sequence[str]],
    out: TextIO,
    right: Collection[str] = (),
    styles: Iterable[str] = (),
) -> None:
    """Print a table, its ``right`` columns aligned right.

    At a terminal, each row has its style, such as ``bold red``.
    """
    titles = [heading.upper() for heading in headings]
    columns = []
    for heading, cells in zip(headings, zip(titles, *rows, strict=True), strict=True):
        column = [printable(cell) for cell in cells]
        width = max(map(len, column))
        align = str.rjust if heading in right else str.ljust
        columns.append([align(cell, width) for cell in column])
    lines = ["  ".join(row).rstrip() for row in zip(*columns, strict=True)]
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    shown = ["bold", *styles] if out.isatty() and not plain else []
    for line, style in zip_longest(lines, shown, fillvalue=""):
        code = _CODES.get(style)
        out.write(f"\x1b[{code}m{line}\x1b[0m\n" if code else f"{line}\n")
