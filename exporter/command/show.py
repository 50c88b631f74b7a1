"""Shows a person the fleet as a run found it."""

from typing import TextIO

from exporter.command.terminal import print_table
from exporter.log.summary import fleet, lasting
from exporter.names import GLOBAL, LocationName
from exporter.run.report import Report
from exporter.steps.compare import Verdict

_HEADINGS = (
    "stream",
    "project",
    "location",
    "state",
    "expected",
    "errors",
    "since",
)
_STYLES = {
    Verdict.FINE: "green",
    Verdict.ERRORS: "green",
    Verdict.UNEXPECTED: "yellow",
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
        right = ("errors",)
        print_table(_HEADINGS, rows, out, right, styles)
    else:
        out.write(f"No streams found: {fleet(report)}.\n")
