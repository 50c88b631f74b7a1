"""Work whose end nobody has to wait for."""

from __future__ import annotations

import threading
from concurrent.futures import Future, wait
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from exporter.gcp.deadline import Deadline

T = TypeVar("T")

_POLL_SECONDS = 0.1


class Background(Generic[T]):
    """The result of work that runs in a thread of its own.

    It is for what has no deadline that always works, such as a name that has to be resolved or a
    server that sends a byte at a time. The thread never keeps the process from ending.
    """

    def __init__(self, work: Callable[[], T]) -> None:
        """Start the work."""
        self._future: Future[T] = Future()
        threading.Thread(target=self._run, args=(work,), name="background", daemon=True).start()

    @property
    def done(self) -> bool:
        """Whether the work has ended."""
        return self._future.done()

    def result(self, deadline: Deadline) -> T:
        """Wait for the result, and return it or raise the work's own error.

        Raises:
            TimeoutError: It isn't there by the deadline or its ``stop``.
        """
        while not self.done:
            if deadline.stopped or deadline.left <= 0:
                raise TimeoutError("no answer in time")
            # With a timeout, so that a stop is noticed.
            wait([self._future], timeout=min(_POLL_SECONDS, deadline.left))
        return self._future.result()

    def _run(self, work: Callable[[], T]) -> None:
        try:
            self._future.set_result(work())
        except BaseException as error:  # noqa: BLE001 - whoever waits gets it
            self._future.set_exception(error)
