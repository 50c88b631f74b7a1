"""What a PromQL query asks for: metrics, labels, look-backs, and what its result carries."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import promql_parser as parser

from lab.policies.inference import Inference, bare

if TYPE_CHECKING:
    from datetime import timedelta

    from lab.policies.inference import Selector
    from lab.policies.labels import Labels

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
        raise ValueError(f"is no PromQL: {_what_is_wrong(str(error))}") from None
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


def _what_is_wrong(said: str) -> str:
    if said == "invalid promql query":
        return "an operator, an operand, a comma or a bracket is missing or too many"
    return said


def _gives_ranges(root: object) -> bool:
    return isinstance(bare(root), parser.MatrixSelector | parser.SubqueryExpr)


def _look_back(root: object) -> int:
    longest = 0
    # With what the subqueries around each expression look back.
    ahead: list[tuple[object, int]] = [(root, 0)]
    while ahead:
        node, around = ahead.pop()
        match node:
            case parser.VectorSelector():
                longest = max(longest, around + _seconds(node.offset))
            case parser.MatrixSelector():
                ahead.append((node.vector_selector, around + _seconds(node.range)))
            case parser.SubqueryExpr():
                own = _seconds(node.range) + _seconds(node.offset)
                ahead.append((node.expr, around + own))
            case parser.ParenExpr() | parser.UnaryExpr():
                ahead.append((node.expr, around))
            case parser.AggregateExpr():
                ahead += [(node.expr, around), (node.param, around)]
            case parser.Call():
                ahead += [(argument, around) for argument in node.args]
            case parser.BinaryExpr():
                ahead += [(node.lhs, around), (node.rhs, around)]
    return longest


def _seconds(duration: timedelta | None) -> int:
    return max(int(duration.total_seconds()), 0) if duration else 0
