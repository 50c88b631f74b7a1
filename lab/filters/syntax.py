"""Parses filters and label extractors, and says where one is not supported."""

import re
from functools import cache
from typing import Any

from lark import Lark, Token, Transformer, UnexpectedInput, UnexpectedToken
from lark.exceptions import VisitError

from exporter.text import quote

_SUPPORTED = {
    "log_filter": (
        'write one comparison a line, such as severity>=ERROR or resource.type="…", or log_id("…"),'
        " each with NOT before it if need be; parentheses join several by AND or OR"
    ),
    "monitoring_filter": (
        'write comparisons joined by AND, such as metric.type = "…", with = or != and a string,'
        " starts_with, ends_with, has_substring, one_of or monitoring.regex.full_match"
    ),
    "extractor": 'write EXTRACT(path) or REGEXP_EXTRACT(path, "expression")',
}


class FilterError(ValueError):
    """A filter or an extractor that is not supported; ``str()`` says where and what is."""


def parse(text: str, start: str, made: Transformer[Token, Any]) -> Any:
    """Return what a transformer makes of a text that follows a rule of ``filters.lark``.

    Raises:
        FilterError: It holds something that is not supported.
    """
    try:
        return made.transform(_parser().parse(text, start=start))
    except UnexpectedInput as error:
        if isinstance(error, UnexpectedToken) and error.token.type == "$END":
            raise FilterError(f"{quote(text)} ends too early; {_SUPPORTED[start]}") from None
        rest = text[error.pos_in_stream :].splitlines()[0]
        at = f"line {error.line}, column {error.column} of the {start.rpartition('_')[2]}"
        raise FilterError(f"{quote(rest)} ({at}) is not supported; {_SUPPORTED[start]}") from None
    except VisitError as error:
        raise error.orig_exc from None


def unquoted(literal: str) -> str:
    """Return the text of a literal: a word, or a string in quotes."""
    return re.sub(r'\\([\\"])', r"\1", literal[1:-1]) if literal.startswith('"') else literal


@cache
def _parser() -> Lark:
    starts = list(_SUPPORTED)
    return Lark.open("filters.lark", rel_to=__file__, parser="lalr", start=starts)
