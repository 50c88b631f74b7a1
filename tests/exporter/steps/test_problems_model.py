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
    Verdict.FAILED_PERMANENTLY: 0,
    Verdict.FAILED: 60,
    Verdict.UNEXPECTED: 120,
    Verdict.ERRORS: 900,
}
WORST_FIRST = list(WAITS)
STARTING = 7
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
        for id_, state in states.items():
            kind = KINDS.get(state)
            for other in WORST_FIRST:
                key = Key(id_, other)
                if other == kind:
                    self.meet(key, fleet[id_], before, now)
                elif key in before:
                    self.leave(key, state, before, now)
                self.end_lesser(key)
        for kind in WORST_FIRST:
            self.group(kind, states, fleet, before, now)
            for id_ in states:
                self.end_lesser(Key(id_, kind))

    def end_lesser(self, key: Key) -> None:
        """End what is less than a problem that is told."""
        if key in self.have and self.have[key].told:
            for lesser in WORST_FIRST[WORST_FIRST.index(Verdict(key.kind)) + 1 :]:
                self.have.pop(Key(key.stream, lesser), None)

    def is_told_worse(self, key: Key) -> bool:
        """Return whether the stream's page says something worse."""
        worse = WORST_FIRST[: WORST_FIRST.index(Verdict(key.kind))]
        pages = [self.have.get(Key(key.stream, kind)) for kind in worse]
        return any(page and page.told for page in pages)

    def leave(self, key: Key, state: int, before: Problems, now: int) -> None:
        """Keep a problem that a stream doesn't have now, unless it is over."""
        if self.is_told_worse(key):
            return
        problem = before[key]
        stays = state == STARTING
        if state not in {2, STARTING, WITH_ERRORS}:
            other = before.get(Key(key.stream, KINDS[state]))
            if problem.told or other is None:
                # One that begins now is not told yet.
                stays = True
            elif not other.told:
                stays = other.since > problem.since
        if stays:
            self.have[key] = problem._replace(fine=None)
            return
        fine = now if problem.fine is None else problem.fine
        if not self.lasts(now - fine, 600 if problem.told else 240):
            self.have[key] = problem._replace(fine=fine)

    def meet(self, key: Key, one: ComparedStream, before: Problems, now: int) -> None:
        """Keep or begin a problem that a stream has now, and perhaps tell it."""
        if self.is_told_worse(key):
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
@pytest.mark.parametrize("states", ["25", "2e", "213", "26", "25136e", "5e1", "27563"])
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
