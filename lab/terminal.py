"""Shows the progress of long work, and prints JSON."""

import json
from typing import TextIO

from rich.progress import Progress

from exporter.command.terminal import console, print_table

__all__ = ["Progress", "console", "print_json", "print_table", "show_progress"]


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
