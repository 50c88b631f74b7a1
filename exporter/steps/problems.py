"""Says which streams have a problem, since when, why, and which failed together.

A query has no memory, so the exporter keeps this and writes it as two series. It keeps
what Prometheus calls ``for`` and ``keep_firing_for``: a problem is pending until it has
lasted, then it is told, which pages, and it is over once the stream was fine for a
while. What comes and goes is one problem. A stream that is alone has a page of its own;
a group has one page, which names its founders.
"""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from itertools import product
from operator import attrgetter
from typing import NamedTuple

from exporter.config.model import Config
from exporter.names import LocationName, Name
from exporter.states import PASSING
from exporter.steps.compare import ComparedLocation, ComparedStream, Verdict
from exporter.text import one_line, printable, without_markup

# The kinds of problems, the worst first, and for how many seconds each lasts until it
# is told
WAITS = {
    Verdict.FAILED_PERMANENTLY: 0,
    Verdict.FAILED: 60,  # or the stream's own patience
    Verdict.UNEXPECTED: 120,
    Verdict.ERRORS: 900,
}
# For how many seconds a stream is fine again until its problem is over
_PENDING_FINE_SECONDS = 240
_TOLD_FINE_SECONDS = 600
# So much less than each of these is enough, as a run may be early; one look is where
# runs are further apart
EARLY_SECONDS = 30
# How long a group takes others at most, after its newest member was due to be told: a
# third of the time within which it forms, and until the next run at least
_LONGEST_GROWING_SECONDS = 1200.0
_LONGEST_NAMES = 120  # characters of the names of a group's founders
_LONGEST_REASON = 100  # bytes


# The values of ``stream/problem_state``; negative ones while it is pending
BAD, FINE = 1, 2


class Key(NamedTuple):
    """The labels of ``stream/problem_since``."""

    stream: str  # a stream's id
    kind: str  # the kind of its problem; another version may know other kinds


class Words(NamedTuple):
    """What a page says of a problem; no two groups of a location and kind share it."""

    streams: str = ""  # who formed the group; empty for a stream that is alone
    # The reason that the founders of the group shared, or the stream's own
    reason: str = ""
    owner: str = ""  # whom the founders share, or the stream's own


class Problem(NamedTuple):
    """What is wrong with a stream, and since when; all times are unix seconds."""

    since: int  # its beginning; with patience of its own, when it was told
    told: bool = False  # whether it pages
    fine: int | None = None  # since when the stream is fine again, if it is
    words: Words = Words()
    # When it will be told, or over if the stream stays fine; None if neither
    until: int | None = None

    @property
    def value(self) -> int:
        """The value of ``stream/problem_state``."""
        value = BAD if self.fine is None else FINE
        return value if self.told else -value


class LocationProblems(NamedTuple):
    """The problems of one location's streams."""

    current: Mapping[Key, Problem] = {}
    # Series of ``stream/problem_state`` that are over, until their 0 was accepted
    ended: frozenset[tuple[Key, Words]] = frozenset()
    # Series of ``stream/problem_since`` that are over, until their 0 was accepted. It
    # comes after those of the state: until then, the beginning tells of an open series.
    over: frozenset[Key] = frozenset()

    @property
    def series(self) -> frozenset[tuple[Key, Words]]:
        """The series of ``stream/problem_state`` that don't have a 0."""
        current = {(key, problem.words) for key, problem in self.current.items()}
        return self.ended | current


# What earlier processes wrote
EarlierProblems = Mapping[LocationName, LocationProblems]


class ProblemMemory:
    """The problems of all locations of a process."""

    def __init__(self, config: Config, interval: float, late_seconds: float) -> None:
        """Take the seconds between two runs, and how late one may be."""
        self._together = config.grouping.streams
        self._interval = interval
        self._within = config.grouping.within.total_seconds()
        growing = min(self._within / 3, _LONGEST_GROWING_SECONDS)
        self._growing_seconds = max(growing, interval + late_seconds)
        self.learned = False  # whether those of earlier processes were read back
        self.known: dict[Name, LocationProblems] = {}

    def learn(self, earlier: EarlierProblems) -> None:
        """Take over what earlier runs wrote.

        A process that knows its problems already learns which series are open, and what
        another process told meanwhile.
        """
        for name, found in earlier.items():
            own = self.known.get(name, LocationProblems())
            current = dict(own.current)
            for key, problem in found.current.items():
                mine = current.get(key)
                was_told = mine and problem.told and not mine.told
                if was_told or not self.learned:
                    current[key] = problem
            ended = found.ended | own.series
            self.known[name] = LocationProblems(current, ended, found.over | own.over)
        self.learned = True

    def follow(self, at: ComparedLocation, now: int) -> LocationProblems:
        """Return the problems of a location that a run read at ``now``, unix seconds.

        None are known until those of earlier runs are.
        """
        if not self.learned:
            return LocationProblems()
        before = self.known.get(at.name, LocationProblems())
        # The problems that streams have in this run, not only had, and their patience
        has = {
            Key(one.stream.id, one.verdict): _patience(one)
            for one in at.listed
            if one.verdict in WAITS
        }
        current: dict[Key, Problem] = {}
        for watched in at.listed:
            current |= self._of_stream(watched, before.current, now)
        lesser = list(WAITS)
        for kind in WAITS:
            lesser.remove(kind)
            told = self._gathered(kind, current, has, before, now)
            current |= told
            # A stream has one page.
            for key, other in product(told, lesser):
                current.pop(Key(key.stream, other), None)
        ended = before.series - LocationProblems(current).series
        over = before.over - current.keys() - {key for key, _ in ended}
        self.known[at.name] = LocationProblems(current, ended, over)
        return self.known[at.name]

    def _of_stream(
        self, watched: ComparedStream, before: Mapping[Key, Problem], now: int
    ) -> dict[Key, Problem]:
        """Return the problems of a stream, each by itself: no group, no page ended."""
        stream = watched.stream
        present = before.get(Key(stream.id, watched.verdict), Problem(now))
        problems: dict[Key, Problem] = {}
        for kind in WAITS:
            # What is told ends the lesser ones, and none begins beside it.
            if any(worse.told for worse in problems.values()):
                break
            key = Key(stream.id, kind)
            if kind is watched.verdict:
                problems[key] = self._lasting(watched, present, now)
            elif problem := before.get(key):
                # Another bad state is no recovery from what was told, or began earlier.
                is_earlier = problem.since < present.since and not present.told
                stays = not watched.expected and (problem.told or is_earlier)
                fine = problem.fine or now
                seconds = _TOLD_FINE_SECONDS if problem.told else _PENDING_FINE_SECONDS
                is_over = now - fine >= seconds - EARLY_SECONDS
                if stays or stream.state in PASSING:
                    problems[key] = problem._replace(fine=None, until=None)
                elif not (is_over or self._interval > seconds):
                    problems[key] = problem._replace(fine=fine, until=fine + seconds)
        return problems

    def _lasting(self, watched: ComparedStream, problem: Problem, now: int) -> Problem:
        """Return a problem that a stream has in this run, told if it is time."""
        if problem.told:
            return problem._replace(fine=None, until=None)
        patience = _patience(watched)
        wait = patience or WAITS[watched.verdict]
        # Its own patience is kept at any interval, and ends where the problem begins.
        is_rare = self._interval > wait and not patience
        told = is_rare or now - problem.since >= wait - EARLY_SECONDS
        since = now if told and patience else problem.since
        text = watched.stream.reason
        if watched.verdict is Verdict.UNEXPECTED:
            text = watched.state_name
        # A reason may come later than the state, and may go.
        reason = one_line(without_markup(text), _LONGEST_REASON) or problem.words.reason
        until = None if told else since + wait
        return Problem(since, told, None, Words("", reason, watched.owner), until)

    def _gathered(
        self,
        kind: Verdict,
        current: Mapping[Key, Problem],
        has: Mapping[Key, int],
        before: LocationProblems,
        now: int,
    ) -> dict[Key, Problem]:
        """Return which problems of a kind are part of a group from this run on."""
        of_kind = {key: each for key, each in current.items() if key.kind == kind}
        told = {key for key, problem in of_kind.items() if problem.told}
        old = {key for key, problem in before.current.items() if problem.told}
        new = told - old
        if not new:
            return {}
        # The group with the newest member takes others for a while, and no other forms.
        grouped = [each for each in of_kind.values() if each.words.streams]
        newest = max(grouped, key=attrgetter("since"), default=None)
        if newest and now <= newest.since + WAITS[kind] + self._growing_seconds:
            group, members = newest.words, new
        else:
            recent = {
                key for key in of_kind if now - of_kind[key].since <= self._within
            }
            # Pending ones are founders too, except those with patience of their own.
            pending = has.keys() & recent - told
            members = new | {key for key in pending if not has[key]}
            if len(members | recent & told) < self._together:
                return {}
            words = [of_kind[key].words for key in members]
            group = Words(
                _names(key.stream for key in members),
                _shared(each.reason for each in words),
                _shared(each.owner for each in words),
            )
            taken = {each for key, each in before.series if key.kind == kind}
            while group in taken:
                group = group._replace(streams=f"{group.streams} again")
        return {
            key: of_kind[key]._replace(told=True, words=group, until=None)
            for key in members
        }

    def forget_ended(self, name: Name) -> None:
        """Forget series of a location that are over: their 0 was accepted."""
        if known := self.known.get(name):
            over = frozenset(key for key, _ in known.ended)
            self.known[name] = LocationProblems(known.current, over=over)


def _patience(watched: ComparedStream) -> int:
    """Return for how many seconds a stream's own patience lets it fail, 0 if none."""
    if watched.verdict is not Verdict.FAILED:
        return 0
    return int(watched.limits.get("failed", timedelta()).total_seconds())


def _shared(texts: Iterable[str]) -> str:
    """Return the text that all are, or an empty one."""
    first, *others = {*texts}
    return "" if others else first


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
