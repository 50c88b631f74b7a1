"""Which scenario catches a mutant: one in which the changed policy does not page as it should.

The scenarios are played once, and one engine holds what all of them left behind. Processes ask it
side by side, each for mutants of its own.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from lab.prove.engine import Engine, EngineError, ResultSeries
from lab.prove.scenarios import evaluate, start_times
from lab.simulate.scenario import EVALUATION_SECONDS
from lab.simulate.simulation import Recording, simulate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lab.mutate.changing import Mutant
    from lab.policies.files import Policy
    from lab.simulate.scenario import Scenario

_ANSWERS = 200
_AT_A_TIME = 4


class NotRightError(Exception):
    """A scenario does not come out right with a policy as it is; ``str()`` is a sentence."""


class Played(NamedTuple):
    """A scenario and what it left behind; not its series, which the engine holds."""

    scenario: Scenario
    recording: Recording


class Asked(NamedTuple):
    """A policy that was changed, and as it is."""

    changed: Policy
    policy: Policy


class _Serving(Engine):
    """An engine whose address is told to other processes."""

    @property
    def address(self) -> str:
        """Where it listens."""
        return self._address


class _Reached(Engine):
    """An engine that runs already, and is asked from another process; answers are remembered."""

    def __init__(self, address: str) -> None:
        super().__init__(())
        self._address = address
        self._remembered = lru_cache(_ANSWERS)(super().query_range)

    def query_range(
        self, query: str, start: float, end: float, step: float
    ) -> tuple[ResultSeries, ...]:
        """Return what a query finds, as an engine of one's own does."""
        return self._remembered(query, start, end, step)


def recordings(scenarios: Sequence[Scenario]) -> Iterator[Recording]:
    """Play scenarios side by side, each on days of its own, and yield what they left behind."""
    seconds = [start.timestamp() for start in start_times(scenarios)]
    with _processes("", ()) as pool:
        yield from pool.map(simulate, scenarios, seconds)


@contextmanager
def catching(
    scenarios: Sequence[Scenario], recorded: Sequence[Recording]
) -> Iterator[Callable[[Policy, Sequence[Mutant]], Iterator[str | None]]]:
    """Give what says of mutants which scenario catches each, None where none does.

    Args:
        scenarios: What to play.
        recorded: What each left behind.

    Raises:
        NotInstalledError: Prometheus is not installed.
        EngineError: It cannot be filled or started.
        NotRightError: While it is asked: a scenario is not right with a policy as it is.
    """
    held = tuple(
        Played(scenario, replace(each, series=()))
        for scenario, each in zip(scenarios, recorded, strict=True)
    )
    # The engine takes the samples of a series in the order of time alone.
    in_order = sorted(recorded, key=lambda each: each.start)
    with (
        _Serving([series for each in in_order for series in each.series]) as engine,
        _processes(engine.address, held) as pool,
    ):

        def caught(policy: Policy, mutants: Sequence[Mutant]) -> Iterator[str | None]:
            asked = [Asked(mutant.policy, policy) for mutant in mutants]
            return pool.map(_caught, asked, chunksize=_AT_A_TIME)

        yield caught


@contextmanager
def _processes(address: str, held: tuple[Played, ...]) -> Iterator[ProcessPoolExecutor]:
    # A fork would copy a process that has threads, some of them gRPC's.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(os.cpu_count(), context, _begin, (address, held))
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


class _Worker:
    """What a process keeps: the way to the engine, and which scenario caught how many mutants."""

    def __init__(self, address: str, held: Sequence[Played]) -> None:
        self._engine = _Reached(address)
        self._held = held
        self._caught: Counter[tuple[str, str]] = Counter()

    def caught(self, asked: Asked) -> str | None:
        """Return the name of a scenario that catches a mutant, or None."""
        name = asked.policy.name
        for each in sorted(self._held, key=lambda each: self._rank(name, each)):
            caught_by = each.scenario.name
            if not self._right(asked.changed, each):
                if not self._caught[name, caught_by] and not self._right(asked.policy, each):
                    raise NotRightError(
                        f"{caught_by} is not right with {name} as it is; mend it first: "
                        f"datastream-lab test {caught_by}"
                    )
                self._caught[name, caught_by] += 1
                return caught_by
        return None

    def _rank(self, name: str, each: Played) -> tuple[int, bool, float]:
        """Order scenarios: what caught most, then where the policy pages, then the quick ones."""
        scenario = each.scenario
        streams = sum(
            len(one.ids)
            for project in scenario.world.projects
            for location in project.locations
            for one in location.streams
        )
        pages = any(expected.policy == name for expected in scenario.expect)
        size = (1 + streams) * scenario.lasts / scenario.spacing
        return -self._caught[name, each.scenario.name], not pages, size

    def _right(self, policy: Policy, each: Played) -> bool:
        """Say whether a policy pages as it should: in one phase of its evaluations, then in all."""
        scenario = each.scenario
        own = tuple(expected for expected in scenario.expect if expected.policy == policy.name)
        spacings = (scenario.spacing,) if policy.is_log else (EVALUATION_SECONDS, scenario.spacing)
        for spacing in spacings:
            alone = scenario.model_copy(update={"expect": own, "spacing": spacing})
            try:
                if not evaluate(alone, each.recording, [policy], self._engine).passed:
                    return False
            except EngineError:
                # A join that finds two partners pages for nobody.
                return False
        return True


_workers: list[_Worker] = []


def _begin(address: str, held: tuple[Played, ...]) -> None:
    """Set up a process: Ctrl-C is for who started it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _workers[:] = [_Worker(address, held)]


def _caught(asked: Asked) -> str | None:
    return _workers[0].caught(asked)
