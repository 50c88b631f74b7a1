"""Joins points into spans: when a stream, location or exporter was in which state."""

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from exporter.states import state_name
from exporter.steps.measure import NEVER_MISSING, metrics
from lab.policies.promql import promql_name
from lab.prove.incidents import resource_name
from lab.simulate.series import Series

# What a timeline is made of
METRICS = (
    "stream/state",
    "stream/expected",
    "stream/last_seen",
    "location/up",
    "location/last_read",
    "exporter/last_run",
)
_BY_NAME = {promql_name(metrics()[name].type): name for name in METRICS}
UNREADABLE = "unreadable"  # a location that was not read
# What a stream without a state is:
MISSING = "missing"  # its location was read, and did not list it
UNKNOWN = "unknown"  # its location was not read, or not written
DEAD = "dead"  # an exporter wrote nothing; of a stream, after the exporter's name
UNWATCHED = "not watched"  # config excludes or mutes it
# Seconds that a subject can be silent within a span: what does not change is written
# every four minutes at least
_PAUSE = 300.0
_EXPORTERS = "exporters/"

_ByTime = dict[float, str]  # a state at each unix second that has one


class Period(NamedTuple):
    """A time in unix seconds, both ends included."""

    start: float
    end: float


class Span(NamedTuple):
    """A time without a change, in unix seconds."""

    start: float
    end: float
    state: str


class Spans:
    """The spans of every subject, by its full name, oldest first."""

    def __init__(self) -> None:
        self.of: dict[str, list[Span]] = {}

    def add(self, series: Iterable[Series]) -> None:
        """Add points, none of them older than those that were added before."""
        states: dict[str, _ByTime] = defaultdict(dict)
        # Of a location: what its streams are that have no state
        others: dict[str, _ByTime] = defaultdict(dict)
        expected: set[tuple[str, float]] = set()
        for each in series:
            metric = _BY_NAME.get(each.name)
            if metric is None:
                continue
            labels = dict(each.labels)
            name = resource_name(labels, is_exporter=metric == "exporter/last_run")
            for point in each.samples:
                state = _state(metric, int(point.value))
                if state:
                    states[name][point.time] = state
                if metric == "stream/expected" and point.value:
                    expected.add((name, point.time))
                if metric == "location/last_read":
                    others[name][point.time] = MISSING
                if state == UNREADABLE:
                    others[name][point.time] = UNKNOWN
        for name, time in expected:
            if states[name].get(time) in {"PAUSED", "NOT_STARTED"}:
                states[name][time] += ", expected"
        for about in {*states, *self.of}:
            # A location has a state of its own whenever it has others.
            location, _, _ = about.partition("/streams/")
            spans = self.of.setdefault(about, [])
            _join(spans, states[about], others[location])

    def until(self, end: float, about: str) -> list[Span]:
        """Return a subject's spans until a time, with one for each silence."""
        found: list[Span] = []
        for span in (*self.of.get(about, ()), Span(end, end, "")):
            if found and span.start > found[-1].end:
                last = found[-1]
                silence = self._silence(about, last.end, span.start)
                is_short = span.start - last.end <= _PAUSE
                if is_short or silence.state == last.state:
                    found[-1] = last._replace(end=span.start)
                else:
                    found[-1] = last._replace(end=silence.start)
                    found.append(silence)
            found.append(span)
        return found[:-1]

    def _silence(self, about: str, since: float, until: float) -> Span:
        """Return why a subject has no points, from when its exporter was last heard.

        No point says which exporter wrote it: it is each that fell silent when the
        subject did.
        """
        if about.startswith(_EXPORTERS):
            return Span(since, until, DEAD)
        heard = {}
        for name, spans in self.of.items():
            if not name.startswith(_EXPORTERS):
                continue
            for span in spans:
                if abs(span.end - since) <= _PAUSE:
                    heard[name.removeprefix(_EXPORTERS)] = span.end
        if not heard:
            return Span(since, until, UNKNOWN)
        return Span(max(since, *heard.values()), until, f"{' and '.join(heard)} {DEAD}")


def _join(spans: list[Span], own: _ByTime, others: _ByTime) -> None:
    """Add points; a subject without one is like the others once it has been there."""
    for time, state in sorted((others | own).items()):
        if not spans and time not in own:
            continue
        if spans and time - spans[-1].end <= _PAUSE:
            spans[-1] = spans[-1]._replace(end=time)
            if spans[-1].state == state:
                continue
        spans.append(Span(time, time, state))


def _state(metric: str, value: int) -> str:
    """Return what a point says of its subject, or an empty text."""
    if metric == "stream/state":
        return state_name(value)
    if metric == "stream/last_seen":
        return {0: MISSING, NEVER_MISSING: UNWATCHED}.get(value, "")
    if metric == "location/up":
        return "readable" if value else UNREADABLE
    return "runs" if metric == "exporter/last_run" else ""
