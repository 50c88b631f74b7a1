"""A terminal of the tests: what a person sees of a program's output."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import termios
import threading
import time
from typing import TYPE_CHECKING, Self, TextIO

import pyte

from tests.outputs import OUTPUTS

if TYPE_CHECKING:
    from collections.abc import Callable

_SECONDS = 60.0
"""For whatever a test waits for; many times what it takes."""


class TerminalScreen:
    """A pseudo-terminal, with the screen that a terminal emulator makes of what is written to it.

    Attributes:
        stream: The terminal, for a program to write to.
        written: All that was written to it.
    """

    def __init__(self, columns: int, lines: int) -> None:
        """Open it with a size."""
        self._reads, program = pty.openpty()
        self.stream: TextIO = os.fdopen(program, "w", encoding="utf-8")
        self.written = b""
        self._printed = OUTPUTS.stream("a terminal")
        self._changed = threading.Condition()
        self._screen = pyte.Screen(columns, lines)
        self._feed = pyte.ByteStream(self._screen)
        self.resize(columns, lines)
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

    def resize(self, columns: int, lines: int) -> None:
        """Give it another size."""
        with self._changed:
            self._screen.resize(lines, columns)
        fcntl.ioctl(self._reads, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    @property
    def lines(self) -> list[str]:
        """The lines of the screen, without the blanks at their ends."""
        with self._changed:
            return [line.rstrip() for line in self._screen.display]

    @property
    def colors(self) -> set[str]:
        """The colours of the letters on it."""
        with self._changed:
            return {cell.fg for row in self._screen.buffer.values() for cell in row.values()}

    def wait_for(self, shown: str | Callable[[list[str]], bool]) -> list[str]:
        """Wait until a text is shown, or until the lines are as they should be; return them."""
        until = time.monotonic() + _SECONDS
        while True:
            lines = self.lines
            if any(shown in line for line in lines) if isinstance(shown, str) else shown(lines):
                return lines
            assert time.monotonic() < until, "\n".join(lines)
            with self._changed:
                self._changed.wait(0.2)

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
                self._printed.append(text)
                self._feed.feed(text)
                self._changed.notify_all()
