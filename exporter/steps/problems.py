"""Says which streams have a problem, since when, why, and which failed together.

A query has no memory, so the exporter keeps this and writes it as two series. A stream
that is alone has a page of its own; a group has one page, which names its founders.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import timedelta
from enum import Enum, StrEnum, auto
from itertools import product
from typing import NamedTuple

from exporter.config.model import Grouping
from exporter.names import LocationName
from exporter.states import StreamState
from exporter.steps.compare import ComparedLocation, ComparedStream, Verdict
from exporter.text import one_line, printable, without_markup


class Kind(StrEnum):
    """The kinds of problems, which are kept apart: a label of the series."""

    FAILED = "failed"
    TOLERATED = "tolerated"  # FAILED, and its own patience isn't over
    FAILED_PERMANENTLY = "failed_permanently"
    UNEXPECTED = "unexpected"  # in a state that config doesn't expect
    ERRORS = "errors"  # with errors, and none of the above


# How long a stream is alone before its page counts as out: the hold of its policy, or
# less. After that it stays alone, as no page closes while its stream has the problem.
# What is tolerated pages nobody, and forms no group.
_SECONDS_TO_PAGE = {
    Kind.FAILED: 60,
    Kind.FAILED_PERMANENTLY: 0,
    Kind.UNEXPECTED: 90,
    Kind.ERRORS: 600,
}
# How long a group takes others after it formed: until the next run at least, which may
# be late
_JOINING_SECONDS = 300.0
_LONGEST_NAMES = 120  # characters of the names of a group's founders
_LONGEST_REASON = 100  # characters
_OTHER_STATE = 99  # stands for 0, which ends a series, and for all that are larger

# A stream's id, and the kind of its problem: the labels of ``stream/problem_since``
Key = tuple[str, Kind]
# Who formed a group, and the reason that they shared: no other group of the location
# and kind has both. Of a stream that is alone, the first is empty
Group = tuple[str, str]
ALONE: Group = ("", "")  # and without a reason


class Problem(NamedTuple):
    """What is wrong with a stream, and since when."""

    state: int  # the API's number
    # Unix time at which it entered its kind; in a group, at which the group formed
    since: int
    streams: str = ""  # who formed its group; empty while it is alone
    # The short reason of its first error when the problem began; in a group, the one
    # that all founders shared
    reason: str = ""

    @property
    def group(self) -> Group:
        """What names its group."""
        return self.streams, self.reason

    @property
    def value(self) -> int:
        """The value of ``stream/problem_state``."""
        return self.state if 0 < self.state < _OTHER_STATE else _OTHER_STATE


class LocationProblems(NamedTuple):
    """The problems of one location's streams."""

    current: Mapping[Key, Problem] = {}
    # Series of ``stream/problem_state`` that are over, until their 0 was accepted
    ended: frozenset[tuple[Key, Group]] = frozenset()

    @property
    def series(self) -> frozenset[tuple[Key, Group]]:
        """The series of ``stream/problem_state`` that don't have a 0."""
        current = {(key, problem.group) for key, problem in self.current.items()}
        return self.ended | current


def _kind(
    watched: ComparedStream, before: LocationProblems, now: int, *, patient: bool
) -> Kind | None:
    """Return the kind of problem that a stream has now, or None."""
    stream, verdict = watched.stream, watched.verdict
    if verdict is Verdict.ERRORS:
        return Kind.ERRORS
    if verdict is Verdict.UNEXPECTED:
        return Kind.UNEXPECTED
    if verdict is not Verdict.FAILED:
        return None
    if stream.state == StreamState.FAILED_PERMANENTLY:
        return Kind.FAILED_PERMANENTLY
    # Once its patience was over, it stays failed, whatever config says later.
    if (stream.id, Kind.FAILED) in before.current or not patient:
        return Kind.FAILED
    tolerated = before.current.get((stream.id, Kind.TOLERATED), Problem(0, now))
    patience = watched.limits.get("failed", timedelta()).total_seconds()
    return Kind.TOLERATED if now - tolerated.since < patience else Kind.FAILED


def _names(streams: Iterable[str]) -> str:
    """Return ids in order, as many as fit, then how many more there are."""
    ids = sorted(map(printable, streams))
    names = ids[0][:_LONGEST_NAMES]
    for count, each in enumerate(ids[1:], 1):
        longer = f"{names}, {each}"
        if len(longer) > _LONGEST_NAMES:
            return f"{names} and {len(ids) - count} more"
        names = longer
    return names


class Earlier(Enum):
    """What a process knows of the problems that earlier processes wrote."""

    UNKNOWN = auto()  # not read back yet: nothing is written of problems
    KNOWN = auto()
    REFUSED = auto()  # Google doesn't let them be read: every problem is alone


class ProblemHistory(NamedTuple):
    """What earlier runs wrote of one stream and kind, by unix seconds."""

    states: dict[Group, dict[int, int]]  # each series of ``stream/problem_state``
    since: dict[int, int]  # ``stream/problem_since``


EarlierProblems = Mapping[LocationName, Mapping[Key, ProblemHistory]]


class ProblemMemory:
    """The problems of all locations of a process."""

    def __init__(self, grouping: Grouping, next_run: float) -> None:
        """Take how many seconds after a run the next one may begin, if it is late."""
        self._grouping = grouping
        self._joining_seconds = max(_JOINING_SECONDS, next_run)
        self.earlier = Earlier.UNKNOWN
        self.known: dict[LocationName, LocationProblems] = {}

    def learn(self, earlier: EarlierProblems) -> None:
        """Take over what earlier runs wrote."""
        for name, histories in earlier.items():
            current: dict[Key, Problem] = {}
            ended: set[tuple[Key, Group]] = set()
            for key, history in histories.items():
                if problem := last_problem(history):
                    current[key] = problem
                elif _last(history.since) > 0:
                    # A beginning gets its 0 with that of a series.
                    ended.add((key, ALONE))
                for group, values in history.states.items():
                    if _last(values) > 0:
                        ended.add((key, group))
            self.known[name] = LocationProblems(current, frozenset(ended))
        self.earlier = Earlier.KNOWN

    def follow(self, at: ComparedLocation, now: int) -> LocationProblems | None:
        """Return the problems of a location that a run read at ``now``, unix seconds.

        None while those of earlier runs are unknown: then nothing changes. Where they
        can't be read, each stream is alone, and has neither a reason nor patience.
        """
        if self.earlier is Earlier.UNKNOWN:
            return None
        refused = self.earlier is Earlier.REFUSED
        # Where nothing can be read, each of its streams may have had a problem.
        suspected = product(product(at.held, Kind), [ALONE]) if refused else ()
        before = self.known.get(at.name, LocationProblems(ended=frozenset(suspected)))
        current: dict[Key, Problem] = {}
        for watched in at.listed:
            stream = watched.stream
            kind = _kind(watched, before, now, patient=not refused)
            if kind is None:
                continue
            # It keeps its beginning, reason and group, as long as it stays in the kind.
            problem = before.current.get((stream.id, kind))
            if problem is None:
                reason = one_line(without_markup(stream.reason), _LONGEST_REASON)
                problem = Problem(stream.state, now, reason="" if refused else reason)
            current[stream.id, kind] = problem._replace(state=stream.state)
        if not refused:
            entered = current.keys() - before.current.keys()
            for kind in _SECONDS_TO_PAGE:
                of_kind = {key: current[key] for key in current if key[1] is kind}
                current |= self._taken_in(of_kind, entered & of_kind.keys(), now)
        after = LocationProblems(current)
        after = after._replace(ended=before.series - after.series)
        self.known[at.name] = after
        return after

    def _taken_in(
        self, problems: Mapping[Key, Problem], entered: Collection[Key], now: int
    ) -> dict[Key, Problem]:
        """Return which problems of a kind are part of a group from this run on.

        ``entered`` are those that began in this run.
        """
        if not entered:
            return {}
        # When each group formed: the earliest beginning of its members comes last
        newest_first = sorted(
            problems.values(), key=lambda each: each.since, reverse=True
        )
        formed = {each.group: each.since for each in newest_first if each.streams}
        group = max(formed, key=formed.__getitem__, default=ALONE)
        since = formed.get(group, now)
        members = entered
        # For a while, the newest takes those that enter, and no other forms.
        if not formed or now - since > self._joining_seconds:
            within = self._grouping.within.total_seconds()
            recent = sum(now - each.since <= within for each in problems.values())
            if recent < self._grouping.streams:
                return {}
            # Its founders are also those whose own page isn't out yet.
            members = [
                key
                for key, problem in problems.items()
                if not problem.streams
                and now - problem.since <= _SECONDS_TO_PAGE[key[1]]
            ]
            reasons = {problems[key].reason for key in members}
            shared = reasons.pop() if len(reasons) == 1 else ""
            group = _names(stream for stream, _ in members), shared
            since = now
        return {key: Problem(problems[key].state, since, *group) for key in members}

    def forget_ended(self, name: LocationName) -> None:
        """Forget problems of a location that are over: their 0 was accepted."""
        self.known[name] = LocationProblems(self.known[name].current)


def last_problem(history: ProblemHistory) -> Problem | None:
    """Return the problem that a stream had last of a kind, or None.

    The newest points may not be visible to every run, so one may have written that a
    problem is alone, or began later than it did. In the newest unbroken stretch, a
    group is right, then the earliest beginning, then a reason, as one that was not
    allowed to read back wrote none, then the newest point.
    """
    written: dict[int, list[Problem]] = defaultdict(list)
    for group, values in history.states.items():
        for time, value in values.items():
            at_time = written[time]
            since = history.since.get(time, 0)
            if not 0 < since <= time:
                since = time  # that isn't visible yet, or is somebody else's
            if value > 0:
                at_time.append(Problem(value, since, *group))
    stretch: list[Problem] = []
    for time in sorted(written, reverse=True):
        # Where all series have a 0, it was over.
        if not written[time]:
            break
        stretch += written[time]

    def rank(each: Problem) -> tuple[bool, int, bool]:
        return not each.streams, each.since, not each.reason

    return min(stretch, key=rank, default=None)


def _last(values: Mapping[int, int]) -> int:
    """Return the newest of the values by time, 0 if there is none."""
    return values[max(values)] if values else 0
