"""Draws the spans and incidents of a back-test as a chart.

The templates decide how a state looks, and where its label fits.
"""

import math
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, PackageLoader

from exporter.logger import LOGGER
from exporter.text import printable
from lab.policies.files import Policy
from lab.policies.model import DAY, MINUTE
from lab.promql_durations import format_duration
from lab.prove.incidents import Incident
from lab.timeline.spans import DEAD, Period, Spans

MOST_ROWS = 40  # rows of a chart; subjects that look alike share a row

# A location or exporter that was nothing else has no row of its own.
_QUIET = {"RUNNING", "readable", "runs"}
# Between two ticks: half an hour to ten days, which is a quarter of the longest time
_TICK_MINUTES = (30, 60, 120, 360, 720, 1440, 2880, 5760, 14_400)
_MOST_TICKS = 4
_NARROWEST = 0.3  # percent

_TEMPLATES = Environment(
    autoescape=True,
    loader=PackageLoader("lab.timeline", ""),
    lstrip_blocks=True,
    trim_blocks=True,
)
_TEMPLATES.filters.update(printable=printable, duration=format_duration)


class Bar(NamedTuple):
    """A span or an incident."""

    x: float  # where it begins, in percent of the width
    width: float  # in percent
    text: str  # the state, or the policy
    about: str  # the text that a pointer shows


class Line(NamedTuple):
    """The incidents of a policy about one subject."""

    text: str
    severity: str
    bars: list[Bar]


class Row(NamedTuple):
    """A subject with its spans and incidents."""

    name: str  # its full name
    spans: list[Bar]
    incidents: list[Line]
    more: int = 0  # subjects that look the same

    @property
    def looks(self) -> str:
        """A text that is the same for rows that differ by seconds only."""
        bars = self.spans.copy()
        for line in self.incidents:
            bars += line.bars
        return repr([(bar.text, round(bar.x)) for bar in bars])


class Chart(NamedTuple):
    """A chart as the templates draw it."""

    ticks: list[Bar]  # times to mark
    rows: list[Row]
    left_out: int  # how many rows are not drawn


class _Axis(Period):
    """The axis of time, in UTC."""

    def text(self, time: float, after: float = 0.0) -> str:
        """Return a time, given in unix seconds.

        It has no date where the page begins on that day, or ``after`` is on it.
        """
        known = self.start // DAY, after // DAY
        date = "" if time // DAY in known else "%Y-%m-%d "
        return f"{datetime.fromtimestamp(time, UTC):{date}%H:%MZ}"

    def bar(self, start: float, end: float, text: str) -> Bar:
        """Return a bar between two times, as far as it is on the axis."""
        first, last = self
        start, end = max(start, first), min(end, last)
        # Right after an exporter's first run, no time has passed.
        share = 100 / max(last - first, 1)
        x = min((start - first) * share, 100 - _NARROWEST)
        width = max((end - start) * share, _NARROWEST)
        about = f"{text}, {self.text(start)} to {self.text(end, start)}"
        return Bar(round(x, 2), round(width, 2), text, about)


def chart(
    period: Period,
    spans: Spans,
    incidents: Iterable[Incident],
    policies: Iterable[Policy],
) -> Chart:
    """Return the chart of a period.

    A subject's first incident decides the order of the rows.
    """
    axis = _Axis(*period)
    start, end = period
    least = (end - start) / MINUTE / _MOST_TICKS
    step = MINUTE * next(minutes for minutes in _TICK_MINUTES if minutes >= least)
    first = int(-start % step)
    times = [start + at for at in range(first, int(end - start) + 1, step)]
    ticks = [
        axis.bar(time, time, axis.text(time, before))
        for before, time in pairwise([start, *times])
    ]
    severities = {policy.name: policy.severity for policy in policies}
    exporters = [name for name in spans.of if name.startswith("exporters/")]
    opened: dict[str, dict[str, list[Incident]]] = {}
    for incident in sorted(incidents, key=lambda each: each.opened):
        about = incident.about or incident.policy
        # The labels of an incident about the exporter may not name it.
        if about == "every exporter" and len(exporters) == 1:
            about = exporters[0]
        line = incident.policy
        if incident.side:
            line += f" ({incident.side})"
        opened.setdefault(about, {}).setdefault(line, []).append(incident)
    alike: dict[str, list[Row]] = {}
    for name in (*opened, *sorted(spans.of.keys() - opened)):
        row = Row(name, [], [])
        for span in spans.until(end, name):
            if span.start <= end and span.end >= start:
                row.spans.append(axis.bar(*span))
        for policy, found in opened.get(name, {}).items():
            severity = severities[found[0].policy]
            row.incidents.append(_line(axis, policy, severity, found))
        # Of a dead exporter, its own row says it.
        states = {bar.text for bar in row.spans if not bar.text.endswith(f" {DEAD}")}
        if "/streams/" in name or row.incidents or states - _QUIET:
            alike.setdefault(row.looks, []).append(row)
    shown = list(alike.values())[:MOST_ROWS]
    rows = [first._replace(more=len(others)) for first, *others in shown]
    return Chart(ticks, rows, len(alike) - len(rows))


def write_page(file: Path, title: str, summary: str, chart: Chart, found: Any) -> None:
    """Write an HTML page with a chart, which loads nothing else.

    ``found`` is the back-test's result as JSON, for the tables.
    """
    page = _TEMPLATES.get_template("page.html.j2").render(
        title=title, summary=summary, chart=chart, found=found
    )
    file.write_text(page, "utf-8")
    LOGGER.info("Wrote %s.", file)


def picture(chart: Chart, title: str) -> str:
    """Return a chart as an SVG file."""
    return _TEMPLATES.get_template("picture.svg.j2").render(chart=chart, title=title)


def _line(
    axis: _Axis, policy: str, severity: str, incidents: Sequence[Incident]
) -> Line:
    """Return a policy's incidents about one subject."""
    start = axis.start
    opened = start + incidents[0].opened
    closes = start + max(each.ends for each in incidents)
    bars = [
        axis.bar(start + each.opened, start + each.ends, policy) for each in incidents
    ]
    since, until = "before the start", "still open"
    if opened > start:
        since = axis.text(opened)
    if closes < math.inf:
        until = axis.text(closes, opened)
    times = f" ({len(bars)})" if len(bars) > 1 else ""
    return Line(f"{policy}{times} {since} → {until}", severity, bars)
