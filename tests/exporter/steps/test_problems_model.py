"""The rules of problems and groups, written a second time in the plainest way."""

from collections import defaultdict
from datetime import timedelta
from random import Random

import pytest

from exporter.config.model import Grouping
from exporter.steps.compare import ComparedLocation, ComparedStream, Verdict
from exporter.steps.problems import (
    Group,
    Key,
    Kind,
    LocationProblems,
    Problem,
    ProblemHistory,
    ProblemMemory,
)
from exporter.steps.read import Stream
from tests.exporter.worlds import EUROPE

TOGETHER = 3
WITHIN = 900
JOINING = 300
PATIENCE = 300
LATELY = 601
"""Seconds in which a run reads all points back."""
PAGED = {
    Kind.FAILED: 60,
    Kind.FAILED_PERMANENTLY: 0,
    Kind.UNEXPECTED: 90,
    Kind.ERRORS: 600,
}
"""How many seconds a stream may be alone and still found a group."""
KINDS = {
    1: Kind.UNEXPECTED,
    2: Kind.ERRORS,
    3: Kind.UNEXPECTED,
    6: Kind.FAILED_PERMANENTLY,
}
VERDICTS = {1: Verdict.UNEXPECTED, 2: Verdict.ERRORS, 3: Verdict.UNEXPECTED}
SECONDS = [10, 60, 61, 90, 91, 240, 300, 301, 600, 601, 900, 901]
"""How long after a run the next one is."""

Fleet = dict[str, ComparedStream]
Problems = dict[Key, Problem]


def seen(id_: str, state: int, chance: Random) -> ComparedStream:
    """Return a stream in a state; 2 is one that runs with errors."""
    patience = chance.choice([0, 0, PATIENCE])
    return ComparedStream(
        EUROPE.stream(id_),
        Stream(id_, state, reason=chance.choice(["", "x", "x", "y"])),
        VERDICTS.get(state, Verdict.FAILED),
        limits={"failed": timedelta(seconds=patience)},
    )


def kind_of(one: ComparedStream, before: Problems, now: int) -> Kind:
    """Return the kind of problem that a stream has in a run."""
    id_, state = one.stream[:2]
    if state in KINDS:
        return KINDS[state]
    if (id_, Kind.FAILED) in before:
        return Kind.FAILED
    waits = one.limits["failed"].total_seconds()
    if (id_, Kind.TOLERATED) in before:
        waits -= now - before[id_, Kind.TOLERATED].since
    return Kind.TOLERATED if waits > 0 else Kind.FAILED


def after(before: Problems, fleet: Fleet, now: int) -> Problems:
    """Return the problems after a run."""
    have: Problems = {}
    entered = defaultdict(list)
    for id_, one in fleet.items():
        kind = kind_of(one, before, now)
        alone = Problem(one.stream.state, now, "", one.stream.reason)
        had = before.get((id_, kind), alone)
        have[id_, kind] = had._replace(state=alone.state)
        if (id_, kind) not in before:
            entered[kind].append((id_, kind))
    for kind, seconds in PAGED.items():
        same = {key: had for key, had in have.items() if key[1] is kind}
        formed: dict[tuple[str, str], int] = {}
        for had in same.values():
            if had.streams:
                formed[had.group] = min(had.since, formed.get(had.group, now))
        recent = [had for had in same.values() if now - had.since <= WITHIN]
        members = entered[kind]
        since = now
        group = ("", "")
        if formed and now - max(formed.values()) <= JOINING:
            since, group = max((at, group) for group, at in formed.items())
        elif members and len(recent) >= TOGETHER:
            young = [key for key, had in same.items() if now - had.since <= seconds]
            members = [key for key in young if not same[key].streams]
            reasons = {same[key].reason for key in members}
            names = ", ".join(sorted(id_ for id_, _ in members))
            shared = "".join(reasons) if len(reasons) == 1 else ""
            group = names, shared
        if group[0]:
            for key in members:
                have[key] = Problem(have[key].state, since, *group)
    return have


def series(problems: Problems) -> set[tuple[Key, Group]]:
    """Return the series that problems have."""
    return {(key, problem.group) for key, problem in problems.items()}


class Written(dict[Key, ProblemHistory]):
    """What jobs wrote: each point of a problem by its time."""

    def add(self, now: int, problems: LocationProblems) -> None:
        """Write what a run found."""
        for key, group in problems.series:
            history = self.setdefault(key, ProblemHistory({}, {}))
            history.states.setdefault(group, {})[now] = 0
            history.since[now] = 0
        for key, problem in problems.current.items():
            self[key].states[problem.group][now] = problem.value
            self[key].since[now] = problem.since

    def read_back(self, now: int) -> dict[Key, ProblemHistory]:
        """Return the points of ten minutes, and the last ones before after a gap."""
        edge = now - LATELY
        gap = any(
            max(one.since) <= edge and one.since[max(one.since)]
            for one in self.values()
        )
        found = {}
        for key, one in self.items():
            found[key] = ProblemHistory({}, lately(one.since, edge))
            for group, values in one.states.items():
                found[key].states[group] = lately(values, edge, of_a_day=gap)
        return found


def lately(
    values: dict[int, int], edge: int, *, of_a_day: bool = True
) -> dict[int, int]:
    """Return the points after an edge, and perhaps the last one before it."""
    return {
        max(at, edge): value for at, value in values.items() if of_a_day or at > edge
    }


def memory(earlier: dict[Key, ProblemHistory]) -> ProblemMemory:
    """Return the memory of a process that starts."""
    started = ProblemMemory(Grouping(streams=TOGETHER), 60)
    started.learn({EUROPE: earlier})
    return started


@pytest.mark.parametrize("states", ["05", "02", "013", "06", "012356"])
def test_problems_are_as_the_rules_say_in_any_history(states: str) -> None:
    """A process that remembers and a job that reads back find what the model does."""
    chance = Random(states)  # noqa: S311 - the same histories each time
    now = 1000
    fleet: Fleet = {}
    have: Problems = {}
    function = memory({})
    written = Written()
    for _ in range(400):
        now += chance.choice(SECONDS)
        for id_ in chance.sample("abcdefgh", chance.choice([1, 2, 4])):
            fleet[id_] = seen(id_, int(chance.choice(states)), chance)
        fleet = {id_: one for id_, one in fleet.items() if one.stream.state}
        before = have
        have = after(before, fleet, now)
        at = ComparedLocation(EUROPE, tuple(fleet.values()))
        found = function.follow(at, now)
        assert found
        assert found.current == have
        assert found.ended == series(before) - series(have)
        function.forget_ended(EUROPE)
        job = memory(written.read_back(now)).follow(at, now)
        assert job
        assert job.current == have
        assert found.ended <= job.ended
        written.add(now, job)
