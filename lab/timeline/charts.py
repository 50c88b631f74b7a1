"""Draws the spans and incidents of scenarios, or of a back-test, as charts."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
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
from lab.timeline.spans import Period, Span, Spans

MOST_ROWS = 40  # rows of a chart; subjects that look alike share a row

_STYLES = {
    "RUNNING": "good",
    "CREATED": "good",
    "readable": "good",
    "runs": "good",
    "STARTING": "busy",
    "DRAINING": "busy",
    "MAINTENANCE": "busy",
    "CREATING": "busy",
    "DELETING": "busy",
    "PAUSED": "idle",
    "NOT_STARTED": "idle",
    "FAILED": "bad",
    "unreadable": "bad",
    "FAILED_PERMANENTLY": "lost",
}
_TICK_MINUTES = (1, 2, 5, 10, 20, 30, 60, 120, 240, 360, 720)
_MOST_TICKS = 5
_NARROWEST = 0.3  # percent

_TEMPLATES = Environment(
    autoescape=True,
    loader=PackageLoader("lab.timeline", ""),
    lstrip_blocks=True,
    trim_blocks=True,
)


class _Axis(NamedTuple):
    """The axis of time: dates in UTC if ``dated``, else times since its start."""

    start: float
    lasts: float
    dated: bool

    def text(self, at: float) -> str:
        """Return a time, given in seconds after the start."""
        when = datetime.fromtimestamp(self.start + at, UTC)
        return f"{when:%m-%d %H:%M}" if self.dated else format_duration(round(at))

    def percent(self, at: float) -> float:
        """Return where a time is, in percent of the width."""
        share = min(max(at / self.lasts, 0.0), 1.0)
        return round(100 * share, 2)


class Bar(NamedTuple):
    """A span or an incident."""

    x: float  # where it begins, in percent
    width: float  # in percent
    style: str
    text: str  # the text in it
    about: str  # the text that a pointer shows


class Row(NamedTuple):
    """A subject with its spans and incidents."""

    name: str
    place: str
    spans: list[Bar]
    incidents: list[tuple[str, list[Bar]]]  # a text and the bars of each policy

    @property
    def height(self) -> int:
        """Its height in pixels."""
        return 32 + 20 * bool(self.spans) + 23 * len(self.incidents)

    @property
    def looks(self) -> str:
        """What rows have in common that differ by seconds only."""
        bars = self.spans.copy()
        for _, fired in self.incidents:
            bars += fired
        return repr([(bar.text, round(bar.x)) for bar in bars])


class Chart(NamedTuple):
    """A chart as the templates draw it."""

    ticks: list[tuple[float, str]]  # times in percent of the width, and their texts
    rows: list[Row]
    notes: list[str]  # what is wrong or left out
    name: str = "History"
    text: str = ""
    failed: bool = False

    @property
    def height(self) -> int:
        """Its height in pixels."""
        return 24 + sum(row.height for row in self.rows)


def scenario_chart(result: ScenarioResult, policies: Sequence[Policy]) -> Chart:
    """Return a scenario's chart, in the first phase of the evaluation that is wrong."""
    scenario, recording = result.scenario, result.recording
    intervals = {policy.name: policy.interval or 1 for policy in policies}
    wrong = [each.phase for each in result.results if not each.passed]
    # A log policy has no phases.
    phase = min((each for each in wrong if each is not None), default=0.0)
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
    axis = _Axis(period.start, period.end - period.start, dated)
    severities = {policy.name: policy.severity for policy in policies}
    exporters = [name for name in spans.of if name.startswith("exporters/")]
    # The labels of an incident about an exporter may name none.
    exporter = exporters[0] if len(exporters) == 1 else "exporter"
    opened: dict[str, list[Incident]] = {}
    for incident in sorted(incidents, key=lambda each: each.opened):
        opened.setdefault(incident.about or exporter, []).append(incident)
    alike: dict[str, list[Row]] = {}
    for name in (*opened, *sorted(spans.of.keys() - opened)):
        lasting = spans.of.get(name, [])
        fired = opened.get(name, [])
        *place, last = name.split("/")[1::2] or [name]
        row = Row(
            printable(last),
            printable(" · ".join(reversed(place))),
            list(_spans(axis, lasting)),
            list(_incidents(axis, fired, severities)),
        )
        is_well = all(bar.style == "good" for bar in row.spans)
        if "/streams/" in name or row.incidents or not is_well:
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


def _incidents(
    axis: _Axis,
    incidents: Iterable[Incident],
    severities: Mapping[str, str],
) -> Iterator[tuple[str, list[Bar]]]:
    """Yield a text and bars for each policy."""
    by_policy: dict[str, list[Incident]] = {}
    for incident in incidents:
        by_policy.setdefault(incident.policy, []).append(incident)
    for policy, found in by_policy.items():
        severity = severities[policy].lower()
        since, until = "before the start", "still open"
        if found[0].opened > 0:
            since = axis.text(found[0].opened)
        closed = [each.closed for each in found if each.closed]
        if len(closed) == len(found):
            until = axis.text(max(closed))
        times = f" ({len(found)})" if len(found) > 1 else ""
        bars = []
        for each in found:
            closes = each.closed or axis.lasts
            bars.append(
                _bar(
                    axis,
                    each.opened,
                    closes,
                    severity,
                    policy,
                )
            )
        yield f"{policy}{times} {since} → {until}", bars


def _spans(axis: _Axis, spans: Sequence[Span]) -> Iterator[Bar]:
    for span in spans:
        start, end = span.start - axis.start, span.end - axis.start
        if span is spans[-1] and axis.lasts - end <= span.pause:
            end = axis.lasts
        if start <= axis.lasts and end >= 0:
            style = _STYLES.get(span.state, "odd")
            yield _bar(axis, start, end, style, span.state)


def _bar(
    axis: _Axis,
    start: float,
    end: float,
    style: str,
    text: str,
) -> Bar:
    x = axis.percent(start)
    width = round(max(axis.percent(end) - x, _NARROWEST), 2)
    since = axis.text(max(start, 0.0))
    until = axis.text(min(end, axis.lasts))
    return Bar(x, width, style, text, f"{text}, {since} to {until}")


def _ticks(axis: _Axis) -> list[tuple[float, str]]:
    """Return times to mark, in percent of the width, and their texts."""
    steps = [minutes * MINUTE for minutes in _TICK_MINUTES]
    steps += range(DAY, 99 * DAY, DAY)
    step = next(step for step in steps if axis.lasts / step <= _MOST_TICKS)
    first = int(-axis.start % step) if axis.dated else 0
    times = range(first, int(axis.lasts) + 1, step)
    return [(axis.percent(at), axis.text(at)) for at in times]
