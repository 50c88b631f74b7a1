"""Says which streams have a problem, since when, and which of them failed together.

A query has no memory, so the exporter keeps this and writes it as two series, which
policies compare with a number. A stream that is alone has a page of its own; a group
has one page.
"""

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from enum import Enum, StrEnum, auto
from itertools import count, pairwise, product, takewhile
from operator import attrgetter
from typing import NamedTuple

from exporter.config.model import Grouping
from exporter.names import LocationName
from exporter.states import StreamState
from exporter.steps.compare import ComparedLocation


class Kind(StrEnum):
    """The kinds of problems, which are kept apart: a label of the series."""

    FAILED = "failed"
    FAILED_PERMANENTLY = "failed_permanently"
    UNEXPECTED = "unexpected"  # in a state that config doesn't expect


# A value of ``stream/problem`` is 100 times a number plus the API's number of a state.
# The number is 1 if the stream is alone, and that of its group otherwise: 105, 205, 305
_NUMBERS = 100
_ALONE = 1
_LARGEST_STATE = 99  # stands for all that are larger
# A group that takes the number of one that just ended would look like it, and its page
# would be silent
_UNUSED_SECONDS = 600
# How long a stream is alone before its page goes out: the hold of its policy, or less.
# After that it stays alone, as no page closes while its stream has the problem
_SECONDS_TO_PAGE = {Kind.FAILED: 60, Kind.FAILED_PERMANENTLY: 0, Kind.UNEXPECTED: 90}
_KINDS_OF_STATES: dict[int, Kind] = {
    StreamState.FAILED: Kind.FAILED,
    StreamState.FAILED_PERMANENTLY: Kind.FAILED_PERMANENTLY,
}

# A stream's id, and the kind of its problem
Key = tuple[str, Kind]
# A kind, and the number of a group in it
Group = tuple[Kind, int]


class Problem(NamedTuple):
    """What is wrong with a stream, and since when."""

    state: int  # the API's number
    # Unix time at which it entered its kind; in a group, at which the group formed
    since: int
    # That of its group, unique in its location and kind, from 2 on; 1 if it is alone
    number: int = _ALONE

    @property
    def grouped(self) -> bool:
        """Whether a group's page is about it."""
        return self.number > _ALONE

    @property
    def value(self) -> int:
        """The value of ``stream/problem``."""
        return _NUMBERS * self.number + min(self.state, _LARGEST_STATE)


class ProblemPoint(NamedTuple):
    """A point of ``stream/problem``, with the one of ``stream/problem_since``."""

    time: int  # unix seconds
    value: int  # 0 where a problem ended
    since: int  # unix seconds

    @property
    def number(self) -> int:
        """The number of the group; 1 if the stream is alone, 0 if it has no problem."""
        return self.value // _NUMBERS

    @property
    def state(self) -> int:
        """The number of the stream's state; 0 if it has no problem."""
        return self.value % _NUMBERS

    def can_be(self, kind: Kind) -> bool:
        """Return whether the exporter writes such a value of a kind."""
        of_state = _KINDS_OF_STATES.get(self.state, Kind.UNEXPECTED)
        return self.value == 0 or (self.number >= _ALONE and of_state is kind)


# What earlier runs wrote of each stream and kind, oldest points first
EarlierProblems = Iterable[tuple[LocationName, Key, Sequence[ProblemPoint]]]


class LocationProblems(NamedTuple):
    """The problems of one location's streams."""

    current: Mapping[Key, Problem] = {}
    # Problems that are over, until their 0 was accepted
    ended: frozenset[Key] = frozenset()
    # When a stream last had the number of a group, in unix seconds
    last_had: Mapping[Group, int] = {}


class Earlier(Enum):
    """What a process knows of the problems that earlier processes wrote."""

    UNKNOWN = auto()  # not read back yet: nothing is written of problems
    KNOWN = auto()
    REFUSED = auto()  # Google doesn't let them be read: every problem is alone


class ProblemMemory:
    """The problems of all locations of a process."""

    def __init__(self, grouping: Grouping) -> None:
        self._grouping = grouping
        self.earlier = Earlier.UNKNOWN
        self.known: dict[LocationName, LocationProblems] = {}

    def learn(self, earlier: EarlierProblems) -> None:
        """Take over what earlier runs wrote."""
        current: dict[LocationName, dict[Key, Problem]] = defaultdict(dict)
        last_had: dict[LocationName, dict[Group, int]] = defaultdict(dict)
        for name, key, points in earlier:
            if last := last_problem(points):
                current[name][key] = last
            # A stream has the number of a group until its next point.
            for point, following in pairwise(points):
                group = key[1], point.number
                before = last_had[name].get(group, 0)
                last_had[name][group] = max(before, following.time)
        for name in current.keys() | last_had.keys():
            self.known[name] = LocationProblems(current[name], last_had=last_had[name])
        self.earlier = Earlier.KNOWN

    def follow(self, at: ComparedLocation, now: int) -> LocationProblems | None:
        """Return the problems of a location that a run read at ``now``, unix seconds.

        None while those of earlier runs are unknown: then nothing changes.
        """
        if self.earlier is Earlier.UNKNOWN:
            return None
        refused = self.earlier is Earlier.REFUSED
        before = self.known.get(at.name)
        if before is None:
            # Where nothing can be read, each of its streams may have had a problem.
            streams = at.held if refused else ()
            before = LocationProblems(ended=frozenset(product(streams, Kind)))
        grouping = None if refused else self._grouping
        problems = follow(before, at, now, grouping)
        self.known[at.name] = problems
        return problems

    def forget_ended(self, name: LocationName) -> None:
        """Forget problems of a location that are over: their 0 was accepted."""
        self.known[name] = self.known[name]._replace(ended=frozenset())


def follow(
    before: LocationProblems,
    at: ComparedLocation,
    now: int,
    grouping: Grouping | None = None,
) -> LocationProblems:
    """Return a location's problems after a run at ``now``, in unix seconds.

    Without ``grouping``, each is alone.
    """
    current: dict[Key, Problem] = {}
    for watched in at.listed:
        if not watched.expected:
            state = watched.stream.state
            key = watched.stream.id, _KINDS_OF_STATES.get(state, Kind.UNEXPECTED)
            # It keeps its beginning and its group, as long as it stays in the kind.
            problem = before.current.get(key, Problem(state, now))
            current[key] = problem._replace(state=state)
    known = before.current.keys() | before.ended
    ended = frozenset(known - current.keys())
    last_had = {
        group: time
        for group, time in before.last_had.items()
        if now - time <= _UNUSED_SECONDS
    }
    # What was written last counts until now, however old it is.
    for (_, kind), problem in before.current.items():
        last_had[kind, problem.number] = now
    if grouping:
        for kind in Kind:
            of_kind = {key: current[key] for key in current if key[1] is kind}
            numbers = {number for each, number in last_had if each is kind}
            current |= _new_members(of_kind, kind, numbers, now, grouping)
    return LocationProblems(current, ended, last_had)


def _new_members(
    problems: Mapping[Key, Problem],
    kind: Kind,
    used_numbers: Collection[int],
    now: int,
    grouping: Grouping,
) -> dict[Key, Problem]:
    """Return the problems of a kind that are part of a group from this run on."""
    within = grouping.within.total_seconds()
    alone: dict[Key, Problem] = {}
    formed: dict[int, int] = {}  # when each group formed: its earliest beginning
    for key, problem in problems.items():
        if problem.grouped:
            first = formed.get(problem.number, problem.since)
            formed[problem.number] = min(first, problem.since)
        else:
            alone[key] = problem
    youngest = max(formed, key=formed.__getitem__, default=_ALONE)
    if now - formed.get(youngest, -math.inf) <= within:
        # It still takes those that enter in this run.
        number, since, most_seconds = youngest, formed[youngest], 0
    else:
        entered = [each for each in alone.values() if now - each.since <= within]
        if len(entered) < grouping.streams:
            return {}
        # A new one also takes those whose own page is not out.
        number = next(each for each in count(_ALONE + 1) if each not in used_numbers)
        since, most_seconds = now, _SECONDS_TO_PAGE[kind]
    return {
        key: problem._replace(since=since, number=number)
        for key, problem in alone.items()
        if now - problem.since <= most_seconds
    }


def last_problem(points: Sequence[ProblemPoint]) -> Problem | None:
    """Return the problem that a stream had last, or None; oldest points come first.

    The newest points may not be visible to every run, so one may have written that a
    problem is alone, or began later than it did. In the newest unbroken stretch, a
    group is right, and the earliest beginning.
    """
    stretch = [*takewhile(attrgetter("value"), reversed(points))]
    if not stretch:
        return None
    in_group = [point for point in stretch if point.number > _ALONE]
    first = min(in_group or stretch, key=lambda point: point.since)
    return Problem(stretch[0].state, first.since, first.number)
