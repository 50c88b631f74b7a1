"""What the commands show with: moments and spans in words, tables, and how far they are."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn
from rich.progress import Progress as Bars
from rich.progress import TimeElapsedColumn as Elapsed
from rich.table import Table
from rich.text import Text

from exporter.cli.fleet import console
from exporter.text import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence


def print_json(document: Any, out: TextIO) -> None:
    """Print a document as JSON."""
    json.dump(document, out, indent=2, ensure_ascii=False)
    out.write("\n")


def print_table(
    headings: Sequence[str],
    rows: Iterable[Sequence[str]],
    out: TextIO,
    *,
    styles: Mapping[str, str] | None = None,
    right: Iterable[str] = (),
) -> None:
    """Print a table; the last column is folded where the terminal is too narrow for it.

    Args:
        headings: The name of each column, which is shown in capitals.
        rows: The cells.
        out: Where to.
        styles: How a cell that holds just this text is coloured at a terminal.
        right: Which columns hold numbers, and are aligned at their right.
    """
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    numbers = set(right)
    for heading in headings:
        folds = heading == headings[-1]
        table.add_column(
            heading.upper(),
            justify="right" if heading in numbers else "left",
            no_wrap=not folds,
            overflow="fold" if folds else "ellipsis",
        )
    for row in rows:
        cells = [printable(cell) for cell in row]
        table.add_row(*(Text(cell, (styles or {}).get(cell, "")) for cell in cells))
    shown = console(out)
    with shown.capture() as captured:
        shown.print(table)
    # Nothing is gained by the spaces that fill the last column.
    out.writelines(f"{line.rstrip()}\n" for line in captured.get().splitlines())


class Steps:
    """How far a command is; this one keeps quiet, as nobody watches."""

    def done(self) -> None:
        """Take note that one more step is done."""

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Make room for what is printed while the block runs."""
        yield


class _Shown(Steps):
    def __init__(self, bars: Bars, what: str, total: int | None) -> None:
        self._bars = bars
        self._task = bars.add_task(what, total=total)

    def done(self) -> None:
        self._bars.advance(self._task)

    @contextmanager
    def aside(self) -> Iterator[None]:
        self._bars.stop()
        try:
            yield
        finally:
            self._bars.start()


@contextmanager
def progress(err: TextIO, what: str, total: int | None = None) -> Iterator[Steps]:
    """Show how far a command is for as long as the block runs, at a terminal alone.

    Args:
        err: Where talk goes.
        what: What is done, such as ``playing scenarios``.
        total: How many steps there are; None where nobody knows.
    """
    if not err.isatty():
        yield Steps()
        return
    counted = (BarColumn(), MofNCompleteColumn()) if total else ()
    columns = (SpinnerColumn(), TextColumn("{task.description}"), *counted, Elapsed())
    with Bars(*columns, console=console(err), transient=True) as bars:
        yield _Shown(bars, what, total)
