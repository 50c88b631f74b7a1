"""Filters and label extractors of policies on log entries, evaluated against an entry."""

from __future__ import annotations

import operator
import re
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

from exporter.text import quote
from lab.filters import syntax
from lab.filters.syntax import (
    Comparison,
    Extractor,
    FilterError,
    Group,
    LogId,
    parse_log_terms,
    unquoted,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from lab.filters.syntax import LogTerm

Severity = Literal[
    "DEFAULT", "DEBUG", "INFO", "NOTICE", "WARNING", "ERROR", "CRITICAL", "ALERT", "EMERGENCY"
]
"""A log entry's, in rising order; google.logging.type.LogSeverity."""

SEVERITIES: tuple[str, ...] = get_args(Severity)

_ORDERS: Mapping[str, Callable[[int, int], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(frozen=True, slots=True)
class LogFilter:
    """A filter on log entries; each of its terms has to hold."""

    terms: tuple[LogTerm, ...]

    def accepts(self, entry: Mapping[str, Any]) -> bool:
        """Return whether an entry, as nested mappings, passes."""
        return all(_results(self.terms, entry))

    def __str__(self) -> str:
        """Return the filter's text, one term a line."""
        return "\n".join(map(str, self.terms))


def parse_log_filter(text: str) -> LogFilter:
    """Return the filter on log entries that a text holds.

    Raises:
        FilterError: It holds something that is not supported.
    """
    terms = parse_log_terms(text)
    for term in terms:
        _check(term)
    return LogFilter(terms)


def parse_extractor(text: str) -> Extractor:
    """Return the label extractor that a text holds.

    Raises:
        FilterError: It is not supported, or its regular expression is not valid.
    """
    extractor = syntax.parse_extractor(text)
    if extractor.literal is not None:
        _check_regex(unquoted(extractor.literal))
    return extractor


def extract_label(extractor: Extractor, entry: Mapping[str, Any]) -> str:
    """Return the value that an extractor takes from an entry; empty where there is none."""
    value = field_text(entry, extractor.path) or ""
    if extractor.literal is None:
        return value
    found = re.search(unquoted(extractor.literal), value)
    if not found:
        return ""
    return found[1] if found.re.groups else found[0]


def field_text(entry: Mapping[str, Any], path: str) -> str | None:
    """Return the value at a dotted path as text, or None where there is none."""
    value: Any = entry
    for part in re.findall(r'\w+|"[^"]+"', path):
        value = value.get(part.strip('"')) if isinstance(value, dict) else None
    if value is None or isinstance(value, dict):
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)


def _check(term: LogTerm) -> None:
    if isinstance(term, Group):
        for each in term.terms:
            _check(each)
    elif isinstance(term, Comparison):
        _check_comparison(term)


def _check_comparison(term: Comparison) -> None:
    (value,) = term.values
    if term.operator in _ORDERS and (term.path != "severity" or value not in SEVERITIES):
        raise FilterError(
            f"{quote(str(term))} is not supported; only severity is compared by order, with "
            f"{', '.join(SEVERITIES)}"
        )
    if term.operator in {"=~", "!~"}:
        _check_regex(value)


def _check_regex(pattern: str) -> None:
    try:
        with warnings.catch_warnings():
            # Python warns of what a later version of it will read in another way; RE2 reads it.
            warnings.simplefilter("ignore", FutureWarning)
            re.compile(pattern)
    except re.error as error:
        raise FilterError(f"{quote(pattern)} is not a regular expression: {error}") from None


def _results(terms: Iterable[LogTerm], entry: Mapping[str, Any]) -> Iterator[bool]:
    return (_holds(term, entry) is not term.negated for term in terms)


def _holds(term: LogTerm, entry: Mapping[str, Any]) -> bool:
    """Return whether a term holds, its negation left out."""
    if isinstance(term, Group):
        results = _results(term.terms, entry)
        return any(results) if term.choice else all(results)
    if isinstance(term, LogId):
        # Entries carry it within their logName, with its slash escaped.
        pattern = re.escape(unquoted(term.literal)).replace("/", "(?:/|%2F)")
        return bool(re.search(f"/logs/{pattern}$", field_text(entry, "logName") or ""))
    found, (value,) = field_text(entry, term.path), term.values
    # A field that is not there compares with nothing, not even as unequal.
    if found is None:
        return False
    if term.operator in {"=", "!="}:
        return (found.lower() == value.lower()) is (term.operator == "=")
    if term.operator in {"=~", "!~"}:
        return bool(re.search(value, found)) is (term.operator == "=~")
    return _ORDERS[term.operator](SEVERITIES.index(found), SEVERITIES.index(value))
