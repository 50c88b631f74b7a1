"""SIGINT and SIGTERM: the work under way is finished, nothing new is begun."""

from __future__ import annotations

import os
import signal
import sys
from threading import Event, Thread
from typing import TYPE_CHECKING, Self

from exporter.logs import LOGGER

if TYPE_CHECKING:
    from types import FrameType, TracebackType

_HANDLED = (signal.SIGINT, signal.SIGTERM)
_SHOW_CURSOR = b"\x1b[?25h"


class Signals:
    """Sets an event at the first signal; a second one ends the process at once.

    Attributes:
        stop: The event.
        exit_code: 130 after SIGINT, 143 after SIGTERM, None without a signal.
    """

    def __init__(self) -> None:
        """Handle nothing yet."""
        self.stop = Event()
        self.exit_code: int | None = None

    def __enter__(self) -> Self:
        """Install the handlers; only the main thread can."""
        self._before = {number: signal.signal(number, self._handle) for number in _HANDLED}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Put the former handlers back."""
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if self.exit_code is not None:
            if sys.stderr.isatty():
                # A progress bar that is cut off here would leave the terminal without one.
                os.write(sys.stderr.fileno(), _SHOW_CURSOR)
            os._exit(self.exit_code)
        self.exit_code = 128 + number
        # A handler interrupts the main thread anywhere, inside the event's own lock and inside
        # the log's too.
        Thread(target=self._ask_to_stop, args=(signal.Signals(number).name,), daemon=True).start()

    def _ask_to_stop(self, name: str) -> None:
        LOGGER.warning("%s: ending after the work under way; once more ends it at once.", name)
        self.stop.set()
