"""Progress at a terminal."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from exporter.cli.fleet import console
from exporter.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Iterator


class _Shown(Progress):
    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._reading = bars.add_task("reading locations", total=None)
        self._writing = bars.add_task("writing points", total=None, visible=False)

    def locations(self, done: int, known: int) -> None:
        self._bars.update(self._reading, completed=done, total=known)

    def points(self, settled: int) -> None:
        self._bars.update(self._writing, completed=settled, visible=True)


@contextmanager
def shown_progress(stream: TextIO) -> Iterator[Progress]:
    """Show how far a run is for as long as the block runs, and leave nothing behind."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Bars(*columns, TimeElapsedColumn(), console=console(stream), transient=True) as bars:
        yield _Shown(bars)
