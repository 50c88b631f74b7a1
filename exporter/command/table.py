"""Prints the fleet as a run found it: a table for people, JSON for scripts."""

import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any, TextIO

from exporter.log.summary import lasting, numbers, problem_fields, what_is_wrong
from exporter.run.report import Report
from exporter.steps.compare import ComparedStream, Verdict
from exporter.text import printable

_HEADINGS = ("stream", "project", "location", "state", "expected", "since", "reason")


def print_report(report: Report, out: TextIO) -> None:
    """Print a line for each stream, and for each location that could not be read.

    What needs a look comes first. The last column is the reason of each problem.
    """
    rows = [
        ("?", unread.project, unread.location, "unknown", "?", "", "")
        for unread in sorted(report.unread)
    ]
    for watched in sorted(report.watched, key=_order):
        name = watched.name
        expected = "yes" if watched.expected else "no"
        state = watched.state_name
        since = lasting(report, name)
        why = problem_fields(report, name).get("reason", "")
        if why == state:
            why = ""
        rows.append((name.stream, *name.location_name, state, expected, since, why))
    print_table(_HEADINGS, rows, out)
    out.flush()


def _order(watched: ComparedStream) -> tuple[bool, bool, int]:
    """Return what to sort by: missing or failed streams stand above a paused one."""
    return watched.verdict is Verdict.FINE, watched.exists, -watched.stream.state


def fleet_document(report: Report) -> dict[str, Any]:
    """Return what the table says, and the numbers of the run, as plain data."""
    streams = [
        {
            "name": str(one.name),
            "state": one.state_name,
            "expected": one.expected,
            "errors": one.stream.errors,
            "problem": what_is_wrong(one),
            **problem_fields(report, one.name),
        }
        for one in report.watched
    ]
    unread = {str(name): str(why) for name, why in sorted(report.unread.items())}
    return {"streams": streams, "unread": unread, "run": numbers(report)}


def print_json(document: object, out: TextIO) -> None:
    """Print a JSON document, for scripts."""
    # A reader may have seen enough.
    with suppress(BrokenPipeError):
        print(json.dumps(document, indent=2), file=out, flush=True)


def print_table(
    headings: Sequence[str], rows: Iterable[Sequence[str]], out: TextIO
) -> None:
    """Print a table, without the columns that are empty."""
    columns = []
    for heading, *cells in zip(headings, *rows, strict=True):
        if any(cells):
            columns.append([heading.upper(), *map(printable, cells)])
    widths = [max(map(len, column)) for column in columns]
    for row in zip(*columns, strict=True):
        line = "  ".join(map(str.ljust, row, widths))
        out.write(f"{line.rstrip()}\n")
