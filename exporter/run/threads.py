"""Calls Google in threads; the run's own thread takes what they return, and decides."""

import time
from collections.abc import Callable, Hashable
from concurrent.futures import Executor
from contextlib import suppress
from functools import partial
from queue import Empty, SimpleQueue
from typing import TypeVar

from exporter.google.calls import Calls, Deadline, attempt
from exporter.google.errors import MORE_THREADS, MORE_TIME, Failure, FailureKind
from exporter.logger import LOGGER

T = TypeVar("T")
_POLL_SECONDS = 0.1  # how soon a stop is noticed
_TELL_SECONDS = 10.0  # between two lines of the log that say that it goes on
# How long after its deadline a call may return that kept to it
_GRACE_SECONDS = 1.0
_NO_ANSWER = Failure(
    FailureKind.TIMED_OUT, "there was no answer by the run's deadline", f"{MORE_TIME}."
)
_NO_THREAD = Failure(
    FailureKind.TIMED_OUT,
    "no thread was free for it until the run's deadline",
    MORE_THREADS,
)


class Threads:
    """The threads of a run, and the queue of what their calls returned."""

    def __init__(self, calls: Calls, pool: Executor) -> None:
        self.calls = calls
        self.pool = pool
        self.results: SimpleQueue[Callable[[], None]] = SimpleQueue()


class Part:
    """A part of a run: calls that are under way, by what they are about."""

    def __init__(
        self, threads: Threads, deadline: Deadline, after_stop: float = 0.0
    ) -> None:
        """Take by when its calls return, or how many seconds after a stop at most."""
        self._threads = threads
        self._deadline = deadline
        self._after_stop = after_stop
        self._under_way: dict[Hashable, Callable[[Failure], None]] = {}
        self._begun: set[Hashable] = set()

    def __contains__(self, key: Hashable) -> bool:
        return key in self._under_way

    def start(
        self, key: Hashable, call: Callable[[], T], take: Callable[[T | Failure], None]
    ) -> None:
        """Have a call made, unless the run is stopped before it begins.

        ``take`` gets what it returns, or why it returned nothing. Where no thread can
        be started, the call waits for one that is free.
        """

        def work() -> None:
            if self._deadline.stopped:
                return
            self._begun.add(key)
            result = attempt(call, self._deadline, self._threads.calls)
            self._threads.results.put(partial(take_in_time, result))

        def take_in_time(result: T | Failure) -> None:
            if self._under_way.pop(key, None):
                take(result)

        self._under_way[key] = take
        # submit() queued the work before it failed to start a thread.
        with suppress(RuntimeError):
            self._threads.pool.submit(work)

    def wait(self) -> None:
        """Take results, of other parts as well, until nothing of this is under way."""
        end = self._deadline.shifted(_GRACE_SECONDS)
        began = told = time.monotonic()
        while self._under_way:
            if end.stopped:
                end = end.within(self._after_stop)
            try:
                take = self._threads.results.get(timeout=_POLL_SECONDS)
            except Empty:
                if end.left <= 0:
                    return
                if (now := time.monotonic()) - told >= _TELL_SECONDS:
                    told = now
                    waited = "Waiting for Google: %.0f s, for at most %.0f s more."
                    LOGGER.info(waited, now - began, end.left)
            else:
                take()

    def give_up(self) -> None:
        """Decide that there is no answer of what is still under way."""
        while self._under_way:
            key, take = self._under_way.popitem()
            take(_NO_ANSWER if key in self._begun else _NO_THREAD)
