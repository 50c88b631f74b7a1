"""Shows a person a run: the fleet, what was written, and the screen of ``watch``."""

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TextIO

from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from exporter import logs
from exporter.config import Config
from exporter.expectations import ComparedStream
from exporter.measure import GLOBAL, Sample, definitions
from exporter.report import Report
from exporter.summary import UNREADABLE, FailureGroup, failure_groups, fleet, urgency
from exporter.terminal import Cell, console, print_table
from exporter.text import printable

_HEADINGS = ("stream", "project", "location", "state", "expected", "errors")
_METRIC_GROUPS = ("location", "stream", "private_connection", "exporter")


@dataclass(frozen=True, slots=True)
class _Row:
    """A stream as tables show it."""

    stream: str
    project: str
    location: str
    state: str
    expected: str
    errors: str
    problem: str  # what is wrong with it
    style: str  # at a terminal

    @property
    def name(self) -> tuple[str, str, str]:
        """What it is called."""
        return self.stream, self.project, self.location

    @property
    def cells(self) -> tuple[Cell, ...]:
        """What stands below each of ``_HEADINGS``."""
        return (*self.name, (self.state, self.style), self.expected, self.errors)

    @property
    def urgency(self) -> tuple[object, ...]:
        """What to sort by: failed first, then not as expected, then with a problem."""
        first = urgency(self.state)
        return first, self.expected == "yes", not self.problem, self.name


def _rows(report: Report) -> Iterator[_Row]:
    """Yield every stream that was read, the missing ones, and what is unknown."""
    for location in report.locations:
        for one in location.streams:
            yield _stream_row(one)
    for group in failure_groups(report):
        if group.event == UNREADABLE and group.names[0].location != GLOBAL:
            yield _unread_row(group)


def _stream_row(one: ComparedStream) -> _Row:
    project, location, stream = one.name
    errors = str(one.stream.errors) if one.stream else "-"
    if one.expected:
        style = "green"
    elif one.failed or one.stream is None:
        style = "bold red"
    else:
        style = "yellow"
    return _Row(
        stream=stream,
        project=project,
        location=location,
        state=one.state,
        expected="yes" if one.expected else "no",
        errors=errors,
        problem=one.problem,
        style=style,
    )


def _unread_row(group: FailureGroup) -> _Row:
    first, count = group.names[0], len(group.names)
    return _Row(
        stream="?",
        project=first.project,
        location=first.location if count == 1 else f"{count} locations",
        state="unknown",
        expected="?",
        errors="?",
        problem=group.text,
        style="magenta",
    )


def print_report(report: Report, config: Config, out: TextIO) -> None:
    """Print the fleet, then what was or would be written."""
    rows = sorted(_rows(report), key=lambda row: row.project)
    terminal = console(out)
    if rows:
        cells = [row.cells for row in rows]
        print_table(_HEADINGS, cells, out, right=("errors",))
    else:
        terminal.print(f"No streams found: {fleet(report)}.")
    written, project = report.written, config.metrics.project
    if not written.complete:
        heading = f"Due in {project}, though not all of it was written"
    elif written.accepted:
        heading = f"Written to {project}"
    else:
        heading = f"A run would write to {project}"
    _print_points(heading, report.samples, terminal)


def _print_points(heading: str, samples: Sequence[Sample], terminal: Any) -> None:
    """Print how many points a run has of each metric."""
    terminal.print(Text(f"\n{heading}", "bold"))
    terminal.print(f"  {len(samples):,} points of {definitions()['prefix']}/…")
    counts = Counter(sample.metric.name for sample in samples)
    for group in _METRIC_GROUPS:
        start = f"{group}/"
        values = [
            f"{name.removeprefix(start)} {count:,}"
            for name, count in counts.items()
            if name.startswith(start)
        ]
        if values:
            terminal.print(f"    {start:<10} {', '.join(values)}")


@contextmanager
def fleet_screen(out: TextIO, err: TextIO) -> Iterator[Callable[[Report], None]]:
    """Show the fleet on a terminal, below the log; yield what takes each report."""
    with Live(console=console(out), auto_refresh=False) as live:

        def show(report: Report) -> None:
            live.update(_screen(report, live.console.height), refresh=True)

        # rich has put a stream in sys.stderr's place that prints above the table.
        log = sys.stderr if err.isatty() else err
        with logs.logging_to(log, logs.Text(times=True)):
            yield show


def _screen(report: Report, height: int) -> Group:
    """Return the worst rows that fit on a screen, and how many more there are."""
    rows = sorted(_rows(report), key=lambda row: row.urgency)
    room = max(1, height - 4)
    headings = [heading.upper() for heading in (*_HEADINGS, "problem")]
    table = Table(*headings, box=None, pad_edge=False)
    for column in table.columns[:-1]:
        column.no_wrap = True
    for row in rows[:room]:
        # On a narrow terminal the problem is cut.
        problem = Text(printable(row.problem), no_wrap=True, overflow="ellipsis")
        cells = (*row.name, row.state, row.expected, row.errors)
        table.add_row(*map(printable, cells), problem, style=row.style)
    parts: list[Any] = [table]
    if len(rows) > room:
        parts.append(f"and {len(rows) - room:,} more")
    parts.append(Text(fleet(report), "bold"))
    return Group(*parts)
