"""Parses a PromQL query: its metrics, look-back windows, and the labels of its result."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import promql_parser as parser

from exporter.text import quote
from lab.policies.label_inference import LabelInference, without_parentheses

if TYPE_CHECKING:
    from datetime import timedelta

    from lab.policies.label_inference import Selector
    from lab.policies.labels import Labels

MOST_WORDS = 500
"""Words and symbols of a query. The parser is native code that recurses without a limit."""

_TEXT = r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'|`[^`]*`'
_WORD = re.compile(rf"{_TEXT}|[\w:.]+|\S")
_NUMBER = r"0x[0-9a-f]+|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[-+]?[0-9]+)?|inf|nan"
_NUMBER_OF_SECONDS = re.compile(
    rf"{_TEXT}|(?:\[(?:[^\]\"'`]*:)?|\boffset\b)[-+\s]*({_NUMBER})(?!\w)", re.IGNORECASE
)
_LONGEST_SECONDS = 292 * 365 * 86_400.0
"""Prometheus counts durations in nanoseconds, in 64 bits."""
_RANGE = re.compile(rf"{_TEXT}|\[([^\]:]+)\]")


@dataclass(frozen=True, slots=True)
class Query:
    """A parsed query.

    Attributes:
        selectors: Every selector, in the order of the query.
        ranges: The ranges as written, without brackets: ``1h``, ``400s``.
        look_back: The longest look-back window in seconds.
        result: The labels of its result's series.
        alternatives: The labels of the two sides of each ``or``.
        errors: A sentence for each metric or label that does not exist.
    """

    selectors: tuple[Selector, ...]
    ranges: tuple[str, ...]
    look_back: int
    result: Labels
    alternatives: tuple[tuple[Labels, Labels], ...]
    errors: tuple[str, ...]


def read(text: str, *, known_only: bool = True) -> Query:
    """Parse a query.

    Args:
        text: The query.
        known_only: Whether it may only use known metrics. Otherwise, an unknown metric whose name
            is not close to a known one may exist, with any labels.

    Raises:
        ValueError: It is not PromQL, or doesn't return series.
    """
    if len(_WORD.findall(text)) > MOST_WORDS:
        raise ValueError(f"has more than {MOST_WORDS} words and symbols; shorten it")
    for seconds in filter(None, _NUMBER_OF_SECONDS.findall(text)):
        if not _number(seconds) <= _LONGEST_SECONDS:
            words = f"a duration of {quote(seconds)} seconds"
            raise ValueError(f"has {words}; Prometheus allows at most 292 years")
    try:
        root = parser.parse(text)
    except ValueError as error:
        raise ValueError(f"is not PromQL: {_reason(str(error))}") from None
    except BaseException as error:
        # What the parser's native code raises where it gives up. The class can't be imported.
        if type(error).__name__ != "PanicException":
            raise
        raise ValueError(f"can't be parsed: {error}") from None
    if _returns_ranges(root):
        raise ValueError(
            "returns ranges of points instead of one point per series; wrap it in a function such "
            "as last_over_time(…)"
        )
    inference = LabelInference(known_only=known_only)
    result = inference.labels(root)
    if not (inference.selectors or inference.errors):
        raise ValueError("selects no metric, so it would fire always or never")
    return Query(
        selectors=tuple(inference.selectors),
        ranges=tuple(found for found in _RANGE.findall(text) if found),
        look_back=_look_back(root),
        result=result,
        alternatives=tuple(inference.alternatives),
        errors=tuple(dict.fromkeys(inference.errors)),
    )


def _number(text: str) -> float:
    return float(int(text, 16)) if text.lower().startswith("0x") else float(text)


def _reason(message: str) -> str:
    if message == "invalid promql query":
        return "an operator, an operand, a comma or a bracket is missing or too many"
    return message


def _returns_ranges(root: object) -> bool:
    return isinstance(without_parentheses(root), parser.MatrixSelector | parser.SubqueryExpr)


def _look_back(root: object) -> int:
    longest = 0
    # Each expression with the look-back window of the subqueries around it.
    todo: list[tuple[object, int]] = [(root, 0)]
    while todo:
        node, around = todo.pop()
        match node:
            case parser.VectorSelector():
                longest = max(longest, around + _seconds(node.offset))
            case parser.MatrixSelector():
                todo.append((node.vector_selector, around + _seconds(node.range)))
            case parser.SubqueryExpr():
                own = _seconds(node.range) + _seconds(node.offset)
                todo.append((node.expr, around + own))
            case parser.ParenExpr() | parser.UnaryExpr():
                todo.append((node.expr, around))
            case parser.AggregateExpr():
                todo += [(node.expr, around), (node.param, around)]
            case parser.Call():
                todo += [(argument, around) for argument in node.args]
            case parser.BinaryExpr():
                todo += [(node.lhs, around), (node.rhs, around)]
    return longest


def _seconds(duration: timedelta | None) -> int:
    return max(int(duration.total_seconds()), 0) if duration else 0
