"""Calls Google in threads; the run's own thread uses what they return, and decides."""

import time
from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from exporter.google.calls import Deadline
from exporter.google.errors import (
    MORE_THREADS,
    MORE_TIME,
    Caller,
    CallError,
    Failure,
    FailureKind,
    explain_unexpected_error,
)
from exporter.logger import LOGGER

T = TypeVar("T")
_POLL_SECONDS = 0.1  # how soon a stop is noticed
_TELL_SECONDS = 10.0  # between two lines of the log that say that it goes on
_NO_ANSWER = Failure(
    FailureKind.TIMED_OUT, "there was no answer by the run's deadline", f"{MORE_TIME}."
)
_NO_THREAD = Failure(
    FailureKind.TIMED_OUT,
    "the run's deadline passed before a thread was free",
    MORE_THREADS,
)


@dataclass
class Threads:
    """The threads of a run, and the queue of what their calls returned."""

    caller: Caller
    pool: Executor
    grace_seconds: float  # how late a call may return that kept to its deadline
    results: SimpleQueue[Callable[[], None]] = field(default_factory=SimpleQueue)
    spoiled: int = 0  # results that an unexpected error kept from being used

    @contextmanager
    def guard(self, what: object) -> Iterator[None]:
        """Let an unexpected error cost only what the block is about.

        The error is logged with its traceback.
        """
        try:
            yield
        except Exception:
            LOGGER.exception("The exporter failed unexpectedly at %s:", what)
            self.spoiled += 1


@dataclass
class Part:
    """A part of a run: calls that are under way, by what they are about."""

    threads: Threads  # what makes the calls
    deadline: Deadline  # when the part's calls must have returned
    after_stop: float = 0.0  # how many seconds :meth:`wait` goes on after a stop
    # What takes each call's result, by what it is about
    under_way: dict[Hashable, Callable[[Failure], None]] = field(default_factory=dict)
    _begun: set[Hashable] = field(default_factory=set)

    def start(
        self,
        key: Hashable,
        call: Callable[[], T],
        on_result: Callable[[T | Failure], None],
    ) -> None:
        """Make a call in a thread, unless the run is stopped before it begins.

        ``key`` says what it is about. ``on_result`` is called in the run's own thread
        with what it returns, or with why it returned nothing. Where no thread can be
        started, the call waits for one that is free.
        """

        def work() -> None:
            if self.deadline.stopped:
                return
            self._begun.add(key)
            result: T | Failure
            try:
                result = call()
            except CallError as error:
                result = error.failure
            except Exception as error:
                # After a stop the channel may be closed before the next page is
                # requested.
                if not self.deadline.stopped:
                    LOGGER.exception("The exporter failed unexpectedly:")
                result = explain_unexpected_error(error, self.threads.caller)
            self.threads.results.put(partial(self._end, key, result))

        self.under_way[key] = on_result
        # submit() queued the work before it failed to start a thread.
        with suppress(RuntimeError):
            self.threads.pool.submit(work)

    def wait(self) -> None:
        """Use results, of other parts as well, until nothing of this is under way.

        At the deadline, use those that are there, and decide that the other calls have
        no answer. A stop decides nothing, except in a part that goes on after it.
        """
        end = self.deadline.shifted(self.threads.grace_seconds)
        results = self.threads.results
        began = last_told = time.monotonic()
        while self.under_way:
            if end.stopped:
                end = end.within(self.after_stop)
            if end.left <= 0:
                # Each may begin a call of another part, whose result comes too late.
                for _ in range(results.qsize()):
                    use_result = results.get()
                    use_result()
                break
            try:
                use_result = results.get(timeout=_POLL_SECONDS)
            except Empty:
                if (now := time.monotonic()) - last_told >= _TELL_SECONDS:
                    last_told = now
                    LOGGER.info(
                        "Waiting for Google: %.0f s, for at most %.0f s more.",
                        now - began,
                        end.left,
                    )
            else:
                use_result()
        if self.after_stop or not self.deadline.stopped:
            for key in list(self.under_way):
                self._end(key, _NO_ANSWER if key in self._begun else _NO_THREAD)

    def _end(self, key: Hashable, result: Any) -> None:
        """Hand a result over, unless it comes after the decision that there is none."""
        if on_result := self.under_way.pop(key, None):
            with self.threads.guard(key):
                on_result(result)
