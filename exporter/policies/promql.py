"""What a PromQL query asks for: metrics, labels, look-backs, and what its result carries."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import promql_parser as parser

from exporter.policies.inference import Inference, bare

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import timedelta

    from exporter.policies.inference import Selector
    from exporter.policies.labels import Labels

MOST_WORDS = 500
"""Words and signs of a query. The parser recurses in machine code, without a bound of its own."""

_TEXT = r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'|`[^`]*`'
_WORD = re.compile(rf"{_TEXT}|[\w:.]+|\S")
_RANGE = re.compile(rf"{_TEXT}|\[([^\]:]+)\]")


@dataclass(frozen=True, slots=True)
class Query:
    """What a query asks for.

    Attributes:
        selectors: Each selection of a metric, in the order of the query.
        ranges: The ranges as they are written, without brackets: ``1h``, ``400s``.
        look_back: How many seconds before an evaluation it looks at, at most.
        result: The labels that every series of its result carries.
        alternatives: What the two sides of each ``or`` carry.
        mistakes: A sentence for each metric or label that is not there.
    """

    selectors: tuple[Selector, ...]
    ranges: tuple[str, ...]
    look_back: int
    result: Labels
    alternatives: tuple[tuple[Labels, Labels], ...]
    mistakes: tuple[str, ...]


def read(text: str, *, every: bool = True) -> Query:
    """Return what a query asks for.

    Args:
        text: The query.
        every: Whether it may name nothing but metrics that are known; without, one that is
            unknown, and not close to a known one, is taken to exist with whatever labels.

    Raises:
        ValueError: With a sentence, where it is no PromQL or gives no series.
    """
    if len(_WORD.findall(text)) > MOST_WORDS:
        raise ValueError(f"holds more than {MOST_WORDS} words and signs; ask for less")
    try:
        root = parser.parse(text)
    except ValueError as error:
        raise ValueError(f"is no PromQL: {error}") from None
    if _gives_ranges(root):
        raise ValueError(
            "gives ranges of points, not one point a series; put a function around it, such as "
            "last_over_time(…)"
        )
    inference = Inference(every=every)
    result = inference.labels(root)
    if not (inference.selectors or inference.mistakes):
        raise ValueError("names no metric; it would page always or never")
    return Query(
        selectors=tuple(inference.selectors),
        ranges=tuple(found for found in _RANGE.findall(text) if found),
        look_back=_look_back(root),
        result=result,
        alternatives=tuple(inference.alternatives),
        mistakes=tuple(dict.fromkeys(inference.mistakes)),
    )


def _gives_ranges(root: object) -> bool:
    return isinstance(bare(root), parser.MatrixSelector | parser.SubqueryExpr)


def _look_back(node: object) -> int:
    match node:
        case parser.VectorSelector():
            return _seconds(node.offset)
        case parser.MatrixSelector():
            return _seconds(node.range) + _seconds(node.vector_selector.offset)
        case parser.SubqueryExpr():
            return _look_back(node.expr) + _seconds(node.range) + _seconds(node.offset)
    return max((_look_back(below) for below in _below(node)), default=0)


def _below(node: object) -> Iterator[object]:
    match node:
        case parser.ParenExpr() | parser.UnaryExpr():
            yield node.expr
        case parser.AggregateExpr():
            yield node.expr
            yield node.param
        case parser.Call():
            yield from node.args
        case parser.BinaryExpr():
            yield node.lhs
            yield node.rhs


def _seconds(duration: timedelta | None) -> int:
    return max(int(duration.total_seconds()), 0) if duration else 0
