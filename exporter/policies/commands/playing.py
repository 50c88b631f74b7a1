"""Playing scenarios: several at once where the machine has several processors."""

from __future__ import annotations

import multiprocessing
import os
import signal
import tempfile
import threading
from collections import deque
from concurrent.futures import ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from exporter.mistakes import Mistakes, printable
from exporter.policies.proving.engine import Engine, EngineError
from exporter.policies.proving.log_filter import parse
from exporter.policies.proving.log_matching import extracted
from exporter.policies.proving.proof import Proof, filled, prove, starts
from exporter.policies.scenarios.simulation import simulate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from multiprocessing.process import BaseProcess
    from threading import Event

    from exporter.policies.files import Policy
    from exporter.policies.scenarios.scenario_files import Script

A = TypeVar("A")
B = TypeVar("B")

_LOOK_SECONDS = 0.1
"""From one look whether to stop to the next."""

_ENDED = (
    "a process that played scenarios was ended from outside; is there too little memory? Name one "
    "scenario, which is played alone"
)


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
    check_engine()
    _check(policies)
    # Each starts as if it were alone, so that it comes out the same whatever is played beside it.
    parts = [Part(script, starts([script])[0].timestamp(), tuple(policies)) for script in scripts]
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
    workers = min(os.cpu_count() or 1, len(items))
    if workers > 1:
        yield from _in_workers(work, items, workers, stop)
        return
    for item in items:
        if stop.is_set():
            return
        yield work(item)


def _in_workers(
    work: Callable[[A], B], items: Sequence[A], workers: int, stop: Event
) -> Iterator[B]:
    # A fork would copy a process that has threads, some of them gRPC's.
    context = multiprocessing.get_context("spawn")
    with (
        TemporaryDirectory(prefix="policies-", ignore_cleanup_errors=True) as folder,
        ProcessPoolExecutor(workers, context, _begin, (folder,)) as pool,
    ):
        under_way = deque(pool.submit(work, item) for item in items)
        try:
            while under_way and not stop.is_set():
                done, _ = wait([under_way[0]], _LOOK_SECONDS)
                if done:
                    yield under_way.popleft().result()
        except BrokenProcessPool as error:
            if not stop.is_set():
                raise EngineError(_ENDED) from error
        finally:
            if under_way:
                for worker in multiprocessing.active_children():
                    _end(worker)
                pool.shutdown(cancel_futures=True)


def _begin(folder: str) -> None:
    """Set up a worker, in a process group of its own with its engine: both end together.

    Args:
        folder: Where engines keep what they hold; whoever started the worker removes it.
    """
    os.setpgrp()
    # For what runs here, and for what promtool makes beside.
    tempfile.tempdir = os.environ["TMPDIR"] = folder
    threading.Thread(target=_follow, daemon=True).start()


def _follow() -> None:
    """End the worker once whoever started it is gone, however that came."""
    started_by = multiprocessing.parent_process()
    if started_by:
        started_by.join()
        os.killpg(0, signal.SIGKILL)


def _end(worker: BaseProcess) -> None:
    """End a worker at once, with its engine if it has one."""
    if worker.pid is not None:
        with suppress(ProcessLookupError):
            os.killpg(worker.pid, signal.SIGKILL)
    # One that has no group yet has no engine.
    worker.kill()


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
