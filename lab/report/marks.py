"""The marks on a scenario's timeline. Times are seconds after the scenario's start."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from lab.prove.comparison import Outcome

if TYPE_CHECKING:
    from lab.report.subjects import Subject

_NUMBER_WIDTH = 0.04
"""Part of the timeline's width that the number of an event needs."""

_TICK_MINUTES = (1, 2, 5, 10, 15, 30, 60, 120, 240, 360)
_MOST_TICKS = 9
_HOUR = 3600


class Tick(NamedTuple):
    """A tick of the time axis."""

    at: float
    text: str


class EventMark(NamedTuple):
    """A moment at which something happens, with its number in the scenario, from 1."""

    number: int
    at: float
    texts: tuple[str, ...]


class StateInterval(NamedTuple):
    """An interval in which an actual state, named ``text``, doesn't change."""

    begin: float
    end: float
    style: str
    text: str


class StateRow(NamedTuple):
    """The actual states of a subject, without a gap."""

    title: str
    intervals: tuple[StateInterval, ...]


class Point(NamedTuple):
    """A point in Cloud Monitoring, or an exporter's run.

    Attributes:
        at: The point's own time, or when the run ended.
        text: Its value in words.
        shape: ``plain`` for a healthy state, ``marked`` for another one, ``failed`` for a failure,
            ``unread`` where something couldn't be read or written.
    """

    at: float
    text: str
    shape: str


class Gap(NamedTuple):
    """An interval between two points in which at least one point is missing."""

    begin: float
    end: float


class PointRow(NamedTuple):
    """The points of one kind about a subject, by time."""

    title: str
    points: tuple[Point, ...]
    gaps: tuple[Gap, ...]


class TrueInterval(NamedTuple):
    """An interval in which a condition is true at every evaluation.

    Attributes:
        begin: The first of these evaluations.
        fires: When the retest window is over, ``end`` at most.
        end: The first evaluation that is not true, or the end of the scenario.
    """

    begin: float
    fires: float
    end: float


class ExpectedWindow(NamedTuple):
    """When an incident is expected to open, or to close (``closes``)."""

    begin: float
    end: float
    closes: bool


class IncidentMark(NamedTuple):
    """An incident.

    Attributes:
        begin: When it opened.
        end: When it closed, or the end of the scenario.
        open: Whether it is still open then.
        outcome: How it compares with the expected alert.
    """

    begin: float
    end: float
    open: bool
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class PolicyRow:
    """A policy's condition and incidents for one subject.

    Attributes:
        policy: The policy's name.
        is_log: Whether it matches log entries.
        intervals: When its condition is true.
        log_entries: When matching log entries were written.
        windows: When incidents are expected.
        incidents: The incidents.
        missed: How many expected incidents did not open.
    """

    policy: str
    is_log: bool
    intervals: tuple[TrueInterval, ...]
    log_entries: tuple[float, ...]
    windows: tuple[ExpectedWindow, ...]
    incidents: tuple[IncidentMark, ...]
    missed: int

    @property
    def wrong(self) -> tuple[str, ...]:
        """The names of all outcomes that are not right, each once."""
        outcomes = [incident.outcome for incident in self.incidents]
        outcomes += [Outcome.MISSED] * self.missed
        return tuple(dict.fromkeys(each.value for each in outcomes if each is not Outcome.RIGHT))


@dataclass(frozen=True, slots=True)
class Track:
    """All rows of one subject.

    Attributes:
        subject: The subject.
        states: Its actual states; for the exporters one row each.
        points: The points about it.
        policies: The policies whose conditions are true for it, or which are expected to fire.
        similar: Further subjects whose tracks look the same and are not drawn.
    """

    subject: Subject
    states: tuple[StateRow, ...]
    points: tuple[PointRow, ...]
    policies: tuple[PolicyRow, ...]
    similar: tuple[Subject, ...] = ()


@dataclass(frozen=True, slots=True)
class Timeline:
    """A scenario's marks.

    Attributes:
        lasts: The scenario's length in seconds.
        phase: The evaluation phase that is drawn.
        events: What happens.
        tracks: The subjects that matter; those with a wrong outcome first, then by incident.
        hidden: How many further subjects are neither drawn nor similar to one that is.
    """

    lasts: float
    phase: float
    events: tuple[EventMark, ...]
    tracks: tuple[Track, ...]
    hidden: int

    @property
    def ticks(self) -> tuple[Tick, ...]:
        """The ticks of the time axis."""
        return axis_ticks(self.lasts)

    @property
    def labelled(self) -> frozenset[int]:
        """The numbers of the events that have room for a label."""
        last, numbers = -math.inf, set()
        for event in self.events:
            if event.at - last >= self.lasts * _NUMBER_WIDTH:
                last = event.at
                numbers.add(event.number)
        return frozenset(numbers)


def axis_ticks(lasts: float) -> tuple[Tick, ...]:
    """Return ten ticks at most, at round minutes, for an axis of so many seconds."""
    fitting = (minutes for minutes in _TICK_MINUTES if lasts / (minutes * 60) < _MOST_TICKS)
    step = next(fitting, _TICK_MINUTES[-1]) * 60
    in_hours = lasts >= 5 * _HOUR and step >= _HOUR
    size, unit = (_HOUR, "h") if in_hours else (60, "min")
    return tuple(
        Tick(at, f"{at // size}" + (f" {unit}" if at == 0 else ""))
        for at in range(0, int(lasts) + 1, step)
    )
