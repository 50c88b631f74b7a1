"""Infers which labels the series of a PromQL expression have, as Prometheus assigns them.

https://prometheus.io/docs/prometheus/latest/querying/operators/ and
https://prometheus.io/docs/prometheus/latest/querying/functions/
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import promql_parser as parser

from exporter.documents import hint
from exporter.text import quote
from lab.policies.known_metrics import find_series
from lab.policies.labels import ANY, NONE, Labels

if TYPE_CHECKING:
    from collections.abc import Mapping

_EXPERIMENTAL = frozenset({"limitk", "limit_ratio"})
"""Aggregations behind a feature flag of Prometheus."""

_KEEPING = _EXPERIMENTAL | {"topk", "bottomk"}
"""Aggregations that choose series and keep all of their labels."""


@dataclass(frozen=True, slots=True)
class Selector:
    """A selector of one metric.

    Attributes:
        metric: The metric's name in PromQL.
        equal: The labels with an equality matcher, and their values.
        keys: Every label with a matcher.
    """

    metric: str
    equal: Mapping[str, str]
    keys: frozenset[str]


@dataclass
class LabelInference:
    """Walks a query once, from the outside in, and collects what it contains.

    Attributes:
        known_only: Whether a query may only use known metrics.
        selectors: Every selector.
        alternatives: The labels of the two sides of each ``or``.
        errors: A sentence for each metric or label that does not exist.
    """

    known_only: bool
    selectors: list[Selector] = field(default_factory=list)
    alternatives: list[tuple[Labels, Labels]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def labels(self, node: object) -> Labels:
        """Return the labels of an expression's series; none for a number."""
        labels = NONE
        match node:
            case parser.VectorSelector():
                labels = self._selected(node)
            case parser.MatrixSelector():
                labels = self._selected(node.vector_selector)
            case parser.SubqueryExpr() | parser.ParenExpr() | parser.UnaryExpr():
                labels = self.labels(node.expr)
            case parser.AggregateExpr():
                labels = self._aggregated(node)
            case parser.Call():
                labels = self._called(node)
            case parser.BinaryExpr():
                labels = self._combined(node)
        return labels

    def _selected(self, node: parser.VectorSelector) -> Labels:
        matchers = node.matchers.matchers
        if node.matchers.or_matchers:
            self.errors.append("`or` between matchers is not PromQL; use a regular expression")
            return ANY
        if node.name is None:
            self.errors.append(
                "a selector has no metric name; Cloud Monitoring requires exact names"
            )
            return ANY
        equal = {each.name: each.value for each in matchers if each.op == parser.MatchOp.Equal}
        keys = frozenset(each.name for each in matchers)
        self.selectors.append(Selector(node.name, equal, keys))
        try:
            series = find_series(node.name, known_only=self.known_only)
        except ValueError as error:
            self.errors.append(str(error))
            return ANY
        for key in sorted(keys):
            self._need(key, series.labels, f"{node.name} has")
        resource = equal.get("monitored_resource", series.resource)
        if series.resource and resource != series.resource:
            self.errors.append(
                f"{node.name} is not written to the monitored_resource {quote(resource)}; "
                f"write {quote(series.resource)}"
            )
        return series.labels

    def _aggregated(self, node: parser.AggregateExpr) -> Labels:
        labels = self.labels(node.expr)
        name, modifier = str(node.op), node.modifier
        grouping = modifier.labels if modifier else []
        for key in grouping:
            self._need(key, labels, f"{name}: its series have")
        if name in _EXPERIMENTAL:
            self._doubt(name)
        if name in _KEEPING:
            return labels
        left = labels.only(grouping)
        if modifier and modifier.type == parser.AggModifierType.Without:
            left = labels.without(grouping)
        if name == "count_values" and isinstance(node.param, parser.StringLiteral):
            left = left.plus([node.param.val])
        return left

    def _called(self, node: parser.Call) -> Labels:
        name = node.func.name
        if node.func.experimental:
            self._doubt(name)
        arguments = [self.labels(argument) for argument in node.args]
        carried = next((labels for labels in arguments if labels != NONE), NONE)
        if name in {"label_replace", "label_join"}:
            texts = [each.val for each in node.args if isinstance(each, parser.StringLiteral)]
            carried = self._labelled(name, carried, texts)
        elif name in {"absent", "absent_over_time"}:
            carried = _absent(node.args[0])
        elif name in {"scalar", "vector"}:
            carried = NONE
        elif name == "histogram_quantile":
            carried = carried.without(["le"])
        return carried

    def _labelled(self, name: str, labels: Labels, texts: list[str]) -> Labels:
        """Return the labels after label_replace or label_join."""
        made, second, *rest = texts
        # An empty source label is allowed: it has no value.
        for key in filter(None, rest[:1] if name == "label_replace" else rest):
            self._need(key, labels, f"{name}: its series have")
        # An empty replacement removes the label.
        removes = name == "label_replace" and not second
        return labels.without([made]) if removes else labels.plus([made])

    def _combined(self, node: parser.BinaryExpr) -> Labels:
        left, right = self.labels(node.lhs), self.labels(node.rhs)
        if _is_number(node.lhs) or _is_number(node.rhs):
            return right if _is_number(node.lhs) else left
        name, modifier = str(node.op), node.modifier
        matching = modifier.matching if modifier else None
        keys = matching.labels if matching else []
        on = matching is not None and matching.type == parser.LabelModifierType.Include
        for key in keys if on else []:
            for side, labels in (("left", left), ("right", right)):
                self._need(key, labels, f"{name} on ({', '.join(keys)}): its {side} side has")
        if name == "or":
            self.alternatives.append((left, right))
            return left.in_common(right)
        if not on:
            self._same(name, left.without(keys), right.without(keys))
        if name in {"and", "unless"}:
            return left
        if modifier and modifier.card == parser.VectorMatchCardinality.ManyToOne:
            return self._extended(left, right, modifier)
        if modifier and modifier.card == parser.VectorMatchCardinality.OneToMany:
            return self._extended(right, left, modifier)
        return left.only(keys) if on else left.without(keys)

    def _extended(self, many: Labels, one: Labels, modifier: parser.BinModifier) -> Labels:
        """Return the labels of the "many" side with those that group_left or group_right add."""
        added = modifier.group_labels or []
        for key in added:
            self._need(key, one, "group_left or group_right: the other side has")
        return many.plus(added)

    def _same(self, name: str, left: Labels, right: Labels) -> None:
        if not (left.open or right.open) and left != right:
            self.errors.append(
                f"the two sides of {name} never match: the left has {left}, the right has {right}; "
                "write on (…) with the labels to match"
            )

    def _doubt(self, name: str) -> None:
        self.errors.append(f"{name} is experimental; Cloud Monitoring may not support it")

    def _need(self, key: str, labels: Labels, who: str) -> None:
        if key not in labels:
            names = sorted(labels.names)
            self.errors.append(f"{who} no label {quote(key)}; {hint(key, names)}")


def without_parentheses(node: object) -> object:
    """Return an expression without the parentheses around it."""
    while isinstance(node, parser.ParenExpr):
        node = node.expr
    return node


def _absent(node: object) -> Labels:
    """Return the labels of ``absent``: those with an equality matcher in its selector."""
    inner = without_parentheses(node)
    selector = inner.vector_selector if isinstance(inner, parser.MatrixSelector) else inner
    if not isinstance(selector, parser.VectorSelector):
        return NONE
    equal = (each.name for each in selector.matchers.matchers if each.op == parser.MatchOp.Equal)
    return Labels(frozenset(equal))


def _is_number(node: object) -> bool:
    inner = without_parentheses(node)
    match inner:
        case parser.NumberLiteral():
            return True
        case parser.UnaryExpr():
            return _is_number(inner.expr)
        case parser.BinaryExpr():
            return _is_number(inner.lhs) and _is_number(inner.rhs)
        case parser.Call():
            scalar: bool = inner.func.return_type == parser.ValueType.Scalar
            return scalar
    return False
