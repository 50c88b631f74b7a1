"""Prints the fleet as a run found it: a table for people, JSON for scripts."""

import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any, TextIO

from exporter.log.summary import (
    fleet,
    lasting,
    numbers,
    omitted,
    problem_of,
    stream_problem,
)
from exporter.run.report import Report
from exporter.text import one_line, printable, utc_time

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

    The last column is the reason of each problem; with ``look_at``, what is wrong.
    """
    rows: list[tuple[str, ...]] = []
    for location in report.locations:
        for watched in location.streams:
            name, state = watched.name, watched.state_name
            expected = "yes" if watched.expected else "no"
            errors = str(watched.stream.errors) if watched.exists else "-"
            since = lasting(report, name)
            _, problem = stream_problem(report, name)
            look = problem.reason if problem else ""
            if look_at:
                look = one_line(problem_of(watched), _LONGEST)
            rows.append(
                (name.stream, *location.name, state, expected, errors, since, look)
            )
        if left_out := omitted(location.omitted):
            rows.append((left_out, *location.name, "not watched", "-", "-", "", ""))
    rows += [
        ("?", unread.project, unread.location, "unknown", "?", "?", "", "")
        for unread in sorted(report.unread)
    ]
    if rows:
        print_table(_HEADINGS, rows, out)
    else:
        out.write(f"No streams found: {fleet(report)}.\n")
    out.flush()


def fleet_document(report: Report) -> dict[str, Any]:
    """Return what the table says, and the numbers of the run, as plain data."""
    streams = []
    for location in report.locations:
        for one in location.streams:
            kind, problem = stream_problem(report, one.name)
            streams.append(
                {
                    "name": str(one.name),
                    "state": one.state_name,
                    "expected": one.expected,
                    "errors": one.stream.errors,
                    "problem": problem_of(one),
                    "kind": kind,
                    "since": problem and utc_time(problem.since),
                    "streams": problem and problem.streams,
                    "reason": problem and problem.reason,
                }
            )
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
        if not any(cells):
            continue
        column = [heading.upper(), *map(printable, cells)]
        width = max(map(len, column))
        columns.append([cell.ljust(width) for cell in column])
    for row in zip(*columns, strict=True):
        line = "  ".join(row)
        out.write(f"{line.rstrip()}\n")
