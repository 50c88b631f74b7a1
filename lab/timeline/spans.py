"""Joins points into spans: how long a stream, location or exporter was in which state."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from google.cloud.datastream_v1 import PrivateConnection

from exporter import measure as samples
from exporter.states import state_name
from lab.policies.promql import promql_name
from lab.prove.incidents import resource_name
from lab.simulate.series import Series

STATE, UP, CONNECTION_STATE, LAST_RUN = (
    promql_name(metric.type)
    for metric in (
        samples.STATE,
        samples.UP,
        samples.CONNECTION_STATE,
        samples.LAST_RUN,
    )
)
# Seconds that a series can be silent within a span: what does not change is written
# every four minutes at least, and a private connection every quarter of an hour
_PAUSES = {STATE: 300.0, UP: 300.0, LAST_RUN: 300.0, CONNECTION_STATE: 1200.0}


class Period(NamedTuple):
    """A time in unix seconds, both ends included."""

    start: float
    end: float


class Span(NamedTuple):
    """A time without a change, in unix seconds; ``pause`` is the longest silence in it."""

    start: float
    end: float
    state: str
    pause: float


class Spans:
    """The spans of every subject, by its full name, oldest first."""

    def __init__(self) -> None:
        self.of: dict[str, list[Span]] = {}

    def add(self, series: Iterable[Series]) -> None:
        """Add points, none of them older than those that were added before."""
        points: dict[tuple[str, str], list[tuple[float, float]]] = {}
        for each in series:
            if each.name in _PAUSES:
                about = resource_name(
                    dict(each.labels), is_exporter=each.name == LAST_RUN
                )
                of_subject = points.setdefault((each.name, about), [])
                of_subject.extend((point.time, point.value) for point in each.samples)
        for (name, about), found in points.items():
            spans = self.of.setdefault(about, [])
            for time, value in sorted(found):
                state = _state(name, int(value))
                follows = bool(spans) and time - spans[-1].end <= _PAUSES[name]
                if follows:
                    spans[-1] = spans[-1]._replace(end=time)
                if not follows or spans[-1].state != state:
                    spans.append(Span(time, time, state, _PAUSES[name]))


def _state(name: str, value: int) -> str:
    if name == LAST_RUN:
        return "runs"
    if name == UP:
        return "readable" if value else "unreadable"
    if name == CONNECTION_STATE:
        states: Any = PrivateConnection.State
        return next(
            (str(each.name) for each in states if each == value), f"state {value}"
        )
    return state_name(value)
