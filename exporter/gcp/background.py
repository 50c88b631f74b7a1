"""Work whose end nobody has to wait for."""

from __future__ import annotations

import threading
from concurrent.futures import Future, wait
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from exporter.gcp.deadline import Deadline

T = TypeVar("T")

_POLL_SECONDS = 0.1


def in_background(work: Callable[[], T]) -> Future[T]:
    """Return the result-to-be of work, which starts now in a thread of its own.

    Unlike a thread of an executor, it never keeps the process from ending.
    """
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001 - raised in the thread that reads the result
            future.set_exception(error)

    threading.Thread(target=run, name="background", daemon=True).start()
    return future


def result(future: Future[T], deadline: Deadline) -> T:
    """Wait for the result of some work, and return it or raise the work's own error.

    Raises:
        TimeoutError: It isn't there by the deadline or its ``stop``.
    """
    while not future.done():
        if deadline.stopped or deadline.left <= 0:
            raise TimeoutError("no answer in time")
        # With a timeout, so that a stop is noticed.
        wait([future], timeout=min(_POLL_SECONDS, deadline.left))
    return future.result()
