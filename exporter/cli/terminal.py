"""What commands print with: JSON, a console, and progress at a terminal.

rich is imported only where a person watches, never on Cloud Run.
"""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, TextIO

from exporter.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console
    from rich.progress import Progress as Bars
    from rich.progress import TaskID
    from rich.text import Text

LEAVE_SCREEN = b"\x1b[?1049l"
"""What brings back what was on a terminal before :func:`show_screen`."""

_WIDE = 10_000
"""Columns of an output that is not a terminal: nothing is cut off in a file or a pipe."""


def print_json(document: object, out: TextIO) -> None:
    """Print a document as JSON."""
    json.dump(document, out, indent=2)
    out.write("\n")


def console(stream: TextIO) -> Console:
    """Return a console for a stream: as wide as the terminal, or unbounded if it is not one.

    Colours are left out if the stream is not a terminal or NO_COLOR is set.
    """
    from rich.console import Console

    width = None if stream.isatty() else _WIDE
    return Console(file=stream, width=width, highlight=False, markup=False, emoji=False)


def same_file(one: TextIO, other: TextIO) -> bool:
    """Return whether two streams lead to the same terminal, file or pipe."""
    try:
        return os.path.sameopenfile(one.fileno(), other.fileno())
    except OSError:
        # One of them is in memory only.
        return one is other


def has_screen(stream: TextIO) -> bool:
    """Return whether a stream is a terminal on which anything can be drawn anywhere."""
    return stream.isatty() and not console(stream).is_dumb_terminal


@contextmanager
def show_screen(stream: TextIO, frame: Callable[[int, int], list[Text]]) -> Iterator[None]:
    """Fill a terminal's screen every second while the block runs; what was on it comes back.

    Args:
        stream: The terminal.
        frame: Returns the lines for a number of columns and lines; called in a thread.
    """
    from rich.live import Live
    from rich.text import Text

    terminal = console(stream)

    def drawn() -> Text:
        return Text("\n").join(frame(terminal.width, terminal.height))

    with Live(
        console=terminal,
        screen=True,
        refresh_per_second=1,
        redirect_stdout=False,
        redirect_stderr=False,
        get_renderable=drawn,
    ):
        yield


class _TerminalProgress(Progress):
    """Shows one bar for each task under way."""

    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._lock = Lock()
        self._tasks: dict[str, TaskID] = {}

    def update(self, task: str, done: int, total: int | None = None) -> None:
        with self._lock:
            if done == total:
                if task in self._tasks:
                    self._bars.remove_task(self._tasks.pop(task))
            elif task in self._tasks:
                self._bars.update(self._tasks[task], completed=done, total=total)
            else:
                self._tasks[task] = self._bars.add_task(task, completed=done, total=total)

    @contextmanager
    def pause(self) -> Iterator[None]:
        self._bars.stop()
        try:
            yield
        finally:
            self._bars.start()


@contextmanager
def show_progress(stream: TextIO) -> Iterator[Progress]:
    """Show how far the tasks in the block are, if the stream is a terminal; leave nothing behind.

    Args:
        stream: Where to show it: stderr.
    """
    if not stream.isatty():
        yield Progress()
        return
    from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn
    from rich.progress import Progress as Bars
    from rich.progress import TimeElapsedColumn as Elapsed

    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Bars(*columns, Elapsed(), console=console(stream), transient=True) as bars:
        yield _TerminalProgress(bars)
