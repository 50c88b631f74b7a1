"""The Markdown of an alert's text.

Cloud Monitoring knows headings, lists, bold, italics and links:
https://cloud.google.com/monitoring/alerts/doc-variables#using-markdown. Slack also shows code
spans. A template is read before its variables are filled, so no value can become markup.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from markdown_it import MarkdownIt

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from markdown_it.token import Token

_RULES = ("heading", "list", "emphasis", "link", "backticks", "newline", "escape")
_SLACK_CONTROL = re.compile(r"<(?:[!@#]|https?:|mailto:)[^>]*>")
"""What Slack reads as a mention or a link: https://docs.slack.dev/messaging/formatting-message-text"""


class Span(NamedTuple):
    """A part of a line with one style. Its text and address may contain variables."""

    text: str
    bold: bool = False
    italic: bool = False
    code: bool = False
    url: str = ""


class Block(NamedTuple):
    """A paragraph, a heading or an item of a list.

    Attributes:
        spans: The text.
        marker: ``-`` or a number such as ``1.`` for an item of a list; else empty.
        heading: Whether it is a heading.
    """

    spans: tuple[Span, ...]
    marker: str = ""
    heading: bool = False


class _Parser(MarkdownIt):
    """Leaves addresses as they are: they contain variables."""

    def normalizeLink(self, url: str) -> str:  # noqa: N802 - the library's name
        return url


@cache
def _parser() -> _Parser:
    parser = _Parser("zero")
    parser.enable(_RULES)
    return parser


def parse_markdown(text: str) -> tuple[Block, ...]:
    """Return the blocks of a Markdown text."""
    blocks: list[Block] = []
    marker = ""
    heading = False
    for token in _parser().parse(text):
        if token.type == "list_item_open":
            marker = f"{token.info}." if token.info else "-"
        elif token.type in {"heading_open", "heading_close"}:
            heading = token.type == "heading_open"
        elif token.type == "inline":
            blocks.append(Block(tuple(_spans(token.children or ())), marker, heading))
            marker = ""
    return tuple(blocks)


def _spans(tokens: Sequence[Token]) -> Iterator[Span]:
    style = Span("")
    for token in tokens:
        match token.type:
            case "strong_open" | "strong_close":
                style = style._replace(bold=token.type == "strong_open")
            case "em_open" | "em_close":
                style = style._replace(italic=token.type == "em_open")
            case "link_open" | "link_close":
                style = style._replace(url=str(token.attrs.get("href", "")))
            case "softbreak" | "hardbreak":
                yield style._replace(text=" ")
            case _ if token.content:
                yield style._replace(text=token.content, code=token.type == "code_inline")


def structure(text: str) -> tuple[object, ...]:
    """Return all of a Markdown text but its words: two texts with one structure look alike."""
    return tuple(
        (block.marker, block.heading, *((span[1:-1], bool(span.url)) for span in block.spans))
        for block in parse_markdown(text)
    )


def controls(text: str) -> tuple[str, ...]:
    """Return what isn't text in any channel: Slack's control sequences, control characters."""
    return (*_SLACK_CONTROL.findall(text), *(each for each in text if not each.isprintable()))
