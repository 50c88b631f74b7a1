"""Reads a PromQL query: what it selects, and the labels of its result.

Labels follow the rules of Prometheus, of operators and functions:
https://prometheus.io/docs/prometheus/latest/querying/operators/
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import Any, NamedTuple, TypeAlias

import promql_parser as parser

from exporter.documents.document import packaged
from exporter.documents.mistakes import hint, nearest
from exporter.steps.measure import RESOURCE, definitions, metrics
from exporter.text import quote

# The label keys of series. ``*`` stands for any others, as an unknown metric may have
Labels: TypeAlias = frozenset[str]

_NONE: Labels = frozenset()
_ANY: Labels = frozenset("*")
# Labels that series may have in PromQL besides: their project, unless a label of the
# resource names it, and their resource type
_EVERYWHERE = ("project_id", "monitored_resource")
# Every metric whose name starts so is known
_COMPLETE = ("custom_googleapis_com:datastream_", "datastream_googleapis_com:")
# How similar an unknown name is to the known one that is meant, at least; the second
# where an unknown one may exist
_SIMILAR = 0.75
_MISSPELLED = 0.95
# Aggregations that choose series and keep all of their labels
_CHOOSING = ("topk", "bottomk", "limitk", "limit_ratio")
# Operators that end a clause
_CLAUSE_ENDS = {
    "==",
    "!=",
    "<",
    ">",
    "<=",
    ">=",
    "and",
    "or",
    "unless",
}


class KnownSeries(NamedTuple):
    """The series that PromQL finds under a name."""

    type: str  # the metric's full type, ``datastream.googleapis.com/stream/freshness``
    resource: str  # the type of the monitored resource
    resource_labels: tuple[str, ...]  # the keys of that resource
    labels: Labels  # all labels


class Selector(NamedTuple):
    """A selector of one metric."""

    metric: str  # the metric's name in PromQL
    equal: Mapping[str, str]  # the labels with an equality matcher, and their values
    clause: int  # the number of its clause in the query, from 0


def read(text: str, *, known_only: bool = True) -> "Query":
    """Parse a query; raise ValueError if it is not PromQL, or doesn't return series.

    Unless it may use ``known_only`` metrics, an unknown one whose name is not close to
    a known one may exist, with any labels.
    """
    try:
        root = parser.parse(text)
    except ValueError as error:
        reason = str(error)
        if reason == "invalid promql query":
            reason = (
                "an operator, an operand, a comma or a bracket is missing or too many"
            )
        raise ValueError(f"is not PromQL: {reason}") from None
    is_range = isinstance(_bare(root), parser.MatrixSelector | parser.SubqueryExpr)
    if is_range:
        raise ValueError(
            "returns ranges of points instead of one point per series; wrap it in a"
            " function such as last_over_time(…)"
        )
    query = Query(known_only)
    query.result = query.labels(root) or _NONE
    query.clauses.setdefault(query.clause, query.result)
    if not (query.selectors or query.errors):
        raise ValueError("selects no metric, so it would fire always or never")
    query.errors = list(dict.fromkeys(query.errors))
    return query


def has(labels: Labels, key: str) -> bool:
    """Return whether series with these labels have a key, or may have it."""
    return key in labels or "*" in labels


def promql_name(metric_type: str) -> str:
    """Return a metric's name in PromQL.

    The first ``/`` becomes ``:``, every other special character ``_``:
    https://cloud.google.com/monitoring/promql/promql-mapping
    """
    name = metric_type.replace("/", ":", 1)
    return re.sub(r"[^A-Za-z0-9_:]", "_", name)


def pretty(text: str) -> str:
    """Return a query over several lines; a text that is no query as it is."""
    try:
        return str(parser.parse(text).prettify())
    except ValueError:
        return text


def metrics_by_clause(query: str) -> list[tuple[str, Labels]]:
    """Return the metrics that Google bills, each once for every clause that names it.

    With each come the labels in which the series that the clause returns may differ. A
    clause ends at a comparison, ``and``, ``or`` and ``unless``:
    https://cloud.google.com/monitoring/alerts/cost-control
    """
    parsed = read(query, known_only=False)
    named = {}
    for each in parsed.selectors:
        labels = parsed.clauses[each.clause] - each.equal.keys()
        named[each.clause, each.metric] = each.metric, labels
    return [named[key] for key in sorted(named)]


@cache
def known_series() -> Mapping[str, KnownSeries]:
    """Return every metric that a query may use, by its name in PromQL.

    They are the exporter's own and those of ``google_metrics.yaml``. A distribution has
    three names, with ``_count``, ``_sum`` and ``_bucket``; the last has ``le``.
    """
    known = {}
    for own in metrics().values():
        keys = definitions()["resources"][own.resource]
        series = _series(own.type, RESOURCE, keys, own.labels)
        known[promql_name(own.type)] = series
    google = packaged("lab.policies", "google_metrics.yaml")
    for type_, metric in google["metrics"].items():
        resource, labels = metric["resource"], metric["labels"]
        keys = google["resources"][resource]
        series = _series(type_, resource, keys, labels)
        name = promql_name(type_)
        if metric["value_type"] == "DISTRIBUTION":
            known[f"{name}_count"] = series
            known[f"{name}_sum"] = series
            buckets = _series(type_, resource, keys, [*labels, "le"])
            known[f"{name}_bucket"] = buckets
        else:
            known[name] = series
    return known


def _series(
    type_: str,
    resource: str,
    keys: Iterable[str],
    labels: Iterable[str],
) -> KnownSeries:
    of_resource = tuple(keys)
    # A metric label with the same key as a resource label gets a prefix (same page as
    # above).
    others = (f"metric_{key}" if key in of_resource else key for key in labels)
    return KnownSeries(
        type_, resource, of_resource, frozenset((*_EVERYWHERE, *of_resource, *others))
    )


def _find_series(name: str, *, known_only: bool) -> KnownSeries | None:
    """Return the series under a name; None for a metric that may exist.

    An unknown one that must be known, or whose name is misspelled, is a ValueError.
    """
    known = known_series()
    if name in known:
        return known[name]
    must_be_known = known_only or name.startswith(_COMPLETE)
    guess = nearest(name, known, _SIMILAR if must_be_known else _MISSPELLED)
    if guess:
        advice = f"did you mean {guess}?"
    elif must_be_known:
        advice = "docs/reference.md lists the exporter's own"
    else:
        return None
    raise ValueError(f"no metric is called {name} in PromQL; {advice}")


@dataclass
class Query:
    """A parsed query, filled in while :func:`read` walks through it once."""

    known_only: bool
    # Every selector, in the order of the query
    selectors: list[Selector] = field(default_factory=list)
    # A sentence for each metric or label that does not exist
    errors: list[str] = field(default_factory=list)
    look_back: int = 0  # the longest look-back window in seconds
    result: Labels = _NONE  # the labels of its result's series
    # The labels of each clause's series
    clauses: dict[int, Labels] = field(default_factory=dict)
    clause: int = 0  # the number of the current clause
    around: int = 0  # seconds that the ranges around the current expression look back

    def labels(self, node: object) -> Labels | None:
        """Return the labels of an expression's series; None for a number or a text."""
        labels = None
        match node:
            case parser.VectorSelector():
                labels = self._selected(node)
            case parser.MatrixSelector():
                labels = self._ranged(node.vector_selector, _seconds(node.range))
            case parser.SubqueryExpr():
                seconds = _seconds(node.range) + _seconds(node.offset)
                labels = self._ranged(node.expr, seconds)
            case parser.ParenExpr() | parser.UnaryExpr():
                labels = self.labels(node.expr)
            case parser.AggregateExpr():
                labels = self._aggregated(node)
            case parser.Call():
                labels = self._called(node)
            case parser.BinaryExpr():
                labels = self._combined(node)
        return labels

    def _ranged(self, node: object, seconds: int) -> Labels | None:
        self.around += seconds
        labels = self.labels(node)
        self.around -= seconds
        return labels

    def _selected(self, node: parser.VectorSelector) -> Labels:
        if node.matchers.or_matchers:
            self.errors.append(
                "`or` between matchers is not PromQL; use a regular expression"
            )
            return _ANY
        if node.name is None:
            self.errors.append(
                "a selector has no metric name; Cloud Monitoring requires exact names"
            )
            return _ANY
        seconds = self.around + _seconds(node.offset)
        self.look_back = max(self.look_back, seconds)
        selector = Selector(node.name, _equal(node), self.clause)
        self.selectors.append(selector)
        try:
            series = _find_series(node.name, known_only=self.known_only)
        except ValueError as error:
            self.errors.append(str(error))
            return _ANY
        if series is None:
            return _ANY
        keys = sorted({each.name for each in node.matchers.matchers})
        self._need(keys, series.labels, f"{node.name} has")
        resource = selector.equal.get("monitored_resource", series.resource)
        if resource != series.resource:
            self.errors.append(
                f"{node.name} is not written to the monitored_resource"
                f" {quote(resource)}; write {quote(series.resource)}"
            )
        return series.labels

    def _aggregated(self, node: parser.AggregateExpr) -> Labels:
        labels = self.labels(node.expr) or _NONE
        self.labels(node.param)
        name, modifier = str(node.op), node.modifier
        grouping = modifier.labels if modifier else []
        self._need(grouping, labels, f"{name}: its series have")
        if name in _CHOOSING:
            return labels
        if modifier and modifier.type == parser.AggModifierType.Without:
            left = labels.difference(grouping)
        else:
            left = frozenset(key for key in grouping if has(labels, key))
        if name == "count_values" and isinstance(node.param, parser.StringLiteral):
            left |= {node.param.val}
        return left

    def _called(self, node: parser.Call) -> Labels | None:
        name = node.func.name
        arguments = [self.labels(argument) for argument in node.args]
        carried = next(filter(None, arguments), _NONE)
        match name:
            case "label_replace" | "label_join":
                literals = parser.StringLiteral
                texts = [each.val for each in node.args if isinstance(each, literals)]
                sources = texts[2:3] if name == "label_replace" else texts[2:]
                # An empty source label is allowed: it has no value.
                self._need(filter(None, sources), carried, f"{name}: its series have")
                # An empty replacement removes the label.
                if name == "label_replace" and not texts[1]:
                    carried -= {texts[0]}
                else:
                    carried |= {texts[0]}
            case "absent" | "absent_over_time":
                selector = _bare(node.args[0])
                if isinstance(selector, parser.MatrixSelector):
                    selector = selector.vector_selector
                is_selector = isinstance(selector, parser.VectorSelector)
                carried = frozenset(_equal(selector)) if is_selector else _NONE
            case "vector":
                carried = _NONE
            case "histogram_quantile":
                carried -= {"le"}
        return None if node.func.return_type == parser.ValueType.Scalar else carried

    def _combined(self, node: parser.BinaryExpr) -> Labels | None:
        ends_clause = str(node.op) in _CLAUSE_ENDS
        left = self.labels(node.lhs)
        if ends_clause:
            self.clauses.setdefault(self.clause, left or _NONE)
            self.clause += 1
        right = self.labels(node.rhs)
        if ends_clause:
            self.clauses.setdefault(self.clause, right or _NONE)
        if left is None:
            return right
        if right is None:
            return left
        return self._joined(node, left, right)

    def _joined(
        self,
        node: parser.BinaryExpr,
        left: Labels,
        right: Labels,
    ) -> Labels:
        """Return the labels of an operation between two vectors."""
        name, modifier = str(node.op), node.modifier
        matching = modifier.matching if modifier else None
        keys = matching.labels if matching else []
        on = matching is not None and matching.type == parser.LabelModifierType.Include
        rest = left.difference(keys)
        if on:
            who = f"{name} on ({', '.join(keys)})"
            self._need(keys, left, f"{who}: its left side has")
            bare = _bare(node.rhs)
            # Only some series of a union may have a label.
            if not isinstance(bare, parser.BinaryExpr) or str(bare.op) != "or":
                self._need(keys, right, f"{who}: its right side has")
        if name == "or":
            return frozenset(
                key for key in left | right if has(left, key) and has(right, key)
            )
        other_rest = right.difference(keys)
        if not (on or rest == other_rest or "*" in left | right):
            written = ", ".join(sorted(rest)) or "none"
            other = ", ".join(sorted(other_rest)) or "none"
            self.errors.append(
                f"the two sides of {name} never match: the left has {written}, the"
                f" right has {other}; write on (…) with the labels to match"
            )
        if name in {"and", "unless"}:
            return left
        # Arithmetic or a comparison: group_left and group_right keep the labels of the
        # many.
        if modifier and modifier.card != parser.VectorMatchCardinality.OneToOne:
            is_left = modifier.card == parser.VectorMatchCardinality.ManyToOne
            many, one = (left, right) if is_left else (right, left)
            added = modifier.group_labels or []
            self._need(added, one, "group_left or group_right: the other side has")
            return many.union(added)
        if not on:
            return rest
        return frozenset(key for key in keys if has(left, key))

    def _need(
        self,
        keys: Iterable[str],
        labels: Labels,
        who: str,
    ) -> None:
        for key in keys:
            if not has(labels, key):
                advice = hint(key, sorted(labels))
                self.errors.append(f"{who} no label {quote(key)}; {advice}")


def _equal(selector: Any) -> dict[str, str]:
    """Return the labels of a selector with an equality matcher, and their values."""
    matchers = selector.matchers.matchers
    return {
        each.name: each.value for each in matchers if each.op == parser.MatchOp.Equal
    }


def _bare(node: object) -> object:
    """Return an expression without the parentheses around it."""
    while isinstance(node, parser.ParenExpr):
        node = node.expr
    return node


def _seconds(duration: timedelta | None) -> int:
    return max(int(duration.total_seconds()), 0) if duration else 0
