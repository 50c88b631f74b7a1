"""What the tests of both packages use."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Protocol

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class SignalWhen(Protocol):
    """Sends this process a signal as soon as a condition is true."""

    def __call__(self, number: int, case: Callable[[], bool], /) -> None:
        """Wait for the condition in a thread."""


@pytest.fixture
def signal_when() -> Iterator[SignalWhen]:
    """Return a function that signals this process as soon as a condition is true."""
    waiting: list[threading.Thread] = []
    over = threading.Event()

    def signal_when(number: int, case: Callable[[], bool]) -> None:
        def wait() -> None:
            while not case():
                if over.wait(0.005):
                    return
            os.kill(os.getpid(), number)

        waiting.append(threading.Thread(target=wait))
        waiting[-1].start()

    yield signal_when
    over.set()
    for thread in waiting:
        thread.join()
