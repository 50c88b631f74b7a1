"""Prints for people: a console, tables, progress, and JSON."""

from threading import Event, Thread
from typing import Self, TextIO

from rich import progress
from rich.console import Console

from exporter.command.table import print_json, print_table
from exporter.logger import LOGGER
from lab.promql_durations import format_duration

__all__ = ["Progress", "console", "print_json", "print_table"]

_WIDE = 10_000  # columns of what is no terminal: nothing is cut


def console(stream: TextIO) -> Console:
    """Return rich's console: without colours and unbounded if it is no terminal."""
    return Console(
        file=stream,
        width=None if stream.isatty() else _WIDE,
        highlight=False,
        markup=False,
        emoji=False,
    )


class Progress(progress.Progress):
    """How far tasks are: a line that changes at a terminal, else one now and then."""

    # Between two lines, where there is no terminal; None: nobody is told
    tell_seconds: float | None = 30.0

    def __init__(self, stream: TextIO) -> None:
        shows = stream.isatty()
        super().__init__(
            progress.TextColumn("{task.description}"),
            progress.BarColumn(),
            progress.MofNCompleteColumn(separator=" of "),
            progress.TimeRemainingColumn(),
            console=console(stream),
            auto_refresh=shows,
            transient=True,
            disable=not shows,
        )
        self._ended = Event()

    def __enter__(self) -> Self:
        if self.disable:
            Thread(target=self._tell, daemon=True).start()
        super().__enter__()
        return self

    def __exit__(self, *raised: object) -> None:
        self._ended.set()
        self.stop()

    def _tell(self) -> None:
        """Log how far each task is, until the end."""
        while not self._ended.wait(self.tell_seconds):
            for task in self.tasks:
                if not task.finished:
                    seconds = round(task.time_remaining or 0)
                    left = f", about {format_duration(seconds)} left"
                    LOGGER.info(
                        "%s: %d of %d%s",
                        task.description,
                        task.completed,
                        task.total,
                        left if seconds else "",
                    )
