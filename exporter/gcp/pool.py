"""Calls that are under way at the same time; what hangs never keeps anything else waiting."""

from __future__ import annotations

import itertools
import math
import threading
import time
from collections import deque
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from exporter.gcp.deadline import Deadline

_SLOW_SECONDS = 1.0
_SLOW_SHARE = 1 / 40
"""Work is slow after the less of these: seconds, and a share of the time that the pool has."""

_MOST_THREADS = 512
_POLL_SECONDS = 0.1


Work: TypeAlias = Callable[[], Callable[[], None]]
"""Something to do, within its own deadline. It returns what hands its result over."""


class Pool:
    """Does work in threads, at most so many pieces at the same time that are not slow.

    Slow work no longer counts, so however many calls hang, the others are made. The threads are
    daemons: they end with their call, and never keep the process from ending.
    """

    def __init__(self, size: int, deadline: Deadline) -> None:
        """Have nothing to do yet.

        Args:
            size: How many pieces of work that are not slow are done at the same time.
            deadline: Its ``stop`` keeps further work from being started.
        """
        self._size = size
        self._deadline = deadline
        self._slow = min(_SLOW_SECONDS, deadline.left * _SLOW_SHARE)
        self._waiting: deque[Iterator[Work]] = deque()
        self._started: dict[int, float] = {}
        """When each piece that is under way started, by its number."""
        self._numbers = itertools.count()
        self._results: SimpleQueue[tuple[int, Callable[[], None] | BaseException]] = SimpleQueue()

    @property
    def stopped(self) -> bool:
        """Whether nothing more is started."""
        return self._deadline.stopped

    def add(self, work: Iterable[Work]) -> None:
        """Add work; each piece is taken from the iterable when its turn comes."""
        self._waiting.append(iter(work))

    def wait(self, patience: float = math.inf, *, when_stopped: float = 0.0) -> None:
        """Start what is waiting, and hand over results in this thread, until all is done.

        Args:
            patience: Return before that if each piece that is left has been under way for longer
                than this, in seconds.
            when_stopped: The same after a stop; what was not started by then stays undone.
        """
        while True:
            self._start()
            limit = when_stopped if self.stopped else patience
            now = time.monotonic()
            if all(now - started > limit for started in self._started.values()):
                return
            try:
                # With a timeout, since a signal can't interrupt waiting for a lock.
                number, result = self._results.get(timeout=_POLL_SECONDS)
            except Empty:
                continue
            del self._started[number]
            if isinstance(result, BaseException):
                raise result
            result()

    def _start(self) -> None:
        """Start what may be started now."""
        now = time.monotonic()
        busy = sum(now - started < self._slow for started in self._started.values())
        while busy < self._size and len(self._started) < _MOST_THREADS and not self.stopped:
            if (work := self._next()) is None:
                return
            number = next(self._numbers)
            self._started[number] = now
            threading.Thread(target=self._do, args=(number, work), name="call", daemon=True).start()
            busy += 1

    def _next(self) -> Work | None:
        while self._waiting:
            if (work := next(self._waiting[0], None)) is not None:
                return work
            self._waiting.popleft()
        return None

    def _do(self, number: int, work: Work) -> None:
        try:
            self._results.put((number, work()))
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            self._results.put((number, error))
