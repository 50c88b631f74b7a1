"""Joins points into spans: when a stream, location or exporter was in which state."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from google.cloud.datastream_v1 import PrivateConnection

from exporter import measure as samples
from exporter.states import state_name
from lab.policies.promql import promql_name
from lab.prove.incidents import resource_name
from lab.simulate.series import Series

STATE = promql_name(samples.STATE.type)
UP = promql_name(samples.UP.type)
CONNECTION_STATE = promql_name(samples.CONNECTION_STATE.type)
LAST_RUN = promql_name(samples.LAST_RUN.type)
# Seconds that a series can be silent within a span: what does not change is written
# every four minutes at least, and a private connection every quarter of an hour
_PAUSES = {
    STATE: 300.0,
    UP: 300.0,
    LAST_RUN: 300.0,
    CONNECTION_STATE: 1200.0,
}


class Period(NamedTuple):
    """A time in unix seconds, both ends included."""

    start: float
    end: float


class Span(NamedTuple):
    """A time without a change, in unix seconds."""

    start: float
    end: float
    state: str
    pause: float  # the longest silence that is allowed in it


class Spans:
    """The spans of every subject, by its full name, oldest first."""

    def __init__(self) -> None:
        self.of: dict[str, list[Span]] = {}

    def add(self, series: Iterable[Series]) -> None:
        """Add points, none of them older than those that were added before."""
        # By metric and subject
        points: dict[tuple[str, str], list[tuple[float, float]]] = {}
        for each in series:
            if each.name not in _PAUSES:
                continue
            labels = dict(each.labels)
            about = resource_name(labels, is_exporter=each.name == LAST_RUN)
            of_subject = points.setdefault((each.name, about), [])
            of_subject += [(point.time, point.value) for point in each.samples]
        for (name, about), found in points.items():
            spans = self.of.setdefault(about, [])
            pause = _PAUSES[name]
            for time, value in sorted(found):
                state = _state(name, int(value))
                follows = bool(spans) and time - spans[-1].end <= pause
                if follows:
                    spans[-1] = spans[-1]._replace(end=time)
                if not follows or spans[-1].state != state:
                    spans.append(Span(time, time, state, pause))


def _state(name: str, value: int) -> str:
    if name == LAST_RUN:
        return "runs"
    if name == UP:
        return "readable" if value else "unreadable"
    if name == CONNECTION_STATE:
        known: Any = PrivateConnection.State
        names = {int(each): str(each.name) for each in known}
        return names.get(value, f"state {value}")
    return state_name(value)
