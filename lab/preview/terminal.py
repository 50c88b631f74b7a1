"""Prints a notification at a terminal, much as Slack shows it."""

from typing import TextIO

from markdown_it.token import Token
from rich.console import Console, RenderableType
from rich.markdown import Markdown
from rich.padding import Padding
from rich.text import Text

from exporter.text import printable
from lab.preview.notification import Notification, parse
from lab.terminal import console

_WIDEST = 100  # columns of a line that is easy to read
_INDENT = 2


def print_notification(
    shown: Notification,
    heading: str,
    out: TextIO,
) -> None:
    """Print a heading, a notification, and how it reads with empty labels."""
    terminal = console(out)
    terminal.print(Text(printable(heading), "bold reverse"), soft_wrap=True)
    print_texts(terminal, shown)
    empty = shown.without_labels()
    if empty.policy.content:
        heading = "\nWhere Cloud Monitoring leaves the labels empty"
        _print(terminal, Text(heading, "dim"))
        print_texts(terminal, empty)
    out.write("\n")


def print_texts(terminal: Console, shown: Notification) -> None:
    """Print the subject, the text and the links of a notification."""
    subject = shown.fill(shown.policy.subject, printable)
    _print(terminal, Text(f"\n{subject}\n", "bold"))
    urls: dict[str, int] = {}
    content = Markdown("")
    # The variables are filled after the Markdown is read, so no value can become
    # markup.
    tokens = parse(shown.policy.content)
    content.parsed = [_filled(token, shown, urls) for token in tokens]
    _print(terminal, content)
    links = []
    for link in shown.policy.links:
        number = _number(shown.url(link.url), urls)
        links.append(f"{link.display_name} [{number}]")
    if links:
        _print(terminal, Text("\n" + " · ".join(links)))
    for url, number in urls.items():
        # On one line, so that a terminal can open it.
        terminal.print(Text(f"{' ' * _INDENT}[{number}] {url}", "dim"), soft_wrap=True)


def _filled(
    token: Token,
    shown: Notification,
    urls: dict[str, int],
) -> Token:
    """Return a token with its variables filled, and a number for each address."""
    children = []
    for child in token.children or ():
        if child.type == "link_open":
            number = _number(shown.url(str(child.attrs["href"])), urls)
        elif child.type == "link_close":
            children.append(Token("text", "", 0, content=f" [{number}]"))
        else:
            text = shown.fill(child.content, printable)
            children.append(child.copy(content=text))
    return token.copy(children=children if token.children else None)


def _number(url: str, urls: dict[str, int]) -> int:
    return urls.setdefault(url, len(urls) + 1)


def _print(terminal: Console, content: RenderableType) -> None:
    """Print in lines of readable length."""
    width = min(terminal.width, _WIDEST)
    terminal.print(Padding(content, (0, 0, 0, _INDENT)), width=width)
