"""The rules of problems and groups, written a second time in the plainest way."""

from random import Random

import pytest

from exporter.steps.compare import ComparedStream, Verdict
from exporter.steps.problems import Key, Problem, Words
from tests.exporter.steps.looks import KINDS, WITH_ERRORS, Exporter, seen

TOGETHER = 3
WITHIN = 900
PATIENCE = 300
WAITS = {
    Verdict.FAILED: 60,
    Verdict.FAILED_PERMANENTLY: 0,
    Verdict.UNEXPECTED: 120,
    Verdict.ERRORS: 900,
}
NAMES = {1: "NOT_STARTED", 3: "PAUSED"}
SECONDS = [10, 60, 60, 60, 61, 90, 91, 240, 300, 301, 600, 601, 901]
"""How long after a run the next one is."""

Fleet = dict[str, ComparedStream]
Problems = dict[Key, Problem]


class Model:
    """The problems of a location, run by run."""

    def __init__(self, interval: int) -> None:
        self.interval = interval
        self.have: Problems = {}

    def lasts(self, seconds: int, wait: int) -> bool:
        """Return whether a time is over, half a minute early or with one look."""
        return self.interval > wait or seconds > wait - 31

    def run(self, states: dict[str, int], fleet: Fleet, now: int) -> None:
        """Look at a fleet."""
        before = self.have
        self.have = {}
        for key, problem in before.items():
            if key.stream in states and KINDS.get(states[key.stream]) != key.kind:
                self.leave(key, problem, states[key.stream], before, now)
        for id_, state in states.items():
            if kind := KINDS.get(state):
                self.meet(Key(id_, kind), fleet[id_], before, now)
        for kind in WAITS:
            self.group(kind, states, fleet, before, now)
        for id_, state in states.items():
            kind = KINDS.get(state, Verdict.ERRORS)
            page = self.have.get(Key(id_, kind))
            if page and page.told and kind != Verdict.ERRORS:
                for other in self.of_stream(id_):
                    if other.kind != kind:
                        del self.have[other]

    def of_stream(self, id_: str) -> list[Key]:
        """Return the problems that a stream has."""
        return [key for key in self.have if key.stream == id_]

    def leave(
        self, key: Key, problem: Problem, state: int, before: Problems, now: int
    ) -> None:
        """Keep a problem that a stream doesn't have now, unless it is over."""
        if state not in {2, WITH_ERRORS}:
            other = before.get(Key(key.stream, KINDS[state]))
            if other is None or other.since > problem.since:
                self.have[key] = problem._replace(fine=None)
                return
        fine = now if problem.fine is None else problem.fine
        if not self.lasts(now - fine, 600 if problem.told else 240):
            self.have[key] = problem._replace(fine=fine)

    def meet(self, key: Key, one: ComparedStream, before: Problems, now: int) -> None:
        """Keep or begin a problem that a stream has now, and perhaps tell it."""
        if key.kind == Verdict.ERRORS:
            for other in self.of_stream(key.stream):
                if self.have[other].told:
                    return
        problem = before.get(key, Problem(now))._replace(fine=None)
        if not problem.told:
            said = NAMES.get(one.stream.state, one.stream.reason)
            problem = problem._replace(words=Words("", said or problem.words.reason))
            lasted = now - problem.since
            patience = int(one.limits["failed"].total_seconds())
            if patience and key.kind == Verdict.FAILED:
                if lasted > patience - 31:
                    problem = problem._replace(told=True, since=now)
            elif self.lasts(lasted, WAITS[Verdict(key.kind)]):
                problem = problem._replace(told=True)
        self.have[key] = problem

    def group(
        self,
        kind: Verdict,
        states: dict[str, int],
        fleet: Fleet,
        before: Problems,
        now: int,
    ) -> None:
        """Let those of a kind that are told now join a group, or form one."""
        same = {key: one for key, one in self.have.items() if key.kind == kind}
        news = [
            key
            for key, one in same.items()
            if one.told and not (key in before and before[key].told)
        ]
        grouped = [(one.since, one.words) for one in same.values() if one.words.streams]
        began, group = max(grouped, default=(-1_000_000, Words()))
        if not news:
            return
        if now - began - WAITS[kind] <= max(300, self.interval + 15):
            for key in news:
                self.have[key] = same[key]._replace(words=group)
            return
        counted = set(news)
        founders = set(news)
        for key, one in same.items():
            if now - one.since > WITHIN:
                continue
            if one.told:
                counted.add(key)
                continue
            patient = kind == Verdict.FAILED and fleet[key.stream].limits["failed"]
            if KINDS.get(states[key.stream]) == kind and not patient:
                counted.add(key)
                founders.add(key)
        if len(counted) < TOGETHER:
            return
        reasons = {same[key].words.reason for key in founders}
        names = ", ".join(sorted(key.stream for key in founders))
        group = Words(names, "".join(reasons) if len(reasons) == 1 else "")
        while group in {one.words for key, one in before.items() if key.kind == kind}:
            group = Words(f"{group.streams} again", group.reason)
        for key in founders:
            self.have[key] = same[key]._replace(told=True, words=group)


@pytest.mark.parametrize("interval", [60, 120, 300])
@pytest.mark.parametrize("states", ["25", "2e", "213", "26", "25136e", "5e1"])
def test_problems_are_as_the_rules_say_in_any_history(
    states: str, interval: int
) -> None:
    """A process that remembers and a job that reads back find what the model does."""
    chance = Random(f"{states} {interval}")  # noqa: S311 - the same histories each time
    now = 100_000
    model = Model(interval)
    function, job = (
        Exporter(job=each, interval=interval, streams=TOGETHER)
        for each in (False, True)
    )
    looks: dict[str, int] = {}
    fleet: Fleet = {}
    for _ in range(250):
        now += chance.choice(SECONDS)
        for id_ in chance.sample("abcdefgh", chance.choice([0, 1, 2, 4])):
            state = chance.choice(states)
            looks[id_] = WITH_ERRORS if state == "e" else int(state)
            fleet[id_] = seen(
                id_,
                looks[id_],
                reason=chance.choice(["", "x", "x", "y"]),
                patience=chance.choice([0, 0, PATIENCE]),
            )
        if chance.random() < 0.05:
            gone = chance.choice("abcdefgh")
            looks.pop(gone, None)
            fleet.pop(gone, None)
        model.run(looks, fleet, now)
        for exporter in (function, job):
            found = exporter.run(now, fleet.values())
            kept = {key: one._replace(until=None) for key, one in found.current.items()}
            assert kept == model.have
