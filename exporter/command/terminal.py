"""Prints for people: a console, and tables.

rich is imported only where a person watches, never on Cloud Run.
"""

from collections.abc import Collection, Iterable, Sequence
from itertools import zip_longest
from typing import Any, TextIO

from exporter.text import printable

# Columns of an output that is no terminal: nothing is cut off in a file or pipe
_WIDE = 10_000


def console(stream: TextIO) -> Any:
    """Return rich's console: without colours and unbounded if it is no terminal."""
    from rich.console import Console

    width = None if stream.isatty() else _WIDE
    return Console(
        file=stream,
        width=width,
        highlight=False,
        markup=False,
        emoji=False,
    )


def print_table(
    headings: Sequence[str],
    rows: Iterable[Sequence[str]],
    out: TextIO,
    right: Collection[str] = (),
    styles: Iterable[str] = (),
) -> None:
    """Print a table, its ``right`` columns aligned right.

    At a terminal, each row has its style, such as ``bold red``. rich's own table takes
    seconds for 10,000 rows.
    """
    titles = [heading.upper() for heading in headings]
    columns = []
    for heading, cells in zip(headings, zip(titles, *rows, strict=True), strict=True):
        column = [printable(cell) for cell in cells]
        width = max(map(len, column))
        align = str.rjust if heading in right else str.ljust
        columns.append([align(cell, width) for cell in column])
    lines = ["  ".join(row).rstrip() for row in zip(*columns, strict=True)]
    if not out.isatty():
        out.writelines(f"{line}\n" for line in lines)
        return
    terminal = console(out)
    for line, style in zip_longest(lines, ["bold", *styles]):
        terminal.print(line, style=style, soft_wrap=True)
