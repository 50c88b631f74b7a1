"""Draws the spans and incidents of scenarios, or of a back-test, as charts.

The templates decide how a state looks, and where its label fits.
"""

import math
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from jinja2 import Environment, PackageLoader

from exporter.text import plural, printable
from lab.policies.files import Policy
from lab.policies.model import DAY, MINUTE
from lab.promql_durations import format_duration
from lab.prove.comparison import AlertOutcome
from lab.prove.incidents import Incident
from lab.prove.outcomes import lines
from lab.prove.scenarios import ScenarioResult
from lab.timeline.spans import DEAD, Period, Spans

MOST_ROWS = 40  # rows of a chart; subjects that look alike share a row

# A location, connection or exporter that was nothing else has no row of its own.
_QUIET = {"RUNNING", "CREATED", "readable", "runs", DEAD}
_TICK_MINUTES = (1, 2, 5, 10, 20, 30, 60, 120, 240, 360, 720)
_MOST_TICKS = 4
_NARROWEST = 0.3  # percent

_TEMPLATES = Environment(
    autoescape=True,
    loader=PackageLoader("lab.timeline", ""),
    lstrip_blocks=True,
    trim_blocks=True,
)


class Bar(NamedTuple):
    """A span or an incident."""

    x: float  # where it begins, in percent of the width
    width: float  # in percent
    text: str  # the state, or the policy
    about: str  # the text that a pointer shows


class Line(NamedTuple):
    """The incidents of a policy about one subject."""

    text: str
    severity: str  # in lower case
    bars: list[Bar]


class Row(NamedTuple):
    """A subject with its spans and incidents."""

    name: str
    place: str
    spans: list[Bar]
    incidents: list[Line]

    @property
    def looks(self) -> str:
        """What rows have in common that differ by seconds only."""
        bars = self.spans.copy()
        for line in self.incidents:
            bars += line.bars
        return repr([(bar.text, round(bar.x)) for bar in bars])


class Chart(NamedTuple):
    """A chart as the templates draw it."""

    ticks: list[Bar]  # times to mark
    rows: list[Row]
    notes: list[str]  # what is wrong or left out
    name: str = "History"
    text: str = ""
    failed: bool = False


class _Axis(NamedTuple):
    """The axis of time: dates in UTC if ``dated``, else times since its start."""

    period: Period
    dated: bool

    def text(self, time: float) -> str:
        """Return a time, given in unix seconds."""
        if self.dated:
            return f"{datetime.fromtimestamp(time, UTC):%Y-%m-%d %H:%MZ}"
        return format_duration(round(time - self.period.start))

    def bar(self, start: float, end: float, text: str) -> Bar:
        """Return a bar between two times, as far as it is on the axis."""
        first, last = self.period
        start, end = max(start, first), min(end, last)
        share = 100 / (last - first)
        x = min((start - first) * share, 100 - _NARROWEST)
        width = max((end - start) * share, _NARROWEST)
        about = f"{text}, {self.text(start)} to {self.text(end)}"
        return Bar(round(x, 2), round(width, 2), text, about)


def scenario_chart(result: ScenarioResult, policies: Sequence[Policy]) -> Chart:
    """Return a scenario's chart, in the first phase of the evaluation that is wrong."""
    scenario, recording = result.scenario, result.recording
    intervals = {policy.name: policy.interval or 1 for policy in policies}
    # A log policy has no phases.
    wrong = [each.phase or 0.0 for each in result.results if not each.passed]
    phase = min(wrong, default=0.0)
    incidents = [
        each
        for each in result.incidents
        if each.phase == phase % intervals[each.policy]
    ]
    spans = Spans()
    spans.add(recording.series)
    period = Period(recording.start, recording.start + recording.lasts)
    drawn = chart(period, spans, incidents, policies)
    failures = []
    for outcome, line in lines(result.results):
        if outcome != AlertOutcome.RIGHT:
            failures.append(f"{outcome.upper()}: {line}")
    return drawn._replace(
        notes=failures + drawn.notes,
        name=printable(scenario.name),
        text=printable(scenario.title),
        failed=not result.passed,
    )


def chart(
    period: Period,
    spans: Spans,
    incidents: Iterable[Incident],
    policies: Iterable[Policy],
    *,
    dated: bool = False,
) -> Chart:
    """Return the chart of a period, with dates or times since its start.

    A subject's first incident decides the order of the rows.
    """
    axis = _Axis(period, dated)
    severities = {policy.name: policy.severity.lower() for policy in policies}
    exporters = [name for name in spans.of if name.startswith("exporters/")]
    opened: dict[str, dict[str, list[Incident]]] = {}
    for incident in sorted(incidents, key=lambda each: each.opened):
        about = incident.about
        # The labels of an incident about the exporter may not name it.
        if "/" not in about:
            about = exporters[0] if len(exporters) == 1 else "exporter"
        fired = opened.setdefault(about, {})
        fired.setdefault(incident.policy, []).append(incident)
    alike: dict[str, list[Row]] = {}
    for name in (*opened, *sorted(spans.of.keys() - opened)):
        *place, last = name.split("/")[1::2] or [name]
        row = Row(printable(last), printable(" · ".join(reversed(place))), [], [])
        for span in spans.until(period.end, name):
            if span.start <= period.end and span.end >= period.start:
                row.spans.append(axis.bar(*span))
        for policy, found in opened.get(name, {}).items():
            row.incidents.append(_line(axis, policy, severities[policy], found))
        states = {bar.text for bar in row.spans}
        if "/streams/" in name or row.incidents or states - _QUIET:
            alike.setdefault(row.looks, []).append(row)
    rows = []
    for first, *others in list(alike.values())[:MOST_ROWS]:
        more = f" · and {len(others):,} more like it" if others else ""
        rows.append(first._replace(place=first.place + more))
    left_out = len(alike) - len(rows)
    notes = [f"{plural(left_out, 'more row')} not drawn."] if left_out else []
    return Chart(_ticks(axis), rows, notes)


def page(
    title: str,
    summary: str,
    charts: Sequence[Chart],
) -> str:
    """Return an HTML page with charts, which loads nothing else."""
    template = _TEMPLATES.get_template("page.html.j2")
    return template.render(title=title, summary=summary, charts=charts)


def picture(chart: Chart) -> str:
    """Return a chart as an SVG file."""
    return _TEMPLATES.get_template("picture.svg.j2").render(chart=chart)


def _line(
    axis: _Axis, policy: str, severity: str, incidents: Sequence[Incident]
) -> Line:
    """Return a policy's incidents about one subject."""
    start = axis.period.start
    bars = []
    closes = 0.0
    for incident in incidents:
        closed = incident.closed or math.inf
        closes = max(closes, closed)
        bars.append(axis.bar(start + incident.opened, start + closed, policy))
    since, until = "before the start", "still open"
    if incidents[0].opened > 0:
        since = axis.text(start + incidents[0].opened)
    if closes < math.inf:
        until = axis.text(start + closes)
    times = f" ({len(bars)})" if len(bars) > 1 else ""
    return Line(f"{policy}{times} {since} → {until}", severity, bars)


def _ticks(axis: _Axis) -> list[Bar]:
    """Return times to mark, at most five."""
    start, end = axis.period
    steps = [minutes * MINUTE for minutes in _TICK_MINUTES]
    steps += range(DAY, 99 * DAY, DAY)
    step = next(step for step in steps if (end - start) / step <= _MOST_TICKS)
    first = int(-start % step) if axis.dated else 0
    times = range(first, int(end - start) + 1, step)
    return [axis.bar(start + at, start + at, axis.text(start + at)) for at in times]
