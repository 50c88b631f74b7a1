"""What is drawn of a scenario: marks on an axis of time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from lab.prove.comparison import Outcome

if TYPE_CHECKING:
    from lab.report.conditions import Held
    from lab.report.events import Turn
    from lab.report.moments import Tick
    from lab.report.samples import Row
    from lab.report.things import Thing
    from lab.report.truth import Stretch

_ROOM = 0.04
"""The part of the width that a number takes."""


class Window(NamedTuple):
    """When a page is expected to open, or to close.

    Attributes:
        begin: From when on, in seconds after the start.
        end: Until when.
        closes: Whether it is the closing that is expected then.
    """

    begin: float
    end: float
    closes: bool


class Page(NamedTuple):
    """A page, as it happened.

    Attributes:
        begin: When it opened, in seconds after the start.
        end: When it closed, or the end of the scenario.
        open: Whether it is open still.
        outcome: How it came out.
    """

    begin: float
    end: float
    open: bool
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class PolicyRow:
    """What became of a policy, for one thing.

    Attributes:
        policy: The policy's name.
        is_log: Whether it is log entries that page.
        held: When its condition was true.
        entries: When entries were logged that page.
        windows: When pages were expected.
        pages: The pages.
        missed: How many were expected and did not come.
    """

    policy: str
    is_log: bool
    held: tuple[Held, ...]
    entries: tuple[float, ...]
    windows: tuple[Window, ...]
    pages: tuple[Page, ...]
    missed: int

    @property
    def wrong(self) -> tuple[str, ...]:
        """What is wrong with it, in words."""
        outcomes = [page.outcome for page in self.pages] + [Outcome.MISSED] * self.missed
        return tuple(dict.fromkeys(each.value for each in outcomes if each is not Outcome.RIGHT))


@dataclass(frozen=True, slots=True)
class States:
    """What is the case with a thing.

    Attributes:
        title: What the row is called.
        stretches: What is the case, without a gap.
    """

    title: str
    stretches: tuple[Stretch, ...]


@dataclass(frozen=True, slots=True)
class Track:
    """All that is drawn of one thing.

    Attributes:
        thing: The thing.
        states: What is the case with it; a row for each exporter where it is these.
        samples: What can be read of it.
        policies: The policies whose conditions were true for it, or that should page for it.
        alike: Others that fare as it does, and are not drawn.
    """

    thing: Thing
    states: tuple[States, ...]
    samples: tuple[Row, ...]
    policies: tuple[PolicyRow, ...]
    alike: tuple[Thing, ...] = ()


@dataclass(frozen=True, slots=True)
class Timeline:
    """A scenario's marks.

    Attributes:
        lasts: Seconds from its start to its end.
        phase: When the first evaluation is that is drawn, in seconds after the start.
        ticks: The marks of the axis.
        turns: What happens.
        tracks: The things that matter, the first page first.
        left: How many more there are that are not alike any of these.
    """

    lasts: float
    phase: float
    ticks: tuple[Tick, ...]
    turns: tuple[Turn, ...]
    tracks: tuple[Track, ...]
    left: int

    @property
    def labelled(self) -> frozenset[int]:
        """The turns that have room for their number."""
        last, found = -math.inf, set()
        for turn in self.turns:
            if turn.at - last >= self.lasts * _ROOM:
                last = turn.at
                found.add(turn.number)
        return frozenset(found)
