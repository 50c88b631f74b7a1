"""Plays what runs see of streams: as one process, or as jobs that read back."""

from collections.abc import Iterable
from datetime import timedelta

from exporter.config.model import Config
from exporter.steps.compare import ComparedLocation, ComparedStream, Verdict
from exporter.steps.history import ProblemHistory, earlier_problems
from exporter.steps.problems import Key, LocationProblems, ProblemMemory, Words
from exporter.steps.read import Stream
from tests.exporter.worlds import EUROPE, IN_EUROPE

WITH_ERRORS = 22
"""Stands for the state of a stream that runs and has errors."""
KINDS = {
    1: Verdict.UNEXPECTED,
    3: Verdict.UNEXPECTED,
    5: Verdict.FAILED,
    6: Verdict.FAILED_PERMANENTLY,
    WITH_ERRORS: Verdict.ERRORS,
}
"""The kind of problem that a stream in a state has."""
_LATELY = 960
"""Seconds in which a run reads all points back."""


def seen(id_: str, state: int, reason: str = "", patience: int = 0) -> ComparedStream:
    """Return a stream in a state, with a patience in seconds."""
    return ComparedStream(
        EUROPE.stream(id_),
        Stream(id_, 2 if state == WITH_ERRORS else state, reason=reason),
        KINDS.get(state, Verdict.FINE),
        limits={"failed": timedelta(seconds=patience)},
    )


class Written(dict[Key, ProblemHistory]):
    """What was written: each point of a problem by its time."""

    def add(self, now: int, problems: LocationProblems) -> None:
        """Write what a run found."""
        for key, group in problems.series:
            history = self.setdefault(key, ProblemHistory({}, {}))
            history.states.setdefault(group, {})[now] = 0
        for key in problems.over:
            self[key].since[now] = 0
        for key, problem in problems.current.items():
            self[key].states[problem.words][now] = problem.value
            self[key].since[now] = problem.since

    def read_back(self, now: int) -> dict[Key, ProblemHistory]:
        """Return the points of 16 minutes, and the last one of each beginning.

        The last ones of the states as well, where a problem has none lately.
        """
        edge = now - _LATELY
        has_gap = False
        for one in self.values():
            last = max(one.since)
            has_gap |= one.since[last] > 0 and not (
                last > edge and _states(one, edge, before=False)
            )
        return {
            key: ProblemHistory(
                _states(one, edge, before=has_gap),
                _lately(one.since, edge, before=True),
            )
            for key, one in self.items()
        }


def _states(
    one: ProblemHistory, edge: int, *, before: bool
) -> dict[Words, dict[int, int]]:
    points = {
        group: _lately(values, edge, before=before)
        for group, values in one.states.items()
    }
    return {group: values for group, values in points.items() if values}


def _lately(values: dict[int, int], edge: int, *, before: bool) -> dict[int, int]:
    """Return the points after an edge, and perhaps the last one before it, there."""
    found = {at: value for at, value in values.items() if at > edge}
    earlier = [at for at in values if at <= edge]
    if before and earlier:
        found[edge] = values[max(earlier)]
    return found


class Exporter:
    """Keeps the problems of one location, as one process or as many jobs."""

    def __init__(self, *, job: bool, interval: int = 60, streams: int = 5) -> None:
        self._job = job
        self._interval = interval
        self._config = Config.model_validate(
            {
                "metrics": {"project": "metrics-project"},
                "sources": [IN_EUROPE],
                "grouping": {"streams": streams},
            }
        )
        self.written = Written()
        self._memory = self._started(0)

    def _started(self, now: int) -> ProblemMemory:
        memory = ProblemMemory(self._config, self._interval, 15)
        memory.learn({EUROPE: earlier_problems(self.written.read_back(now))})
        return memory

    def run(self, now: int, streams: Iterable[ComparedStream]) -> LocationProblems:
        """Return what a run finds, all of which is written and accepted."""
        if self._job:
            self._memory = self._started(now)
        found = self._memory.follow(ComparedLocation(EUROPE, tuple(streams)), now)
        self.written.add(now, found)
        self._memory.forget_ended(EUROPE)
        return found
