"""Shows a person a run: the fleet, and what there is to write."""

from collections import Counter
from typing import TextIO

from exporter.config import Config
from exporter.report import Report
from exporter.summary import fleet, lasting
from exporter.terminal import print_table
from exporter.text import capitalized, plural

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


def print_report(report: Report, config: Config, out: TextIO) -> None:
    """Print the fleet, then what there is to write."""
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
    points = plural(len(report.samples), "point")
    out.write(f"\n{capitalized(points)} for {config.metrics.project}\n")
    counts = Counter(sample.metric.name for sample in report.samples)
    by_metric = [f"{name} {count:,}" for name, count in counts.items()]
    out.write(f"  {', '.join(by_metric)}\n")
