"""Reads the Markdown that Cloud Monitoring and Slack know.

https://cloud.google.com/monitoring/alerts/doc-variables#using-markdown. Slack also shows code.
"""

from collections.abc import Iterator
from functools import cache

from markdown_it import MarkdownIt
from markdown_it.token import Token

_RULES = ("heading", "list", "emphasis", "link", "backticks", "newline", "escape")


class _Parser(MarkdownIt):
    """Leaves addresses as they are: they contain variables."""

    def normalizeLink(self, url: str) -> str:  # noqa: N802 - the library's name
        return url


@cache
def _parser() -> _Parser:
    parser = _Parser("zero")
    parser.enable(_RULES)
    return parser


def parse(text: str) -> list[Token]:
    """Return the tokens of a Markdown text; those of a line are children of one."""
    return _parser().parse(text)


def tokens(text: str) -> Iterator[Token]:
    """Yield the tokens of a Markdown text and of its lines, one after the other."""
    for token in parse(text):
        yield token
        yield from token.children or ()
