"""Calls Google in threads; the run's own thread uses what they return, and decides."""

import time
from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager, suppress
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from exporter.google.calls import Calls, Deadline, attempt
from exporter.google.errors import MORE_THREADS, MORE_TIME, Failure, FailureKind
from exporter.logger import LOGGER

T = TypeVar("T")
_POLL_SECONDS = 0.1  # how soon a stop is noticed
_TELL_SECONDS = 10.0  # between two lines of the log that say that it goes on
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

    def __init__(self, calls: Calls, pool: Executor, grace_seconds: float) -> None:
        """Take how long after its deadline a call may return that kept to it."""
        self.calls = calls
        self.pool = pool
        self.grace_seconds = grace_seconds
        self.results: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self.spoiled = 0  # results that an unexpected error kept from being used

    @contextmanager
    def guard(self, what: object) -> Iterator[None]:
        """Let an unexpected error cost nothing but what the block is about.

        It is logged with its traceback.
        """
        try:
            yield
        except Exception:
            LOGGER.exception("The exporter failed unexpectedly at %s:", what)
            self.spoiled += 1


class Part:
    """A part of a run: calls that are under way, by what they are about."""

    def __init__(
        self, threads: Threads, deadline: Deadline, after_stop: float = 0.0
    ) -> None:
        """Begin a part.

        Args:
            threads: What makes the calls.
            deadline: When the part's calls must have returned.
            after_stop: How many seconds :meth:`wait` goes on after a stop.
        """
        self._threads = threads
        self._deadline = deadline
        self._after_stop = after_stop
        self._under_way: dict[Hashable, Callable[[Failure], None]] = {}
        self._begun: set[Hashable] = set()

    def __contains__(self, key: Hashable) -> bool:
        return key in self._under_way

    def start(
        self,
        key: Hashable,
        call: Callable[[], T],
        on_result: Callable[[T | Failure], None],
    ) -> None:
        """Have a call made, unless the run is stopped before it begins.

        ``key`` says what it is about. ``on_result`` is called in the run's own thread
        with what it returns, or with why it returned nothing. Where no thread can be
        started, the call waits for one that is free.
        """

        def work() -> None:
            if self._deadline.stopped:
                return
            self._begun.add(key)
            result = attempt(call, self._deadline, self._threads.calls)
            self._threads.results.put(partial(self._end, key, result))

        self._under_way[key] = on_result
        # submit() queued the work before it failed to start a thread.
        with suppress(RuntimeError):
            self._threads.pool.submit(work)

    def wait(self) -> None:
        """Use results, of other parts as well, until nothing of this is under way."""
        end = self._deadline.shifted(self._threads.grace_seconds)
        began = last_told = time.monotonic()
        while self._under_way:
            if end.stopped:
                end = end.within(self._after_stop)
            try:
                use_result = self._threads.results.get(timeout=_POLL_SECONDS)
            except Empty:
                if end.left <= 0:
                    return
                if (now := time.monotonic()) - last_told >= _TELL_SECONDS:
                    last_told = now
                    LOGGER.info(
                        "Waiting for Google: %.0f s, for at most %.0f s more.",
                        now - began,
                        end.left,
                    )
            else:
                use_result()

    def give_up(self) -> None:
        """Decide that there is no answer of what is still under way."""
        for key in list(self._under_way):
            self._end(key, _NO_ANSWER if key in self._begun else _NO_THREAD)

    def _end(self, key: Hashable, result: Any) -> None:
        """Hand a result over, unless it comes after the decision that there is none."""
        if on_result := self._under_way.pop(key, None):
            with self._threads.guard(key):
                on_result(result)
