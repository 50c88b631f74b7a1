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
    """Return rich's console for a stream: without colours and unbounded if it is no terminal."""
    from rich.console import Console

    width = None if stream.isatty() else _WIDE
    return Console(file=stream, width=width, highlight=False, markup=False, emoji=False)


def show_progress(stream: TextIO, what: str) -> AbstractContextManager[Any]:
    """Show on stderr what is done while the block runs, if it is a terminal; leave nothing."""
    return console(stream).status(what) if stream.isatty() else nullcontext()


def print_table(
    headings: Sequence[str],
    rows: Iterable[Sequence[Cell]],
    out: TextIO,
    right: Collection[str] = (),
) -> None:
    """Print a table, the ``right`` columns aligned right: rich takes seconds for 10,000 rows."""
    from rich.cells import cell_len
    from rich.text import Text

    table = [[(name.upper(), "bold") for name in headings]]
    for row in rows:
        cells = [(cell, "") if isinstance(cell, str) else cell for cell in row]
        table.append([(printable(text), style) for text, style in cells])
    widths = [
        max(cell_len(text) for text, _ in column) for column in zip(*table, strict=True)
    ]
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
