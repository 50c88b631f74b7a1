"""Playing scenarios: several at once where the machine has several processors."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from exporter.mistakes import Mistakes, printable
from exporter.policies.log_filter import parse
from exporter.policies.log_matching import extracted
from exporter.policies.proving import Proof, filled, prove, starts
from exporter.policies.simulation import simulate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from multiprocessing.pool import IMapIterator
    from threading import Event

    from exporter.policies.files import Policy
    from exporter.policies.scenario_files import Script

A = TypeVar("A")
B = TypeVar("B")

_LOOK_SECONDS = 0.1
"""From one look whether to stop to the next."""


class Part(NamedTuple):
    """One scenario and what it is to be held against."""

    script: Script
    start: float
    policies: tuple[Policy, ...]


def proofs(scripts: Sequence[Script], policies: Sequence[Policy], stop: Event) -> Iterator[Proof]:
    """Play scenarios, each with an engine of its own, and yield them judged, in their order.

    It ends early once ``stop`` is set.

    Args:
        scripts: The scenarios.
        policies: The policies.
        stop: Ends it.

    Raises:
        Mistakes: A filter on log entries is not understood here.
        NotInstalledError: Prometheus is not installed.
        EngineError: It does not do what it is asked to.
    """
    _check(policies)
    # Each starts as if it were alone, so that it comes out the same whatever is played beside it.
    parts = [Part(script, starts([script])[0].timestamp(), tuple(policies)) for script in scripts]
    yield from side_by_side(_play, parts, stop)


def side_by_side(work: Callable[[A], B], items: Sequence[A], stop: Event) -> Iterator[B]:
    """Yield what the work makes of each item, in their order; end early once ``stop`` is set.

    Args:
        work: A function of a module: other processes call it too.
        items: What it is called with.
        stop: Ends it.
    """
    workers = min(os.cpu_count() or 1, len(items))
    if workers > 1:
        # A fork would copy a process that has threads, some of them gRPC's.
        with multiprocessing.get_context("spawn").Pool(workers, _begin) as pool:
            # Leaving the block ends the workers, and each ends its engine.
            yield from _until_stopped(pool.imap(work, items), stop)
        return
    for item in items:
        if stop.is_set():
            return
        yield work(item)


def _until_stopped(made: IMapIterator[B], stop: Event) -> Iterator[B]:
    while not stop.is_set():
        try:
            yield made.next(_LOOK_SECONDS)
        except multiprocessing.TimeoutError:
            continue
        except StopIteration:
            return


def _begin() -> None:
    """Set up a worker: Ctrl-C is for who started it, and an end is orderly."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())


def _play(part: Part) -> Proof:
    recording = simulate(part.script, part.start)
    with filled([recording]) as engine:
        return prove(part.script, recording, part.policies, engine)


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
        raise Mistakes(told)
