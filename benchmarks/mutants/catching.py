"""Which scenario catches a mutant: the first in which the changed policy does not page as it should.

The scenarios are played once, and one engine holds what all of them left behind. Processes ask it
side by side, each for mutants of its own.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from exporter.policies.engine import Engine, EngineError, Found
from exporter.policies.proving import prove, starts
from exporter.policies.scenario import EVALUATION_SECONDS
from exporter.policies.simulation import Recording, simulate

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import TracebackType

    from benchmarks.mutants.changing import Mutant
    from exporter.policies.files import Policy
    from exporter.policies.scenario_files import Script

_REFUSED = "the engine, which refuses the query"
_REMEMBERED = 400


class Played(NamedTuple):
    """A scenario and what it left behind; not its series, which the engine holds."""

    script: Script
    recording: Recording

    @property
    def size(self) -> float:
        """How much there is to ask of the engine, in no unit."""
        projects = self.script.scenario.world.projects
        streams = sum(
            len(each.ids) for one in projects for place in one.locations for each in place.streams
        )
        return (1 + streams) * self.recording.lasts / self.script.scenario.spacing


class Catch(NamedTuple):
    """What became of a mutant: the scenario that catches it, or None where it survives."""

    mutant: Mutant
    by: str | None


class Asking(Engine):
    """An engine that runs already, and is asked from another process; answers are remembered."""

    def __init__(self, address: str) -> None:
        """Take where it listens."""
        super().__init__(())
        self._address = address
        self._remembered = lru_cache(_REMEMBERED)(super().query_range)

    def query_range(self, query: str, start: float, end: float, step: float) -> tuple[Found, ...]:
        """Return what a query finds, as an engine of one's own does."""
        return self._remembered(query, start, end, step)


class Serving(Engine):
    """An engine whose address is told to other processes."""

    @property
    def address(self) -> str:
        """Where it listens."""
        return self._address


def played(scripts: Sequence[Script]) -> Iterator[Recording]:
    """Play scenarios side by side, each on days of its own, and yield what they left behind."""
    first = [start.timestamp() for start in starts(scripts)]
    with _pool() as pool:
        yield from pool.map(simulate, scripts, first)


class Catching:
    """Processes that look for the scenario that catches a mutant, for as long as the block runs."""

    def __init__(self, address: str, held: Sequence[Played]) -> None:
        """Start them.

        Args:
            address: Where the engine listens that holds the series of the scenarios.
            held: The scenarios.
        """
        self._pool = _pool(address, tuple(held))

    def __enter__(self) -> Catching:
        """Let them begin."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End them; what is still to do is left undone."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def wrong(self, policies: Sequence[Policy]) -> Iterator[tuple[str, str]]:
        """Yield each policy that is not right as it is, with the scenario that says so."""
        for policy, by in zip(policies, self._pool.map(_first, policies), strict=True):
            if by:
                yield policy.name, by

    def catches(self, mutants: Sequence[Mutant]) -> Iterator[Catch]:
        """Yield what becomes of each mutant, in their order."""
        changed = [mutant.policy for mutant in mutants]
        for mutant, by in zip(mutants, self._pool.map(_first, changed, chunksize=4), strict=True):
            yield Catch(mutant, by)


def _pool(address: str = "", held: tuple[Played, ...] = ()) -> ProcessPoolExecutor:
    # A fork would copy a process that has threads, some of them gRPC's.
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(os.cpu_count(), context, _begin, (address, held))


class _Worker:
    """What a process keeps: the way to the engine, and which scenario caught how many mutants."""

    def __init__(self, address: str, held: Sequence[Played]) -> None:
        self._engine = Asking(address)
        self._held = held
        self._caught: dict[tuple[str, str], int] = {}

    def first(self, policy: Policy) -> str | None:
        """Return the name of a scenario that does not come out right, or None."""
        for each in sorted(self._held, key=lambda each: self._rank(policy, each)):
            name = each.script.name
            try:
                right = self._right(policy, each)
            except EngineError:
                return _REFUSED
            if not right:
                self._caught[policy.name, name] = self._caught.get((policy.name, name), 0) + 1
                return name
        return None

    def _rank(self, policy: Policy, each: Played) -> tuple[int, bool, float]:
        """Order scenarios: what caught most, then where the policy pages, then the quick ones."""
        scenario = each.script.scenario
        pages = any(expected.policy == policy.name for expected in scenario.expect)
        return -self._caught.get((policy.name, each.script.name), 0), not pages, each.size

    def _right(self, policy: Policy, each: Played) -> bool:
        """Say whether a policy pages as it should: in one phase of its evaluations, then in all."""
        scenario = each.script.scenario
        own = tuple(expected for expected in scenario.expect if expected.policy == policy.name)
        spacings = (scenario.spacing,) if policy.is_log else (EVALUATION_SECONDS, scenario.spacing)
        for spacing in spacings:
            alone = scenario.model_copy(update={"expect": own, "spacing": spacing})
            script = each.script._replace(scenario=alone)
            if not prove(script, each.recording, [policy], self._engine).right:
                return False
        return True


_workers: list[_Worker] = []


def _begin(address: str, held: tuple[Played, ...]) -> None:
    """Set up a process: Ctrl-C is for who started it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _workers[:] = [_Worker(address, held)]


def _first(policy: Policy) -> str | None:
    return _workers[0].first(policy)


def without_series(recording: Recording) -> Recording:
    """Return a recording without its series, which the engine holds."""
    return replace(recording, series=())
