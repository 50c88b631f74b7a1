"""Filters on log entries, as far as the policies need them.

One comparison a line, all of which have to hold, each with ``NOT`` before it if need be:
``=``, ``!=``, ``=~``, ``!~``, ``<``, ``<=``, ``>``, ``>=`` of a dotted path and a value, or
``log_id("…")``. Whatever else the language knows is refused.
https://cloud.google.com/logging/docs/view/logging-query-language
"""

from __future__ import annotations

import operator
import re
from typing import TYPE_CHECKING, Any, NamedTuple, get_args
from urllib.parse import unquote

from exporter.inputs.input_errors import shown
from lab.emulator.world_values import Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SEVERITIES = get_args(Severity)

_LOG_ID = re.compile(r'log_id\(\s*"([^"\\]+)"\s*\)')
_COMPARISON = re.compile(
    r"""(?P<path>[A-Za-z_]\w*(?:\.(?:\w+|"[^"\\]+"))*)\s*
        (?P<operator>=~|!~|<=|>=|!=|=|<|>)\s*
        (?P<value>"(?:[^"\\]|\\.)*"|[\w./-]+)""",
    re.VERBOSE,
)
_NOT = re.compile(r"NOT\s+")
_ORDERS: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class _Comparison(NamedTuple):
    path: str
    operator: str
    value: str
    negated: bool

    def incidents(self, entry: Mapping[str, Any]) -> bool:
        return self._compare(field(entry, self.path)) is not self.negated

    def _compare(self, found: str | None) -> bool:
        # A field that is not there compares with nothing, not even as unequal.
        if found is None:
            return False
        if self.operator in {"=", "!="}:
            return (found.lower() == self.value.lower()) is (self.operator == "=")
        if self.operator in {"=~", "!~"}:
            return bool(re.search(self.value, found)) is (self.operator == "=~")
        ranks = SEVERITIES.index(found), SEVERITIES.index(self.value)
        return _ORDERS[self.operator](*ranks)


class Filter:
    """A filter that was read."""

    def __init__(self, comparisons: list[_Comparison]) -> None:
        """Take what has to hold."""
        self._comparisons = comparisons

    def accepts(self, entry: Mapping[str, Any]) -> bool:
        """Say whether an entry, as nested mappings, passes."""
        return all(each.incidents(entry) for each in self._comparisons)


def parse(text: str) -> Filter:
    """Return the filter that a text says.

    Raises:
        ValueError: With a sentence, where it says something that is not known here.
    """
    lines = [line.strip() for line in text.splitlines()]
    return Filter([_comparison(line) for line in lines if line and not line.startswith("--")])


def field(entry: Mapping[str, Any], path: str) -> str | None:
    """Return the value at a dotted path as text, or None where there is none."""
    found: Any = entry
    for part in re.findall(r'\w+|"[^"]+"', path):
        found = found.get(part.strip('"')) if isinstance(found, dict) else None
    if found is None or isinstance(found, dict):
        return None
    return str(found).lower() if isinstance(found, bool) else str(found)


def _comparison(line: str) -> _Comparison:
    negation = _NOT.match(line)
    rest = line[negation.end() :] if negation else line
    if named := _LOG_ID.fullmatch(rest):
        # Entries carry it within their logName, with its slash escaped.
        pattern = f"/logs/{re.escape(named[1]).replace('/', '(?:/|%2F)')}$"
        return _Comparison("logName", "=~", pattern, bool(negation))
    found = _COMPARISON.fullmatch(rest)
    if not found:
        raise ValueError(
            f"{shown(line)} is not understood here; write one comparison a line, such as "
            'severity>=ERROR or resource.type="…", with NOT before it if need be, or log_id("…")'
        )
    value = found["value"]
    if value.startswith('"'):
        value = re.sub(r"\\(.)", r"\1", value[1:-1])
    if found["operator"] in _ORDERS and (found["path"] != "severity" or value not in SEVERITIES):
        raise ValueError(
            f"{shown(line)} is not understood here; only severity is compared by order, with "
            f"{', '.join(SEVERITIES)}"
        )
    if found["operator"] in {"=~", "!~"}:
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(f"{shown(value)} is no regular expression: {error}") from None
    return _Comparison(found["path"], found["operator"], unquote(value), bool(negation))
