"""How far a back-test is, at a terminal."""

from __future__ import annotations

from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, TextIO

from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn
from rich.progress import Progress as Bars
from rich.progress import TimeElapsedColumn as Elapsed

from exporter.cli.fleet import console
from exporter.text import plural
from lab.backtest.history_reading import Watcher

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.progress import TaskID


class _Shown(Watcher):
    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._lock = Lock()
        self._tasks: dict[str, TaskID] = {}

    def page(self, metric: str, pages: int, points: int) -> None:
        said = f"reading {metric}: {plural(pages, 'page')}, {plural(points, 'point')}"
        with self._lock:
            if metric in self._tasks:
                self._bars.update(self._tasks[metric], description=said)
            else:
                self._tasks[metric] = self._bars.add_task(said, total=None)

    def done(self, metric: str) -> None:
        with self._lock:
            task = self._tasks.pop(metric, None)
        if task is not None:
            self._bars.remove_task(task)


@contextmanager
def reading(err: TextIO) -> Iterator[Watcher]:
    """Show which metrics are being read for as long as the block runs, at a terminal alone."""
    if not err.isatty():
        yield Watcher()
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), Elapsed())
    with Bars(*columns, console=console(err), transient=True) as bars:
        yield _Shown(bars)


@contextmanager
def evaluating(err: TextIO) -> Iterator[Callable[[int, int], None]]:
    """Show how much of the time is evaluated for as long as the block runs, at a terminal alone."""
    if not err.isatty():
        yield lambda _done, _of: None
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Bars(*columns, Elapsed(), console=console(err), transient=True) as bars:
        task = bars.add_task("evaluating", total=None)

        def progress(done: int, of: int) -> None:
            bars.update(task, completed=done, total=of)

        yield progress
