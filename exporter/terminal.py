"""Prints for people: a console, and tables.

rich is imported only where a person watches, never on Cloud Run.
"""

from collections.abc import Collection, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TextIO, TypeAlias

from exporter.text import printable

# A cell's text, alone or with its style: ``bold red``
Cell: TypeAlias = str | tuple[str, str]
# Columns of an output that is no terminal: nothing is cut off in a file or pipe
_WIDE = 10_000


def console(stream: TextIO) -> Any:
    """Return rich's console: without colours and unbounded if it is no terminal."""
    from rich.console import Console

    width = None if stream.isatty() else _WIDE
    return Console(file=stream, width=width, highlight=False, markup=False, emoji=False)


def show_progress(stream: TextIO, what: str) -> AbstractContextManager[Any]:
    """Show at a terminal what is done while the block runs; leave nothing."""
    return console(stream).status(what) if stream.isatty() else nullcontext()


def print_table(
    headings: Sequence[str],
    rows: Iterable[Sequence[Cell]],
    out: TextIO,
    right: Collection[str] = (),
) -> None:
    """Print a table, its ``right`` columns aligned right.

    rich's own takes seconds for 10,000 rows.
    """
    from rich.cells import cell_len
    from rich.text import Text

    table = [[(heading.upper(), "bold") for heading in headings]]
    table += [[_text_and_style(cell) for cell in row] for row in rows]
    widths = [0] * len(headings)
    for row in table:
        for column, (text, _) in enumerate(row):
            widths[column] = max(widths[column], cell_len(text))
    lines = []
    for row in table:
        line = Text()
        for heading, (text, style), width in zip(headings, row, widths, strict=True):
            space = " " * (width - cell_len(text))
            if heading in right:
                line.append(space).append(text, style)
            else:
                line.append(text, style).append(space)
            line.append("  ")
        line.rstrip()
        lines.append(line)
    if out.isatty():
        console(out).print(Text("\n").join(lines), soft_wrap=True)
    else:
        out.writelines(f"{line.plain}\n" for line in lines)


def _text_and_style(cell: Cell) -> tuple[str, str]:
    text, style = (cell, "") if isinstance(cell, str) else cell
    return printable(text), style
