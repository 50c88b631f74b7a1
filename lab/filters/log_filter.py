"""Filters and label extractors of log policies, evaluated against a log entry."""

import operator
import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Literal, get_args

from lark import Lark, Token, Transformer, UnexpectedInput, UnexpectedToken, v_args
from lark.exceptions import VisitError

from exporter.text import quote

# A log entry's, in rising order; google.logging.type.LogSeverity
Severity = Literal[
    "DEFAULT",
    "DEBUG",
    "INFO",
    "NOTICE",
    "WARNING",
    "ERROR",
    "CRITICAL",
    "ALERT",
    "EMERGENCY",
]

_SEVERITIES: tuple[str, ...] = get_args(Severity)

_SUPPORTED = {
    "log_filter": (
        'write one comparison a line, such as severity>=ERROR or resource.type="…", or'
        ' log_id("…"), each may have NOT before it; parentheses join several by'
        " AND or OR"
    ),
    "extractor": 'write EXTRACT(path) or REGEXP_EXTRACT(path, "expression")',
}

_Entry = Mapping[str, Any]
_Term = Callable[[_Entry], bool]
_Extractor = Callable[[_Entry], str]

_ORDERS: Mapping[str, Callable[[int, int], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class FilterError(ValueError):
    """A filter or an extractor that is not supported; ``str()`` says what is."""


def parse_log_filter(text: str) -> _Term:
    """Return a function that says whether an entry passes a filter.

    An entry is nested mappings. Raise FilterError for a text that is no filter.
    """
    return _parsed(text, "log_filter")


def parse_extractor(text: str) -> _Extractor:
    """Return a function that returns an entry's label, empty where it has none.

    The text is ``EXTRACT(path)`` or ``REGEXP_EXTRACT(path, "…")``; for any other, raise
    FilterError.
    """
    return _parsed(text, "extractor")


def _parsed(text: str, start: str) -> Callable[[_Entry], Any]:
    """Return what a text means by a rule of ``filters.lark``, or raise FilterError."""
    try:
        return _Terms().transform(_parser().parse(text, start=start))
    except UnexpectedInput as error:
        problem = f"{quote(text)} ends too early"
        if not isinstance(error, UnexpectedToken) or error.token.type != "$END":
            rest = text[error.pos_in_stream :].splitlines()[0]
            kind = start.rpartition("_")[2]
            at = f"line {error.line}, column {error.column} of the {kind}"
            problem = f"{quote(rest)} ({at}) is not supported"
        raise FilterError(f"{problem}; {_SUPPORTED[start]}") from None
    except VisitError as error:
        raise error.orig_exc from None


@cache
def _parser() -> Lark:
    return Lark.open(
        "filters.lark", rel_to=__file__, parser="lalr", start=list(_SUPPORTED)
    )


def _unquoted(literal: str) -> str:
    """Return the text of a literal: a word, or a string in quotes."""
    if literal.startswith('"'):
        return re.sub(r'\\([\\"])', r"\1", literal[1:-1])
    return literal


def _field_text(entry: _Entry, path: str) -> str | None:
    """Return the value at a dotted path as text, or None where there is none."""
    value: Any = entry
    for part in re.findall(r'\w+|"[^"]+"', path):
        if not isinstance(value, dict):
            return None
        value = value.get(part.strip('"'))
    if value is None or isinstance(value, dict):
        return None
    text = str(value)
    return text.lower() if isinstance(value, bool) else text


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise FilterError(
            f"{quote(pattern)} is not a regular expression: {error}"
        ) from None


def _compares(found: str, sign: str, value: str) -> bool:
    if sign in {"=", "!="}:
        return (found.lower() == value.lower()) is (sign == "=")
    if sign in {"=~", "!~"}:
        return bool(re.search(value, found)) is (sign == "=~")
    return _ORDERS[sign](_SEVERITIES.index(found), _SEVERITIES.index(value))


@v_args(inline=True)
class _Terms(Transformer[Token, Callable[[_Entry], Any]]):
    """Makes a function on entries of each term of the grammar."""

    def log_group(self, *terms: _Term) -> _Term:
        return lambda entry: all(holds(entry) for holds in terms)

    log_filter = log_group

    def log_choice(self, *terms: _Term) -> _Term:
        return lambda entry: any(holds(entry) for holds in terms)

    def log_not(self, term: _Term) -> _Term:
        return lambda entry: not term(entry)

    def log_id(self, literal: Token) -> _Term:
        # Entries carry it within their logName, with its slash escaped.
        log = re.escape(_unquoted(literal)).replace("/", "(?:/|%2F)")
        pattern = re.compile(f"/logs/{log}$")
        return lambda entry: bool(pattern.search(_field_text(entry, "logName") or ""))

    def log_comparison(self, path: Token, sign: Token, literal: Token) -> _Term:
        value = _unquoted(literal)
        if sign in _ORDERS and (path != "severity" or value not in _SEVERITIES):
            raise FilterError(
                f"{quote(f'{path}{sign}{literal}')} is not supported; only severity is"
                f" compared by order, with {', '.join(_SEVERITIES)}"
            )
        if sign in {"=~", "!~"}:
            _compiled(value)

        def holds(entry: _Entry) -> bool:
            found = _field_text(entry, path)
            # A field that is not there compares with nothing, not even as unequal.
            return found is not None and _compares(found, sign, value)

        return holds

    def extractor(self, path: Token, literal: Token | None = None) -> _Extractor:
        if literal is None:
            return lambda entry: _field_text(entry, path) or ""
        pattern = _compiled(_unquoted(literal))

        def extract(entry: _Entry) -> str:
            found = pattern.search(_field_text(entry, path) or "")
            # The first group counts; without one, all that matches.
            return found[min(pattern.groups, 1)] if found else ""

        return extract
