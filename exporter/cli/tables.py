"""Tables at a terminal or in a pipe.

They print 10,000 rows at once; rich's own tables take seconds for that.
"""

from __future__ import annotations

import functools
import itertools
from typing import TYPE_CHECKING, TextIO, TypeAlias

from rich.cells import cell_len
from rich.text import Text

from exporter.cli.terminal import console
from exporter.text import printable

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from rich.console import Console

Cell: TypeAlias = str | tuple[str, str]
"""A cell's text, alone or with its style at a terminal, such as ``bold red``."""

_GAP = 2
_NARROWEST = 10
"""Columns that the last cell keeps, however narrow the terminal is."""


def print_table(
    headings: Sequence[str],
    rows: Iterable[Sequence[Cell] | str],
    out: TextIO,
    *,
    right: Collection[str] = (),
) -> None:
    """Print a table whose columns are as wide as their content.

    On a narrow terminal the last column folds. Control characters are escaped.

    Args:
        headings: The name of each column, printed in capitals.
        rows: The cells of each row. A row that is a string is a title above the rows below it.
        out: Where to print.
        right: The headings of the columns that are aligned right: numbers.
    """
    heading = [(name.upper(), "bold") for name in headings]
    table: list[Sequence[Cell] | str] = [heading, *rows]
    widths = _widths(row for row in table if not isinstance(row, str))
    numbers = [name in right for name in headings]
    terminal = console(out)

    def lines() -> Iterator[Text]:
        # One at a time: a Text for every cell of a large table takes hundreds of MiB.
        for row in table:
            if isinstance(row, str):
                yield Text(printable(row), "bold")
            else:
                yield from _lines([_text(cell) for cell in row], widths, numbers, terminal)

    if terminal.is_terminal:
        terminal.print(Text("\n").join(lines()), soft_wrap=True)
    else:
        out.writelines(f"{line.plain}\n" for line in lines())


def fits(headings: Sequence[str], rows: Iterable[Sequence[Cell]], out: TextIO) -> bool:
    """Return whether the output is wide enough for a table, without folding."""
    widths = _widths(itertools.chain([headings], rows))
    return sum(widths) + _GAP * (len(widths) - 1) <= console(out).width


def _text(cell: Cell) -> Text:
    text, style = (cell, "") if isinstance(cell, str) else cell
    return Text(printable(text), style)


def _widths(rows: Iterable[Sequence[Cell]]) -> list[int]:
    lengths = ([cell_len(_text(cell).plain) for cell in row] for row in rows)
    return functools.reduce(lambda widest, row: [*map(max, widest, row)], lengths)


def _lines(
    row: Sequence[Text], widths: Sequence[int], numbers: Sequence[bool], terminal: Console
) -> Iterator[Text]:
    """Yield a row's line, and more of them where its last cell folds."""
    line = Text()
    for cell, width, number in zip(row[:-1], widths, numbers, strict=False):
        space = " " * (width - cell_len(cell.plain))
        line.append(space if number else "").append_text(cell)
        line.append(("" if number else space) + " " * _GAP)
    last, indent = row[-1], len(line.plain)
    if numbers[-1]:
        line.append(" " * (widths[-1] - cell_len(last.plain)))
    room = max(terminal.width - cell_len(line.plain), _NARROWEST)
    first, *folded = last.wrap(terminal, room) if cell_len(last.plain) > room else [last]
    for piece in (first, *folded):
        line.append_text(piece).rstrip()
        yield line
        line = Text(" " * indent)
