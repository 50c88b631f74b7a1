"""SIGINT and SIGTERM: the work under way is finished, nothing new is begun."""

from __future__ import annotations

import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from threading import Event
from typing import TYPE_CHECKING, Self, TypeVar

from exporter.log.lines import LOGGER

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

T = TypeVar("T")

_HANDLED = (signal.SIGINT, signal.SIGTERM)
_NEW_LINE = b"\n"
_SHOW_CURSOR = b"\x1b[?25h"
_WAKE_SECONDS = 0.1


class Signals:
    """Sets an event at the first signal; a second one ends the process at once.

    Attributes:
        stop: The event.
        exit_code: 130 after SIGINT, 143 after SIGTERM, None without a signal.
        restore: What the terminal needs before the process ends at once.
    """

    def __init__(self) -> None:
        """Handle nothing yet."""
        self.stop = Event()
        self.exit_code: int | None = None
        self.restore = b""

    def __enter__(self) -> Self:
        """Install the handlers; only the main thread can."""
        self._before = {number: signal.signal(number, self._handle) for number in _HANDLED}
        return self

    def __exit__(self, *_raised: object) -> None:
        """Put the former handlers back."""
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def run_in_thread(self, work: Callable[[], T]) -> T:
        """Return what ``work`` returns, or raise what it raises; signals are handled meanwhile.

        Python handles them in the main thread, and a signal that comes just before that thread
        waits for a lock waits with it. So the work has a thread of its own, and the main thread
        never waits for long.
        """
        with ThreadPoolExecutor(1, thread_name_prefix="command") as pool:
            working = pool.submit(work)
            while not working.done():
                wait([working], timeout=_WAKE_SECONDS)
            return working.result()

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if self.exit_code is not None:
            # A progress bar that is cut off here would leave the terminal without a cursor.
            _to_terminal(self.restore + _SHOW_CURSOR + _NEW_LINE)
            os._exit(self.exit_code)
        self.exit_code = 128 + number
        # The terminal has put ^C at the end of the line.
        _to_terminal(_NEW_LINE)
        name = signal.Signals(number).name
        LOGGER.warning("%s: finishing the work under way; repeat the signal to stop at once.", name)
        self.stop.set()


def _to_terminal(written: bytes) -> None:
    # The terminal may have gone in the meantime.
    with suppress(OSError):
        if sys.stderr.isatty():
            os.write(sys.stderr.fileno(), written)
