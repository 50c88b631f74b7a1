"""Notifications at a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from rich.text import Text

from exporter.terminal import console
from exporter.text import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import Console

    from lab.preview.markup import Block
    from lab.preview.notification import Notification

_WIDEST = 100
"""Columns of a line that is easy to read."""
_INDENT = "  "


def print_notification(
    shown: Notification, heading: str, notes: Iterable[str], out: TextIO
) -> None:
    """Print a notification, and how it reads where Cloud Monitoring leaves the labels empty.

    Args:
        shown: The notification.
        heading: The line above it.
        notes: Lines below it.
        out: Where to print.
    """
    terminal = console(out)
    terminal.print(Text(printable(heading), "bold reverse"), soft_wrap=True)
    _print_texts(terminal, shown, shown.blocks, with_links=True)
    for note in notes:
        _print(terminal, Text(printable(note), "dim"))
    if shown.label_blocks:
        _print(terminal, Text("\nWhere Cloud Monitoring leaves the labels empty", "dim"))
        empty = shown.without_labels
        _print_texts(terminal, empty, empty.label_blocks, with_links=False)
    out.write("\n")


def _print_texts(
    terminal: Console, shown: Notification, blocks: Sequence[Block], *, with_links: bool
) -> None:
    subject = shown.fill(shown.policy.subject, printable)
    _print(terminal, Text(f"\n{subject}\n", "bold"))
    urls: list[str] = []

    def reference(address: str) -> str:
        url = shown.url(address)
        urls.extend([url] * (url not in urls))
        return f" [{urls.index(url) + 1}]"

    for before, block in zip((None, *blocks), blocks, strict=False):
        if before and not (before.marker and block.marker):
            terminal.print()
        line = Text(f"{block.marker} " if block.marker else "")
        for span in block.spans:
            quote = "`" if span.code else ""
            style = "bold" if span.bold or block.heading else "italic" if span.italic else ""
            line.append(f"{quote}{shown.fill(span.text, printable)}{quote}", style)
            if span.url and with_links:
                line.append(reference(span.url), "dim")
        _print(terminal, line)
    if with_links:
        links = (f"{link.display_name}{reference(link.url)}" for link in shown.policy.links)
        _print(terminal, Text("\n" + " · ".join(links)))
        for number, url in enumerate(urls, 1):
            # On one line, so that a terminal can open it.
            terminal.print(Text(f"{_INDENT}[{number}] {url}", "dim"), soft_wrap=True)


def _print(terminal: Console, text: Text) -> None:
    """Print a text in lines of readable length."""
    for line in text.wrap(terminal, min(terminal.width, _WIDEST) - len(_INDENT)):
        line.rstrip()
        terminal.print(Text(_INDENT if line else "").append_text(line), soft_wrap=True)
