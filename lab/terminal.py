"""Prints for people: a console, tables, progress, and JSON."""

import json
from typing import TextIO

from rich.console import Console
from rich.progress import Progress

from exporter.command.table import print_table

__all__ = ["Progress", "console", "print_json", "print_table", "show_progress"]

# Columns of an output that is no terminal: nothing is cut off in a file or pipe
_WIDE = 10_000


def console(stream: TextIO) -> Console:
    """Return rich's console: without colours and unbounded if it is no terminal."""
    return Console(
        file=stream,
        width=None if stream.isatty() else _WIDE,
        highlight=False,
        markup=False,
        emoji=False,
    )


def show_progress(stream: TextIO) -> Progress:
    """Return what shows how far tasks are, if the stream is a terminal."""
    shows = stream.isatty()
    return Progress(
        console=console(stream),
        auto_refresh=shows,
        transient=True,
        disable=not shows,
    )


def print_json(document: object, out: TextIO) -> None:
    """Print a document as JSON."""
    json.dump(document, out, indent=2)
    out.write("\n")
