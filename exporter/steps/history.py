"""Says which problems streams had last, from the points that earlier runs wrote."""

from collections import defaultdict
from collections.abc import Mapping
from typing import NamedTuple

from exporter.steps.problems import FINE, WAITS, Key, LocationProblems, Problem, Words


class ProblemHistory(NamedTuple):
    """What earlier runs wrote of one stream and kind, by unix seconds."""

    states: dict[Words, dict[int, int]]  # each series of ``stream/problem_state``
    since: dict[int, int]  # ``stream/problem_since``

    @property
    def goes_on(self) -> bool:
        """Whether the last beginning wasn't ended: a series may be open."""
        return _last(self.since) > 0


def earlier_problems(histories: Mapping[Key, ProblemHistory]) -> LocationProblems:
    """Return the problems of a location, and the series that need a 0."""
    current: dict[Key, Problem] = {}
    ended: set[tuple[Key, Words]] = set()
    over: set[Key] = set()
    for key, history in histories.items():
        problem = last_problem(history)
        if problem and key.kind in WAITS:
            current[key] = problem
        unended = {
            (key, words) for words, values in history.states.items() if _last(values)
        }
        ended |= unended
        if not unended and history.goes_on:
            over.add(key)
    return LocationProblems(current, frozenset(ended), frozenset(over))


def last_problem(history: ProblemHistory) -> Problem | None:
    """Return the problem that a stream had last of a kind, or None.

    The newest points may not be visible to every run, so one may have written that a
    problem is alone, or began later than it did. So all points of the newest unbroken
    stretch count.
    """
    written: dict[int, list[Problem]] = defaultdict(list)
    for words, values in history.states.items():
        for time, value in values.items():
            at_time = written[time]
            since = history.since.get(time, 0)
            if not 0 < since <= time:
                since = time  # that isn't visible yet, or is somebody else's
            fine = time if abs(value) == FINE else None
            if value:
                at_time.append(Problem(since, value > 0, fine, words))
    stretch: list[Problem] = []  # the newest first
    for time in sorted(written, reverse=True):
        # Where all series have a 0, it was over.
        if not written[time]:
            break
        stretch += written[time]
    if not stretch:
        return None
    found = min(stretch, key=_rank)
    if not found.told:
        found = found._replace(since=min(each.since for each in stretch))
    fine = None
    for each in stretch:
        if each.fine is None:
            break
        fine = each.fine
    return found._replace(fine=fine)


def _rank(problem: Problem) -> tuple[bool, bool, int, bool]:
    """Return what to sort by: told ones, groups, those that began early, with a reason.

    A pending one may have got a reason later, so its beginning doesn't count.
    """
    since = problem.since if problem.told else 0
    return not problem.told, not problem.words.streams, since, not problem.words.reason


def _last(values: Mapping[int, int]) -> int:
    """Return the newest of the values by time, 0 if there is none."""
    return values[max(values)] if values else 0
