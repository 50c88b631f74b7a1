"""Shows a person a run: the fleet, what to look at, what was written, and ``watch``'s screen."""

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, TextIO

from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from exporter import logs
from exporter.config import Config
from exporter.measure import GLOBAL, Sample, definitions
from exporter.report import Report
from exporter.run_log import UNREADABLE, failure_groups, fleet, name_all
from exporter.states import StreamState
from exporter.terminal import Cell, console, print_table
from exporter.text import printable

_HEADINGS = ("stream", "project", "location", "state", "expected", "errors")
_MOST_CONCERNS = 40
_WORST = (StreamState.FAILED_PERMANENTLY.name, "missing", StreamState.FAILED.name)


class _Row(NamedTuple):
    """A stream as tables show it, with its style at a terminal and what is wrong with it."""

    cells: tuple[str, ...]  # as in _HEADINGS
    style: str
    problem: str = ""


def _rows(report: Report) -> Iterator[_Row]:
    """Yield every stream of the cleanly read locations, the missing ones, and what is unknown."""
    for location in report.locations:
        for one in location.streams:
            project, where, stream_id = one.name
            errors = str(one.stream.errors) if one.stream else "-"
            expected = "yes" if one.expected else "no"
            bad = "bold red" if one.failed or one.stream is None else "yellow"
            cells = (stream_id, project, where, one.state, expected, errors)
            yield _Row(cells, "green" if one.expected else bad, one.problem)
    for group in failure_groups(report):
        if group.event == UNREADABLE and group.names[0].location != GLOBAL:
            first, count = group.names[0], len(group.names)
            where = first.location if count == 1 else f"{count} locations"
            cells = ("?", first.project, where, "unknown", "?", "?")
            yield _Row(cells, "magenta", group.text)


def print_report(report: Report, config: Config, out: TextIO) -> None:
    """Print the fleet, then what a person should look at, then what was or would be written."""
    rows = sorted(_rows(report), key=lambda row: row.cells[1])
    terminal = console(out)
    if rows:
        cells: list[Sequence[Cell]] = [
            (*row.cells[:3], (row.cells[3], row.style), *row.cells[4:]) for row in rows
        ]
        print_table(_HEADINGS, cells, out, right=("errors",))
    else:
        terminal.print(f"No streams found: {fleet(report)}.")
    concerns = list(_concerns(report))
    if rows or concerns:
        terminal.print(Text("\nLook at", "bold"))
    for subject, text in concerns[:_MOST_CONCERNS]:
        terminal.print(Text(f"  {printable(subject)}", "bold"))
        terminal.print(Text(f"    {printable(text)}"))
    if len(concerns) > _MOST_CONCERNS:
        terminal.print(f"  and {len(concerns) - _MOST_CONCERNS:,} more")
    if rows and not concerns:
        read = "every stream that was read" if report.skipped else "every stream"
        terminal.print(f"  nothing: {read} is as expected")
    written, project = report.written, config.metrics.project
    if written.settled != written.accepted:
        heading = f"Due in {project}, though not all of it was written"
    else:
        heading = (
            f"Written to {project}"
            if written.settled
            else f"A run would write to {project}"
        )
    _print_points(heading, report.samples, terminal)


def _concerns(report: Report) -> Iterator[tuple[str, str]]:
    """Yield what a person should look at, worst first: the subject and what is wrong with it."""
    bad = [one for location in report.locations for one in location.streams if one.bad]
    bad.sort(key=lambda one: (_rank(one.state), one.expected, one.name))
    for one in bad:
        yield str(one.name), one.problem
    for group in failure_groups(report):
        yield name_all(group.names), group.text


def _rank(state: str) -> int:
    return _WORST.index(state) if state in _WORST else len(_WORST)


def _print_points(heading: str, samples: tuple[Sample, ...], terminal: Any) -> None:
    """Print how many points a run has of each metric."""
    terminal.print(Text(f"\n{heading}", "bold"))
    terminal.print(f"  {len(samples):,} points of {definitions()['prefix']}/…")
    counts = Counter(sample.metric.name.partition("/")[::2] for sample in samples)
    for part in ("location", "stream", "private_connection", "exporter"):
        if values := [
            f"{name} {count:,}" for (of, name), count in counts.items() if of == part
        ]:
            terminal.print(f"    {part + '/':<10} {', '.join(values)}")


@contextmanager
def fleet_screen(out: TextIO, err: TextIO) -> Iterator[Callable[[Report], None]]:
    """Show the fleet on a terminal, below the log; yield what takes each run's report."""
    with Live(console=console(out), auto_refresh=False) as live:

        def show(report: Report) -> None:
            # What does not fit is counted; the worst are first.
            rows = sorted(_rows(report), key=_urgency)
            room = max(1, live.console.height - 4)
            table = Table(
                *map(str.upper, (*_HEADINGS, "problem")), box=None, pad_edge=False
            )
            for column in table.columns[:-1]:
                column.no_wrap = True
            for row in rows[:room]:
                # On a narrow terminal this is what is cut.
                problem = Text(
                    printable(row.problem), no_wrap=True, overflow="ellipsis"
                )
                table.add_row(*map(printable, row.cells), problem, style=row.style)
            more = [f"and {len(rows) - room:,} more"] if len(rows) > room else []
            live.update(Group(table, *more, Text(fleet(report), "bold")), refresh=True)

        # rich has put a stream in sys.stderr's place that prints above the table.
        log = sys.stderr if err.isatty() else err
        with logs.logging_to(log, logs.Text(times=True)):
            yield show


def _urgency(row: _Row) -> tuple[object, ...]:
    """Return what to sort a row by: failed first, then not as expected, then with a problem."""
    return _rank(row.cells[3]), row.cells[4] == "yes", not row.problem, row.cells
