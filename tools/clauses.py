"""Says what Google bills of a query: each metric once for every clause that names it.

A clause ends at a comparison, ``and``, ``or`` and ``unless``:
https://cloud.google.com/monitoring/alerts/cost-control
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import promql_parser as parser

from lab.policies.promql import known_series

# Aggregations that choose series and keep all of their labels
_CHOOSING = ("topk", "bottomk")
# Operators that end a clause
_CLAUSE_ENDS = {"==", "!=", "<", ">", "<=", ">=", "and", "or", "unless"}


class Billed(NamedTuple):
    """A metric in a clause."""

    metric: str  # the metric's name in PromQL
    equal: Mapping[str, str]  # the labels with an equality matcher, and their values
    # The labels in which its series differ, after an aggregation in its clause
    apart: frozenset[str]


def billed(query: str) -> list[Billed]:
    """Return the metrics that a query pays for, clause by clause."""
    clauses = _Clauses()
    clauses.add(parser.parse(query))
    return [*clauses.found.values()]


class _Clauses:
    """What is billed, by clause and metric, while a query is walked through once."""

    def __init__(self) -> None:
        self.found: dict[tuple[int, str], Billed] = {}
        self._clause = 0  # the number of the current clause

    def add(self, node: Any, kept: frozenset[str] | None = None) -> None:
        """Add an expression; an aggregation around it in its clause keeps labels."""
        match node:
            case parser.VectorSelector():
                self._select(node, kept)
            case parser.MatrixSelector():
                self._select(node.vector_selector, kept)
            case parser.SubqueryExpr() | parser.ParenExpr() | parser.UnaryExpr():
                self.add(node.expr, kept)
            case parser.AggregateExpr():
                self.add(node.expr, _kept(node, kept))
            case parser.Call():
                for argument in node.args:
                    self.add(argument, kept)
            case parser.BinaryExpr():
                ends_clause = str(node.op) in _CLAUSE_ENDS
                in_clause = None if ends_clause else kept
                self.add(node.lhs, in_clause)
                self._clause += ends_clause
                self.add(node.rhs, in_clause)

    def _select(self, node: parser.VectorSelector, kept: frozenset[str] | None) -> None:
        name = str(node.name)
        equal = {
            each.name: each.value
            for each in node.matchers.matchers
            if each.op == parser.MatchOp.Equal
        }
        known = known_series()[name]
        labels = known.labels if kept is None else kept
        one = Billed(name, equal, labels - equal.keys())
        # The sum and the count of a distribution are one metric.
        self.found.setdefault((self._clause, known.type), one)


def _kept(
    node: parser.AggregateExpr, around: frozenset[str] | None
) -> frozenset[str] | None:
    """Return the labels that an aggregation keeps, or the one around it; None: all."""
    modifier = node.modifier
    if around is not None or str(node.op) in _CHOOSING:
        return around
    if modifier is None:
        return frozenset()
    is_without = modifier.type == parser.AggModifierType.Without
    if is_without:
        return None
    return frozenset(modifier.labels)
