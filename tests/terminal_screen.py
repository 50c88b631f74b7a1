"""A terminal of the tests: what a person sees of a program's output."""

import fcntl
import os
import pty
import struct
import termios
import threading
from collections.abc import Callable
from typing import Self, TextIO

import pyte

_SECONDS = 60.0  # for whatever a test waits for; many times what it takes


class TerminalScreen:
    """A pseudo-terminal, with the screen that a terminal emulator shows.

    Attributes:
        stream: The terminal, for a program to write to.
        written: All that was written to it.
    """

    def __init__(self, columns: int, lines: int) -> None:
        self._reads, program = pty.openpty()
        self.stream: TextIO = os.fdopen(program, "w", encoding="utf-8")
        self.written = b""
        self._changed = threading.Condition()
        self._screen = pyte.Screen(columns, lines)
        self._feed = pyte.ByteStream(self._screen)
        fcntl.ioctl(
            self._reads, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0)
        )
        self._reader = threading.Thread(target=self._read)

    def __enter__(self) -> Self:
        """Start to show what is written."""
        self._reader.start()
        return self

    def __exit__(self, *_raised: object) -> None:
        """Close it."""
        self.stream.close()
        self._reader.join()
        os.close(self._reads)

    @property
    def lines(self) -> list[str]:
        """The lines of the screen, without the blanks at their ends."""
        with self._changed:
            return [line.rstrip() for line in self._screen.display]

    @property
    def colors(self) -> set[str]:
        """The colours of the letters on it."""
        with self._changed:
            return {
                cell.fg for row in self._screen.buffer.values() for cell in row.values()
            }

    def wait_for(self, shown: str | Callable[[], bool]) -> list[str]:
        """Wait until a text is shown or a condition is true; return the lines."""

        def true() -> bool:
            if callable(shown):
                return shown()
            return any(shown in line for line in self.lines)

        with self._changed:
            assert self._changed.wait_for(true, _SECONDS), "\n".join(self.lines)
            return self.lines

    def _read(self) -> None:
        while True:
            try:
                text = os.read(self._reads, 65536)
            except OSError:
                # Linux says so when the last writer has closed it.
                return
            if not text:
                return
            with self._changed:
                self.written += text
                self._feed.feed(text)
                self._changed.notify_all()
