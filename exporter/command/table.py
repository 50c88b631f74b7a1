"""Prints the fleet as a run found it: a table for people, JSON for scripts."""

import json
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from shutil import get_terminal_size
from typing import Any, TextIO

from exporter.log.summary import lasting, numbers, problem_fields, what_is_wrong
from exporter.run.report import Report
from exporter.steps.compare import ComparedStream, Verdict
from exporter.text import printable


def print_report(report: Report, out: TextIO) -> None:
    """Print each location and a line for each stream; what needs a look comes first.

    The problem is how long it has lasted, and what is next.
    """
    rows: list[tuple[str, ...]] = [
        (f"{', '.join(unread)}: unknown, as it could not be read",)
        for unread in sorted(report.unread)
    ]
    locations: dict[tuple[str, ...], list[ComparedStream]] = {}
    for watched in sorted(report.watched, key=_order):
        locations.setdefault(watched.name.location_name, []).append(watched)
    for location, streams in locations.items():
        rows.append((", ".join(location),))
        for watched in streams:
            name, state = watched.name, watched.state_name
            expected = "yes" if watched.expected else "no"
            why = problem_fields(report, name).get("reason", "")
            if why == state:
                why = ""
            problem = lasting(report, watched)
            rows.append((f"  {name.stream}", state, expected, problem, why))
    print_table(("STREAM", "STATE", "EXPECTED", "PROBLEM", "REASON"), rows, out)
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
    """Print a table, at a terminal no wider than that.

    A row of one cell is a line of its own.
    """
    lines = [[*map(printable, row)] for row in (headings, *rows)]
    columns = zip(*[line for line in lines if len(line) > 1], strict=True)
    widths = [max(map(len, column)) for column in columns]
    most = get_terminal_size().columns if out.isatty() else sys.maxsize
    for line in lines:
        text = "  ".join(map(str.ljust, line, widths)).rstrip()
        if len(text) > most:
            text = f"{text[: most - 1]}…"
        out.write(f"{text}\n")
