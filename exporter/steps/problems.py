"""Says which streams have a problem, since when, and which of them failed together.

A query has no memory, so the exporter keeps this and writes it as two series. Policies
compare them with a number. One page stands for a group; a stream that is alone has a
page of its own.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from enum import Enum, StrEnum, auto
from itertools import count, pairwise, product
from typing import NamedTuple

from exporter.config.model import Grouping
from exporter.names import LocationName
from exporter.states import StreamState
from exporter.steps.compare import ComparedLocation, Verdict


class Kind(StrEnum):
    """The kinds of problems, which are kept apart: a label of the series."""

    FAILED = "failed"
    FAILED_PERMANENTLY = "failed_permanently"
    UNEXPECTED = "unexpected"  # in a state that config doesn't expect
    # No problem: in a state that config expects for a time, which has to be remembered
    EXPECTED = "expected"


NO_PROBLEM = 0
ALONE = 1
_LARGEST_STATE = 99  # stands for all that are larger
# How long a number stays unused: a group that takes it at once would look like the old
# one, and its page would be silent
_UNUSED_SECONDS = 600
# How long a stream is alone before its page goes out. After that, it stays alone: no
# page closes while its stream has the problem
_UNTOLD_SECONDS = {Kind.FAILED: 60, Kind.FAILED_PERMANENTLY: 0, Kind.UNEXPECTED: 90}
PROBLEM_KINDS = tuple(_UNTOLD_SECONDS)
_KINDS: dict[int, Kind] = {
    StreamState.FAILED: Kind.FAILED,
    StreamState.FAILED_PERMANENTLY: Kind.FAILED_PERMANENTLY,
}

# A stream's id, and the kind of its problem
Key = tuple[str, Kind]
# A kind, and the number of a group in it
Group = tuple[Kind, int]
# Of ``stream/problem``: a location, and a key in it
Series = tuple[LocationName, Key]


class Problem(NamedTuple):
    """What is wrong with a stream, and since when."""

    state: int  # the API's number
    # Unix time at which it entered its kind; in a group, at which the group formed
    since: int
    # That of its group, unique in its location and kind, from 2 on; 1 if it is alone,
    # 0 of an expected state
    number: int = ALONE

    @property
    def grouped(self) -> bool:
        """Whether a group's page is about it."""
        return self.number > ALONE

    @property
    def value(self) -> int:
        """The value of ``stream/problem``."""
        return 100 * self.number + min(self.state, _LARGEST_STATE)


class ProblemPoint(NamedTuple):
    """A point of ``stream/problem``, and that of ``stream/problem_since``."""

    time: int  # unix seconds
    value: int
    since: int


# What earlier runs wrote of problems, oldest points first
ProblemPoints = Mapping[Series, Sequence[ProblemPoint]]


class LocationProblems(NamedTuple):
    """The problems of one location's streams."""

    current: Mapping[Key, Problem] = {}
    # Problems that are over, until their 0 was accepted
    ended: frozenset[Key] = frozenset()
    # When a group was last seen, in unix seconds, by its kind and number
    groups: Mapping[Group, int] = {}

    def judge(self, at: ComparedLocation) -> ComparedLocation:
        """Return the location; a state that was expected for too long is unexpected."""
        streams = list(at.streams)
        for index, one in enumerate(streams):
            if one.longest and (one.stream.id, Kind.UNEXPECTED) in self.current:
                streams[index] = one._replace(verdict=Verdict.UNEXPECTED)
        return at._replace(streams=tuple(streams))


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

    def learn(self, points: ProblemPoints) -> None:
        """Take over what earlier runs wrote, oldest points first."""
        current: dict[LocationName, dict[Key, Problem]] = defaultdict(dict)
        groups: dict[LocationName, dict[Group, int]] = defaultdict(dict)
        for (name, key), of_series in points.items():
            problem = last_problem(of_series)
            if problem is not None:
                current[name][key] = problem
            for point, following in pairwise(of_series):
                group = key[1], point.value // 100
                seen = groups[name].get(group, 0)
                groups[name][group] = max(seen, following.time)
        for name in current.keys() | groups.keys():
            self.known[name] = LocationProblems(current[name], groups=groups[name])
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
            before = LocationProblems(ended=frozenset(product(streams, PROBLEM_KINDS)))
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
    problems: dict[Key, Problem] = {}
    for one in at.listed:
        stream, state = one.stream.id, one.stream.state
        is_bad = not one.expected
        if one.longest:
            key = stream, Kind.EXPECTED
            began = before.current.get(key)
            if began is None or began.state != state:
                began = Problem(state, now, NO_PROBLEM)
            problems[key] = began
            is_bad = now - began.since >= one.longest
        if is_bad:
            key = stream, _KINDS.get(state, Kind.UNEXPECTED)
            known = before.current.get(key, Problem(state, now))
            problems[key] = known._replace(state=state)
    ended = frozenset((before.current.keys() | before.ended) - problems.keys())
    groups = {
        group: seen
        for group, seen in before.groups.items()
        if now - seen <= _UNUSED_SECONDS
    }
    # What was written last counts until now, however old it is.
    for (_, kind), problem in before.current.items():
        groups[kind, problem.number] = now
    for kind in PROBLEM_KINDS:
        if grouping is not None:
            of_kind = {key: problems[key] for key in problems if key[1] is kind}
            taken = {number for each, number in groups if each is kind}
            problems |= _joining(of_kind, kind, taken, now, grouping)
    return LocationProblems(problems, ended, groups)


def _joining(
    problems: Mapping[Key, Problem],
    kind: Kind,
    taken: Collection[int],
    now: int,
    grouping: Grouping,
) -> dict[Key, Problem]:
    """Return the problems of a kind that join a group in this run.

    A new group gets the lowest number that isn't taken.
    """
    within = grouping.within.total_seconds()
    formed: dict[int, int] = {}
    alone: dict[Key, Problem] = {}
    for key, problem in problems.items():
        if problem.grouped:
            first = formed.get(problem.number, problem.since)
            formed[problem.number] = min(first, problem.since)
        else:
            alone[key] = problem
    recent = [each for each in alone.values() if now - each.since <= within]
    number = max(formed, key=lambda each: formed[each], default=ALONE)
    since, untold = formed.get(number, now), 0
    if number == ALONE or now - since > within:
        if len(recent) < grouping.streams:
            return {}
        since, untold = now, _UNTOLD_SECONDS[kind]
        number = next(each for each in count(ALONE + 1) if each not in taken)
    return {
        key: problem._replace(since=since, number=number)
        for key, problem in alone.items()
        if now - problem.since <= untold
    }


def last_problem(points: Iterable[ProblemPoint]) -> Problem | None:
    """Return the problem of its kind that a stream's points tell of, or None.

    The newest points may not be visible yet, so a run may have written that a problem
    is alone or began later than it did. In the newest unbroken stretch, a group is
    right, and the earliest beginning.
    """
    stretch: list[Problem] = []
    for point in sorted(points, reverse=True):
        number, state = divmod(point.value, 100)
        # Another expected state has a beginning of its own.
        changed = bool(stretch) and state != stretch[0].state
        if not point.value or (changed and not number):
            break
        stretch.append(Problem(state, point.since, number))
    if not stretch:
        return None
    in_group = [problem for problem in stretch if problem.grouped]
    first = min(in_group or stretch, key=lambda problem: problem.since)
    return first._replace(state=stretch[0].state)
