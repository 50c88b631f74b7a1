"""Shows the progress of long work, and prints JSON."""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO, TypeVar

from exporter.terminal import console, print_table

__all__ = ["Progress", "console", "print_json", "print_table", "show_progress"]

T = TypeVar("T")


class Progress:
    """Shows a bar for each task under way, if it has bars."""

    def __init__(self, bars: Any = None) -> None:
        self._bars = bars

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

    def track(
        self,
        task: str,
        items: Iterable[T],
        total: int,
    ) -> Iterator[T]:
        """Yield the items; each is one step of the task."""
        if self._bars is None:
            yield from items
            return
        bar = self._bars.add_task(task, total=total)
        for item in items:
            self._bars.advance(bar)
            yield item
        self._bars.remove_task(bar)


@contextmanager
def show_progress(stream: TextIO) -> Iterator[Progress]:
    """Show how far the tasks in the block are, if the stream is a terminal."""
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
