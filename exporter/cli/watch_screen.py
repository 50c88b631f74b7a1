"""``watch`` at a terminal: its log and its fleet on one screen."""

from __future__ import annotations

import logging
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from rich.padding import Padding

from exporter.cli.fleet_view import FleetView
from exporter.cli.terminal import LEAVE_SCREEN, console, show_screen
from exporter.log.lines import FIELDS, LOGGER, Text, handled_by
from exporter.log.run_log import RUN, SHOWN, RunLog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.text import Text as Line

    from exporter.cli.signals import Signals
    from exporter.run import Report

_STYLES = {logging.WARNING: "yellow", logging.ERROR: "bold red", logging.CRITICAL: "bold red"}


@contextmanager
def watch_screen(out: TextIO, err: TextIO, signals: Signals) -> Iterator[Callable[[Report], None]]:
    """Show the fleet on a terminal while the block runs; yield what takes each run's report.

    Below the table stands the log. What it says also stays in the terminal's history afterwards,
    and goes to ``err`` at once if that is no terminal.

    Args:
        out: The terminal.
        err: Where the log goes otherwise.
        signals: What a second signal has to clean up.
    """
    view = FleetView()
    handlers: list[logging.Handler] = [_Below(view)]
    if not err.isatty():
        handlers += LOGGER.handlers
    run_log = RunLog(first_shown=True)

    def show(report: Report) -> None:
        view.update(report.measurement, time.monotonic())
        run_log.log(report)

    def frame(width: int, height: int) -> list[Line]:
        return view.screen(width, height, time.monotonic())

    with handled_by(*handlers):
        signals.restore = LEAVE_SCREEN
        try:
            with show_screen(out, frame):
                yield show
        finally:
            signals.restore = b""
            if err.isatty():
                history = console(err)
                for indent, line in view.log:
                    history.print(Padding(line, (0, 0, 0, indent), expand=False))


class _Below(logging.Handler):
    """Puts each line of the log below the table, and the last run's summary above it."""

    def __init__(self, view: FleetView) -> None:
        super().__init__()
        self.setFormatter(Text(times=True))
        # The list of what to look at says the same.
        self.addFilter(lambda record: not getattr(record, SHOWN, False))
        self._view = view

    def emit(self, record: logging.LogRecord) -> None:
        """Show a record."""
        line = self.format(record)
        style = _STYLES.get(record.levelno, "")
        fields = getattr(record, FIELDS, {})
        if fields.get("event") == RUN and not str(fields["node_id"]).startswith("objects"):
            self._view.show_status(line, style)
        else:
            self._view.add_line(line, style)
