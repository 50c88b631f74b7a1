"""Prints for people: tables, JSON, and the progress of long work.

rich is imported only where a person watches, never on Cloud Run.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import Any, TextIO, TypeAlias, TypeVar

from exporter.text import printable

T = TypeVar("T")

# A cell's text, alone or with its style at a terminal, such as ``bold red``
Cell: TypeAlias = str | tuple[str, str]

# Columns of an output that is not a terminal: nothing is cut off in a file or a pipe
_WIDE = 10_000


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


def console(stream: TextIO) -> Any:
    """Return rich's console for a stream: as wide as the terminal, or unbounded if it is not one.

    Colours are left out if the stream is not a terminal or NO_COLOR is set.
    """
    from rich.console import Console

    width = None if stream.isatty() else _WIDE
    return Console(file=stream, width=width, highlight=False, markup=False, emoji=False)


def print_json(document: object, out: TextIO) -> None:
    """Print a document as JSON."""
    json.dump(document, out, indent=2)
    out.write("\n")


def print_table(
    headings: Sequence[str],
    rows: Iterable[Sequence[Cell]],
    out: TextIO,
    right: Collection[str] = (),
) -> None:
    """Print a table whose columns are as wide as their content, with control characters escaped.

    ``right`` names the columns that are aligned right: numbers. rich's own tables take seconds for
    10,000 rows.
    """
    from rich.cells import cell_len
    from rich.text import Text

    table = [[(name.upper(), "bold") for name in headings]]
    for row in rows:
        cells = [(cell, "") if isinstance(cell, str) else cell for cell in row]
        table.append([(printable(text), style) for text, style in cells])
    widths = [max(cell_len(text) for text, _ in column) for column in zip(*table, strict=True)]
    lines = []
    for row in table:
        line = Text()
        for name, (text, style), width in zip(headings, row, widths, strict=True):
            space = " " * (width - cell_len(text))
            line.append(space if name in right else "").append(text, style)
            line.append(("" if name in right else space) + "  ")
        line.rstrip()
        lines.append(line)
    if out.isatty():
        console(out).print(Text("\n").join(lines), soft_wrap=True)
    else:
        out.writelines(f"{line.plain}\n" for line in lines)
