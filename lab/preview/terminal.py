"""Prints a notification at a terminal, much as Slack shows it."""

import re
from typing import TextIO

from markdown_it import MarkdownIt
from rich.console import Console, RenderableType
from rich.markdown import Markdown
from rich.padding import Padding
from rich.text import Text

from exporter.text import printable
from lab.preview.notification import LINK, Notification
from lab.terminal import console

_WIDEST = 100  # columns of a line that is easy to read
_INDENT = 2


def print_notification(shown: Notification, heading: str, out: TextIO) -> None:
    """Print a heading and a notification."""
    terminal = console(out)
    terminal.print(Text(printable(heading), "bold reverse"), soft_wrap=True)
    print_texts(terminal, shown)
    out.write("\n")


def print_texts(terminal: Console, shown: Notification) -> None:
    """Print the subject, the text and the links of a notification."""
    _print(terminal, Text(f"\n{shown.fill(shown.policy.subject)}\n", "bold"))
    urls: dict[str, int] = {}

    def number(address: str) -> int:
        return urls.setdefault(shown.url(address), len(urls) + 1)

    def numbered(link: re.Match[str]) -> str:
        return f"{link[1]} \\[{number(link[2])}]"

    text = LINK.sub(numbered, shown.policy.content)
    content = Markdown("")
    # Without HTML, which Slack has none of: a mention stays as it is.
    content.parsed = MarkdownIt("js-default").parse(shown.fill(text))
    _print(terminal, content)
    links = [f"{link.display_name} [{number(link.url)}]" for link in shown.policy.links]
    if links:
        _print(terminal, Text(shown.fill("\n" + " · ".join(links))))
    for url, index in urls.items():
        # On one line, so that a terminal can open it.
        terminal.print(Text(f"{' ' * _INDENT}[{index}] {url}", "dim"), soft_wrap=True)


def _print(terminal: Console, content: RenderableType) -> None:
    """Print in lines of readable length, without the blanks that fill them."""
    width = min(terminal.width, _WIDEST)
    with terminal.capture() as printed:
        terminal.print(Padding(content, (0, 0, 0, _INDENT)), width=width)
    for line in printed.get().splitlines():
        terminal.file.write(f"{line.rstrip()}\n")
