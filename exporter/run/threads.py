"""Starts the threads of a run, and waits for them by a deadline or after a stop."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import (
    Executor,
    Future,
    InvalidStateError,
    ThreadPoolExecutor,
    wait,
)
from contextlib import suppress
from typing import Any, TypeVar

from exporter.google.calls import Deadline

A = TypeVar("A")
T = TypeVar("T")
_POLL_SECONDS = 0.1
# How long after its deadline a call may return that kept to it
_GRACE_SECONDS = 1.0


def start(threads: Executor, work: Callable[..., object], *args: object) -> None:
    """Have work done soon, unless the run is over."""
    # submit() queued the work before it failed to start a thread: an earlier one does
    # it.
    with suppress(RuntimeError):
        threads.submit(work, *args)


def wait_for(
    work: Iterable[Future[Any]], deadline: Deadline, after_stop: float = 0.0
) -> None:
    """Wait for results until their deadline, or for some seconds after a stop."""
    pending = set(work)
    end = deadline.sooner(-_GRACE_SECONDS)
    while pending:
        # With a timeout, so that a stop is noticed.
        _, pending = wait(pending, _POLL_SECONDS)
        if end.stopped:
            end = end.within(after_stop)
        if end.left <= 0:
            return


def map_in_threads(work: Callable[[A], T], items: Sequence[A], most: int) -> list[T]:
    """Return the result for each item, which threads find at the same time."""
    with ThreadPoolExecutor(most, thread_name_prefix="list") as pool:
        return list(pool.map(work, items))


def decide(found: Future[T], result: T) -> None:
    """Keep what a call returned, unless there is a result: it is decided once.

    The thread that makes the call and the one that waits for it may both decide.
    """
    with suppress(InvalidStateError):
        found.set_result(result)
