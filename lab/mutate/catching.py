"""Finds a scenario that catches each mutant: one in which the mutant does not alert as expected.

The scenarios are played once, and one engine holds all their series. Worker processes query it side
by side, each for other mutants.
"""

from __future__ import annotations

import pickle
import tempfile
from collections import Counter
from contextlib import contextmanager
from dataclasses import replace
from functools import cache, lru_cache
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, NamedTuple

from lab.prove.engine import Engine, QueryError, ResultSeries
from lab.prove.scenarios import check_can_evaluate, engine_for, evaluate, start_times
from lab.side_by_side import side_by_side
from lab.simulate.scenario import EVALUATION_SECONDS
from lab.simulate.simulation import Recording, simulate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lab.mutate.mutants import Mutant
    from lab.policies.files import Policy
    from lab.simulate.scenario import Scenario

_CACHED_ANSWERS = 200


class WrongScenarioError(Exception):
    """A scenario fails with an unchanged policy; ``str()`` is the sentence to show."""


class _Start(NamedTuple):
    """A scenario and when it starts, unix seconds."""

    scenario: Scenario
    start: float


class _Played(NamedTuple):
    """A scenario and its recording without the series, which the engine holds."""

    scenario: Scenario
    recording: Recording


class _Task(NamedTuple):
    """A mutant to catch.

    Attributes:
        played: The file with the engine's address and the played scenarios.
        mutant: The changed policy.
        policy: The unchanged policy.
    """

    played: Path
    mutant: Policy
    policy: Policy


class _CachingEngine(Engine):
    """An engine that remembers answers: many mutants of a policy share a query."""

    def __init__(self, address: str) -> None:
        super().__init__(address)
        self._cached = lru_cache(_CACHED_ANSWERS)(super().query_range)

    def query_range(
        self, query: str, start: float, end: float, step: float
    ) -> tuple[ResultSeries, ...]:
        """Evaluate a query, as any engine does."""
        return self._cached(query, start, end, step)


def play(scenarios: Sequence[Scenario]) -> Iterator[Recording]:
    """Play scenarios side by side, days apart, and yield their recordings.

    Raises:
        NotInstalledError: Prometheus is not installed.
        SimulationError: The simulated exporter can't reach the emulator.
        WorkerEndedError: A worker process was killed.
    """
    check_can_evaluate(())
    starts = [
        _Start(scenario, start.timestamp())
        for scenario, start in zip(scenarios, start_times(scenarios), strict=True)
    ]
    yield from side_by_side(_simulate, starts, Event())


def _simulate(start: _Start) -> Recording:
    return simulate(*start)


@contextmanager
def catching(
    scenarios: Sequence[Scenario], recordings: Sequence[Recording]
) -> Iterator[Callable[[Sequence[tuple[Policy, Mutant]]], Iterator[str | None]]]:
    """Give a function that yields the scenario that catches each mutant, None where none does.

    It takes each mutant with its unchanged policy, and may raise WrongScenarioError, EngineError
    and WorkerEndedError.

    Args:
        scenarios: The scenarios.
        recordings: The recording of each.

    Raises:
        EngineError: Prometheus can't be filled or started.
    """
    played = [
        _Played(scenario, replace(recording, series=()))
        for scenario, recording in zip(scenarios, recordings, strict=True)
    ]
    with (
        tempfile.TemporaryDirectory(prefix="mutants-") as folder,
        engine_for(recordings) as engine,
    ):
        file = Path(folder, "played")
        file.write_bytes(pickle.dumps((engine.address, played)))

        def catch(mutants: Sequence[tuple[Policy, Mutant]]) -> Iterator[str | None]:
            tasks = [_Task(file, mutant.policy, policy) for policy, mutant in mutants]
            return side_by_side(_catch, tasks, Event())

        yield catch


def _catch(task: _Task) -> str | None:
    return _catcher(task.played).catch(task)


@cache
def _catcher(file: Path) -> _Catcher:
    return _Catcher(*pickle.loads(file.read_bytes()))  # noqa: S301 - of a folder for this user alone


class _Catcher:
    """What a worker process keeps: the engine, and how many mutants each scenario has caught."""

    def __init__(self, address: str, played: Sequence[_Played]) -> None:
        self._engine = _CachingEngine(address)
        self._played = played
        self._caught: Counter[tuple[str, str]] = Counter()

    def catch(self, task: _Task) -> str | None:
        """Return the name of a scenario that catches the mutant; None where none does."""
        policy = task.policy.name
        for played in sorted(self._played, key=lambda played: self._rank(policy, played)):
            if self._passes(task.mutant, played):
                continue
            name = played.scenario.name
            if not self._caught[policy, name] and not self._passes(task.policy, played):
                raise WrongScenarioError(
                    f"{name} is wrong with {policy} unchanged; fix it first: "
                    f"datastream-lab test {name}"
                )
            self._caught[policy, name] += 1
            return name
        return None

    def _rank(self, policy: str, played: _Played) -> tuple[int, bool, float]:
        """Order scenarios: those that caught most, then where the policy fires, then quick ones."""
        scenario = played.scenario
        streams = sum(
            len(group.ids)
            for project in scenario.world.projects
            for location in project.locations
            for group in location.streams
        )
        fires = any(expected.policy == policy for expected in scenario.expect)
        size = (1 + streams) * scenario.lasts / scenario.spacing
        return -self._caught[policy, scenario.name], not fires, size

    def _passes(self, policy: Policy, played: _Played) -> bool:
        """Say whether a policy alerts as expected: in one evaluation phase, then in all."""
        scenario = played.scenario
        own = tuple(expected for expected in scenario.expect if expected.policy == policy.name)
        spacings = (scenario.spacing,) if policy.is_log else (EVALUATION_SECONDS, scenario.spacing)
        for spacing in spacings:
            alone = scenario.model_copy(update={"expect": own, "spacing": spacing})
            try:
                if not evaluate(alone, played.recording, [policy], self._engine).passed:
                    return False
            except QueryError:
                # A refused query never fires: a join that finds two partners, for example.
                return False
        return True
