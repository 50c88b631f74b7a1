"""Shows the progress of long work, and prints what the exporter's own module doesn't: JSON."""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any, TextIO, TypeVar

from exporter.terminal import Cell, console, print_table

__all__ = ["Cell", "Progress", "console", "print_json", "print_table", "show_progress"]

T = TypeVar("T")


class Progress:
    """Receives how far each task is, and shows one bar for each under way, if it has bars."""

    def __init__(self, bars: Any = None) -> None:
        self._bars = bars
        self._lock = Lock()
        self._tasks: dict[str, Any] = {}

    def update(self, task: str, done: int, total: int | None = None) -> None:
        """Receive that ``done`` of ``total`` steps of a task are done; any thread may call this.

        ``total`` is None while nobody knows it. The task ends when all are done.
        """
        if self._bars is None:
            return
        with self._lock:
            number = self._tasks.pop(task, None)
            if number is None:
                number = self._bars.add_task(task, total=total)
            if done == total:
                self._bars.remove_task(number)
            else:
                self._bars.update(number, completed=done, total=total)
                self._tasks[task] = number

    @contextmanager
    def pause(self) -> Iterator[None]:
        """Make room for lines that are printed while the block runs."""
        if self._bars:
            self._bars.stop()
        try:
            yield
        finally:
            if self._bars:
                self._bars.start()

    def track(self, task: str, items: Iterable[T], total: int) -> Iterator[T]:
        """Yield the items; each is one step of the task."""
        self.update(task, 0, total)
        for done, item in enumerate(items, start=1):
            self.update(task, done, total)
            yield item


@contextmanager
def show_progress(stream: TextIO) -> Iterator[Progress]:
    """Show on stderr how far the tasks in the block are, if it is a terminal; leave nothing."""
    if not stream.isatty():
        yield Progress()
        return
    from rich.progress import Progress as Bars

    with Bars(console=console(stream), transient=True) as bars:
        yield Progress(bars)


def print_json(document: object, out: TextIO) -> None:
    """Print a document as JSON."""
    json.dump(document, out, indent=2)
    out.write("\n")
