"""Playing scenarios: several at once where the machine has several processors."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeVar

from exporter.inputs.input_errors import InputError, printable
from lab import side_by_side as processes
from lab.prove.engine import Engine, EngineError
from lab.prove.log_filter import parse
from lab.prove.log_matching import extracted
from lab.prove.proof import Proof, filled, prove, starts
from lab.side_by_side import WorkerEndedError
from lab.simulate.simulation import simulate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from threading import Event

    from lab.policies.files import Policy
    from lab.simulate.scenario import Scenario

A = TypeVar("A")
B = TypeVar("B")

_ENDED = (
    "a process that played scenarios was ended from outside; is there too little memory? Name one "
    "scenario, which is played alone"
)


class Part(NamedTuple):
    """One scenario and what it is to be held against."""

    scenario: Scenario
    start: float
    policies: tuple[Policy, ...]


def proofs(
    scenarios: Sequence[Scenario], policies: Sequence[Policy], stop: Event
) -> Iterator[Proof]:
    """Play scenarios, each with an engine of its own, and yield them judged, in their order.

    It ends early once ``stop`` is set.

    Args:
        scenarios: What to play.
        policies: The policies.
        stop: Ends it.

    Raises:
        InputError: A filter on log entries is not understood here.
        NotInstalledError: Prometheus is not installed.
        EngineError: It does not do what it is asked to.
    """
    check_engine()
    _check(policies)
    # Each starts as if it were alone, so that it comes out the same whatever is played beside it.
    parts = [
        Part(scenario, starts([scenario])[0].timestamp(), tuple(policies)) for scenario in scenarios
    ]
    yield from side_by_side(_play, parts, stop)


def check_engine() -> None:
    """Say at once what else would be said after much work.

    Raises:
        NotInstalledError: Prometheus is not installed.
    """
    Engine(())


def side_by_side(work: Callable[[A], B], items: Sequence[A], stop: Event) -> Iterator[B]:
    """Yield what the work makes of each item, in their order; end early once ``stop`` is set.

    Args:
        work: A function of a module: other processes call it too.
        items: What it is called with.
        stop: Ends it.

    Raises:
        EngineError: A process that did some of it was ended from outside.
    """
    try:
        yield from processes.side_by_side(work, items, stop)
    except WorkerEndedError as error:
        raise EngineError(_ENDED) from error


def _play(part: Part) -> Proof:
    recording = simulate(part.scenario, part.start)
    with filled([recording]) as engine:
        return prove(part.scenario, recording, part.policies, engine)


def _check(policies: Sequence[Policy]) -> None:
    """Refuse what is right for Cloud Logging, and more than is understood here."""
    told = []
    for policy in policies:
        try:
            if policy.filter is not None:
                parse(policy.filter)
            for how in policy.extractors.values():
                extracted(how, {})
        except ValueError as error:
            told.append(f"{printable(str(policy.path))}: {error}")
    if told:
        raise InputError(told)
