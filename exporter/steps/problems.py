"""Says which streams have a problem, since when, and which of them failed together.

A query has no memory, so the exporter keeps this and writes it as two series. Policies
compare them with a number. One page stands for a group; a stream that is alone has a
page of its own.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import NamedTuple

from exporter.config.model import Grouping
from exporter.names import LocationName
from exporter.states import FAILURES
from exporter.steps.compare import ComparedLocation

# What is added to a state's number
ALONE, IN_GROUP = 100, 200
# The number that stands for every state from 99 on, and for negative ones
_OTHER_STATE = 99
# A stream that has been alone for longer has its own page, so it stays alone
_ALONE_SECONDS = 90


class Problem(NamedTuple):
    """What is wrong with a stream, and since when."""

    state: int  # the API's number
    # Unix time at which it entered its kind; in a group, at which the group formed
    since: int
    grouped: bool = False  # whether a group's page is about it

    @property
    def kind(self) -> int:
        """FAILED and FAILED_PERMANENTLY are two kinds, every other state is a third."""
        return self.state if self.state in FAILURES else _OTHER_STATE

    @property
    def value(self) -> int:
        """The value of ``stream/problem``."""
        number = self.state if self.state in range(_OTHER_STATE) else _OTHER_STATE
        return number + (IN_GROUP if self.grouped else ALONE)


class ProblemPoint(NamedTuple):
    """A point of ``stream/problem``, and that of ``stream/problem_since``."""

    time: int  # unix seconds
    value: int
    since: int


@dataclass(frozen=True)
class LocationProblems:
    """The problems of one location's streams."""

    current: Mapping[str, Problem] = field(default_factory=dict)  # by stream id
    # Streams whose problem is over, until their 0 was accepted
    ended: frozenset[str] = frozenset()


class Earlier(Enum):
    """What a process knows of the problems that earlier processes wrote."""

    UNKNOWN = auto()  # not read back yet: nothing is written of problems
    KNOWN = auto()
    REFUSED = auto()  # Google doesn't let them be read: every problem is alone


class ProblemMemory:
    """The problems of all locations of a process.

    Each location is handled by one thread, so nothing here needs a lock.
    """

    def __init__(self, grouping: Grouping) -> None:
        self._grouping = grouping
        self.earlier = Earlier.UNKNOWN
        self.known: dict[LocationName, LocationProblems] = {}

    def learn(self, problems: Mapping[LocationName, Mapping[str, Problem]]) -> None:
        """Take over what earlier runs wrote; it replaces what is known."""
        self.known = {
            name: LocationProblems(merge_groups(of_streams, self._grouping))
            for name, of_streams in problems.items()
        }
        self.earlier = Earlier.KNOWN

    def refuse(self) -> None:
        """Do without what earlier runs wrote, if it is not known."""
        if self.earlier is Earlier.UNKNOWN:
            self.earlier = Earlier.REFUSED

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
            ended = frozenset(at.held if refused else ())
            before = LocationProblems(ended=ended)
        grouping = None if refused else self._grouping
        problems = follow(before, at.problem_states, now, grouping)
        self.known[at.name] = problems
        return problems

    def forget_ended(self, name: LocationName) -> None:
        """Forget problems of a location that are over: their 0 was accepted."""
        self.known[name] = LocationProblems(self.known[name].current)


def follow(
    before: LocationProblems,
    bad: Mapping[str, int],
    now: int,
    grouping: Grouping | None = None,
) -> LocationProblems:
    """Return a location's problems after a run.

    ``bad`` has the state of each stream with a problem, ``now`` is the run's unix time.
    Without ``grouping``, each is alone.
    """
    problems: dict[str, Problem] = {}
    for stream, state in bad.items():
        entering = Problem(state, now)
        known = before.current.get(stream)
        if known is not None and known.kind == entering.kind:
            problems[stream] = known._replace(state=state)
        else:
            problems[stream] = entering
    ended = frozenset((before.current.keys() | before.ended) - problems.keys())
    if grouping is None:
        return LocationProblems(problems, ended)
    for kind in {problem.kind for problem in problems.values()}:
        of_kind = {
            stream: problem
            for stream, problem in problems.items()
            if problem.kind == kind
        }
        problems |= _joining(of_kind, now, grouping)
    return LocationProblems(problems, ended)


def _joining(
    problems: Mapping[str, Problem], now: int, grouping: Grouping
) -> dict[str, Problem]:
    """Return the problems that join a group in this run; all given are of one kind."""
    within = grouping.within.total_seconds()
    alone = {
        stream: problem for stream, problem in problems.items() if not problem.grouped
    }
    formed = [problem.since for problem in problems.values() if problem.grouped]
    newest = max(formed, default=None)
    if newest is not None and now - newest <= within:
        joins = {each for each, problem in alone.items() if problem.since == now}
        since = newest
    else:
        recent = [each for each in alone.values() if now - each.since <= within]
        if len(recent) < grouping.streams:
            return {}
        joins = {
            stream
            for stream, problem in alone.items()
            if now - problem.since <= _ALONE_SECONDS
        }
        since = now
    return {
        stream: problems[stream]._replace(since=since, grouped=True) for stream in joins
    }


def last_problem(points: Iterable[ProblemPoint]) -> Problem | None:
    """Return the problem that a stream's points tell of, or None.

    The newest points may not be visible yet, so a run may have written that a problem
    began later than it did. The earliest beginning of the newest unbroken stretch is
    right.
    """
    stretch: list[Problem] = []
    for point in sorted(points, reverse=True):
        if point.value == 0:
            break
        problem = Problem(point.value % 100, point.since, point.value >= IN_GROUP)
        if stretch and problem.kind != stretch[0].kind:
            break
        stretch.append(problem)
    if not stretch:
        return None
    in_group = [problem for problem in stretch if problem.grouped]
    first = min(in_group or stretch, key=lambda problem: problem.since)
    return first._replace(state=stretch[0].state)


def merge_groups(
    problems: Mapping[str, Problem], grouping: Grouping
) -> dict[str, Problem]:
    """Return a location's recalled problems with one group for each that could form.

    While a group takes members, no other of its kind forms: two that formed so close
    are one, whose points were not visible to every run.
    """
    within = grouping.within.total_seconds()
    merged = dict(problems)
    first: dict[int, int] = {}  # when the open group of a kind formed
    for stream, problem in sorted(problems.items(), key=lambda item: item[1].since):
        if not problem.grouped:
            continue
        formed = first.get(problem.kind)
        if formed is None or problem.since - formed > within:
            first[problem.kind] = formed = problem.since
        merged[stream] = problem._replace(since=formed)
    return merged
