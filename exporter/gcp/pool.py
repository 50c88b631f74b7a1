"""Calls that are under way at the same time; what hangs never keeps anything else waiting."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from exporter.gcp.deadline import Deadline

_SLOW_SECONDS = 1.0
_SLOW_SHARE = 1 / 20
"""Work is slow after the less of these: seconds, and a share of the time that the pool has."""

_MOST_THREADS = 512
_POLL_SECONDS = 0.1


class Outcome(NamedTuple):
    """How a piece of work ended.

    Attributes:
        take: Hands its result over, in the thread of :meth:`Pool.wait`.
        failed: Whether another try that is under way may do better.
    """

    take: Callable[[], None]
    failed: bool = False


Work: TypeAlias = Callable[[], Outcome]
"""Something to do. It keeps to its own deadline, and may be done twice at the same time."""


@dataclass(slots=True, eq=False)
class _UnderWay:
    """A piece of work that has started, how many threads are at it, and how often it was tried."""

    work: Work
    started: float
    threads: int = 0
    tries: int = 0


class Pool:
    """Does work in threads, at most so many pieces at the same time that are not slow.

    Slow work no longer counts, so however many calls hang, the others are made. The threads are
    daemons: they end with their call, and never keep the process from ending.
    """

    def __init__(self, size: int, deadline: Deadline, *, retry_seconds: float = math.inf) -> None:
        """Have nothing to do yet.

        Args:
            size: How many pieces of work that are not slow are done at the same time.
            deadline: Its ``stop`` keeps further work from being started.
            retry_seconds: After this time without a result, work is done once more, while the
                first try goes on; the first result counts.
        """
        self._size = size
        self._deadline = deadline
        self._slow = min(_SLOW_SECONDS, deadline.left * _SLOW_SHARE)
        self._retry_seconds = retry_seconds
        self._waiting: deque[Iterator[Work]] = deque()
        self._running: list[_UnderWay] = []
        self._results: SimpleQueue[tuple[_UnderWay, Outcome | BaseException]] = SimpleQueue()

    @property
    def stopped(self) -> bool:
        """Whether nothing more is started."""
        return self._deadline.stopped

    def add(self, work: Iterable[Work]) -> None:
        """Add work; each piece is taken from the iterable when its turn comes."""
        self._waiting.append(iter(work))

    def wait(self, patience: float = math.inf, *, when_stopped: float = 0.0) -> None:
        """Start what is waiting, and hand over results as they come, until all is done.

        Args:
            patience: Return before that if each piece that is left has been under way for longer
                than this, in seconds.
            when_stopped: The same after a stop; what was not started by then stays undone.
        """
        while True:
            self._start()
            limit = when_stopped if self._deadline.stopped else patience
            now = time.monotonic()
            if all(now - each.started > limit for each in self._running):
                return
            try:
                # With a timeout, since a signal can't interrupt waiting for a lock.
                self._finish(*self._results.get(timeout=_POLL_SECONDS))
            except Empty:
                continue

    def _start(self) -> None:
        """Start what may be started now."""
        now = time.monotonic()
        busy = sum(now - each.started < self._slow for each in self._running)
        while not self._deadline.stopped and busy < self._size:
            work = self._next() if len(self._running) < _MOST_THREADS else None
            if work is None:
                break
            self._running.append(_UnderWay(work, now))
            self._try(self._running[-1])
            busy += 1
        for piece in self._running:
            if piece.tries == 1 and now - piece.started > self._retry_seconds:
                self._try(piece)

    def _next(self) -> Work | None:
        while self._waiting:
            if (work := next(self._waiting[0], None)) is not None:
                return work
            self._waiting.popleft()
        return None

    def _try(self, piece: _UnderWay) -> None:
        def run() -> None:
            try:
                self._results.put((piece, piece.work()))
            except BaseException as error:  # noqa: BLE001 - raised where it is waited for
                self._results.put((piece, error))

        piece.threads += 1
        piece.tries += 1
        threading.Thread(target=run, name="call", daemon=True).start()

    def _finish(self, piece: _UnderWay, outcome: Outcome | BaseException) -> None:
        piece.threads -= 1
        if isinstance(outcome, BaseException):
            raise outcome
        if piece in self._running and not (outcome.failed and piece.threads):
            self._running.remove(piece)
            outcome.take()
