"""Shows a person the fleet as a run found it."""

from typing import TextIO

from exporter.command.terminal import print_table
from exporter.log.summary import fleet, lasting
from exporter.run.report import Report

_HEADINGS = (
    "stream",
    "project",
    "location",
    "state",
    "expected",
    "errors",
    "since",
)
_STYLES = {"": "green", "not as expected": "yellow"}  # by what is wrong


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
            rows.append((*place, one.state, expected, errors, since))
            styles.append(_STYLES.get(one.trouble, "bold red"))
    for unread in report.unread:
        rows.append(("?", *unread, "unknown", "?", "?", ""))
        styles.append("magenta")
    if rows:
        right = ("errors",)
        print_table(_HEADINGS, rows, out, right, styles)
    else:
        out.write(f"No streams found: {fleet(report)}.\n")
