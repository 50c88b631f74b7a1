"""Starts the threads of a run, and waits for them by a deadline or after a stop."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, InvalidStateError, ThreadPoolExecutor, wait
from contextlib import suppress
from typing import Any, TypeVar

from exporter.google.calls import Deadline

A = TypeVar("A")
T = TypeVar("T")
_MOST_THREADS = 512
_POLL_SECONDS = 0.1
# How long after its deadline a call may return that kept to it
_GRACE_SECONDS = 1.0


class Threads:
    """The threads of one run."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(_MOST_THREADS, thread_name_prefix="location")

    def start(self, work: Callable[..., None], *args: object) -> Future[None]:
        """Have work done soon; return what is done when the work is, or has failed."""
        done: Future[None] = Future()

        def finish() -> None:
            try:
                work(*args)
            finally:
                done.set_result(None)

        # submit() queued the work before it failed to start a thread: an earlier one
        # does it. Or the run is over.
        with suppress(RuntimeError):
            self._pool.submit(finish)
        return done

    def close(self) -> None:
        """Begin nothing else. What hangs ends when the channels are closed."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def wait_for(
    work: Iterable[Future[Any]], deadline: Deadline, after_stop: float = 0.0
) -> None:
    """Wait for results until their deadline, or for some seconds after a stop."""
    stopped: Deadline | None = None
    pending = set(work)
    while pending:
        # With a timeout, so that a stop is noticed.
        _, pending = wait(pending, _POLL_SECONDS)
        if deadline.left <= -_GRACE_SECONDS:
            return
        if deadline.stopped:
            stopped = stopped or Deadline.after(after_stop)
            if stopped.left <= 0:
                return


def map_in_threads(work: Callable[[A], T], items: Sequence[A], most: int) -> list[T]:
    """Return the result for each item, which threads find at the same time."""
    try:
        with ThreadPoolExecutor(most, thread_name_prefix="list") as pool:
            return list(pool.map(work, items))
    except RuntimeError:
        # No other thread can be started, so this one does it.
        return list(map(work, items))


def decide(found: Future[T], result: T) -> None:
    """Keep what a call returned, unless there is a result: it is decided once.

    The thread that makes the call and the one that waits for it may both decide.
    """
    with suppress(InvalidStateError):
        found.set_result(result)
