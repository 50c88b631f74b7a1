"""Reads a PromQL query: what it selects, how far back, and in which clauses.

What a query answers is not worked out here: scenarios ask Prometheus.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import Any, NamedTuple

import promql_parser as parser

from exporter.documents.document import packaged
from exporter.documents.mistakes import hint, nearest
from exporter.steps.measure import RESOURCE, definitions, metrics
from exporter.text import quote

# Stands for the labels of a metric that is unknown
ANY = frozenset("*")
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
    labels: frozenset[str]  # all labels


class Selector(NamedTuple):
    """A selector of one metric."""

    metric: str  # the metric's name in PromQL
    equal: Mapping[str, str]  # the labels with an equality matcher, and their values
    clause: int  # the number of its clause in the query, from 0
    # The labels in which its series differ, after an aggregation in its clause
    apart: frozenset[str]


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
    bare = root
    while isinstance(bare, parser.ParenExpr):
        bare = bare.expr
    is_range = isinstance(bare, parser.MatrixSelector | parser.SubqueryExpr)
    if is_range:
        raise ValueError(
            "returns ranges of points instead of one point per series; wrap it in a"
            " function such as last_over_time(…)"
        )
    query = Query(known_only)
    query.add(root)
    if not (query.selectors or query.errors):
        raise ValueError("selects no metric, so it would fire always or never")
    return query


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


def billed(query: str) -> list[Selector]:
    """Return what Google bills: each metric once for every clause that names it.

    A clause ends at a comparison, ``and``, ``or`` and ``unless``:
    https://cloud.google.com/monitoring/alerts/cost-control
    """
    found: dict[tuple[int, str], Selector] = {}
    for each in read(query, known_only=False).selectors:
        found.setdefault((each.clause, each.metric), each)
    return [*found.values()]


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
    keys: Collection[str],
    labels: Iterable[str],
) -> KnownSeries:
    found = {*_EVERYWHERE, *keys}
    # A metric label with the same key as a resource label gets a prefix (same page as
    # above).
    found |= {f"metric_{key}" if key in keys else key for key in labels}
    return KnownSeries(type_, resource, frozenset(found))


@dataclass
class Query:
    """A parsed query, filled in while :func:`read` walks through it once."""

    known_only: bool
    # Every selector, in the order of the query
    selectors: list[Selector] = field(default_factory=list)
    # A sentence for each metric or label that does not exist
    errors: list[str] = field(default_factory=list)
    # The labels that its result may have: those of its metrics, and names in quotes
    labels: set[str] = field(default_factory=set)
    look_back: int = 0  # the longest look-back window in seconds
    clause: int = 0  # the number of the current clause

    def add(
        self, node: Any, seconds: int = 0, kept: frozenset[str] | None = None
    ) -> None:
        """Add an expression.

        What is around it looks ``seconds`` back, and an aggregation in the same clause
        keeps these labels.
        """
        match node:
            case parser.VectorSelector():
                self._select(node, seconds + _seconds(node.offset), kept)
            case parser.MatrixSelector():
                self.add(node.vector_selector, seconds + _seconds(node.range), kept)
            case parser.SubqueryExpr():
                seconds += _seconds(node.range) + _seconds(node.offset)
                self.add(node.expr, seconds, kept)
            case parser.ParenExpr() | parser.UnaryExpr():
                self.add(node.expr, seconds, kept)
            case parser.AggregateExpr():
                self.add(node.expr, seconds, _kept(node, kept))
                self.add(node.param, seconds)
            case parser.Call():
                for argument in node.args:
                    self.add(argument, seconds, kept)
            case parser.BinaryExpr():
                ends_clause = str(node.op) in _CLAUSE_ENDS
                in_clause = None if ends_clause else kept
                self.add(node.lhs, seconds, in_clause)
                self.clause += ends_clause
                self.add(node.rhs, seconds, in_clause)
            case parser.StringLiteral() if node.val.isidentifier():
                # A label that label_replace or count_values adds
                self.labels.add(node.val)

    def _select(
        self, node: parser.VectorSelector, seconds: int, kept: frozenset[str] | None
    ) -> None:
        """Add a selector, and a sentence for each name in it that does not exist."""
        matchers, name = node.matchers.matchers, node.name
        if node.matchers.or_matchers:
            self.errors.append(
                "`or` between matchers is not PromQL; use a regular expression"
            )
            return
        if name is None:
            self.errors.append(
                "a selector has no metric name; Cloud Monitoring requires exact names"
            )
            return
        equal = {
            each.name: each.value
            for each in matchers
            if each.op == parser.MatchOp.Equal
        }
        series = known_series().get(name)
        if series is None:
            self._add_unknown(name)
        labels = series.labels if series else ANY
        apart = (labels if kept is None else kept) - equal.keys()
        self.selectors.append(Selector(name, equal, self.clause, apart))
        self.look_back = max(self.look_back, seconds)
        self.labels |= labels
        if series is None:
            return
        for key in sorted({each.name for each in matchers} - labels):
            advice = hint(key, sorted(labels))
            self.errors.append(f"{name} has no label {quote(key)}; {advice}")
        resource = equal.get("monitored_resource", series.resource)
        if resource != series.resource:
            self.errors.append(
                f"{name} is not written to the monitored_resource"
                f" {quote(resource)}; write {quote(series.resource)}"
            )

    def _add_unknown(self, name: str) -> None:
        """Add a sentence about an unknown metric, unless it may exist."""
        must_be_known = self.known_only or name.startswith(_COMPLETE)
        similarity = _SIMILAR if must_be_known else _MISSPELLED
        advice = "docs/reference.md lists the exporter's own"
        guess = nearest(name, known_series(), similarity)
        if guess:
            advice = f"did you mean {guess}?"
        if guess or must_be_known:
            self.errors.append(f"no metric is called {name} in PromQL; {advice}")


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
    return None if is_without else frozenset(modifier.labels)


def _seconds(duration: timedelta | None) -> int:
    return max(int(duration.total_seconds()), 0) if duration else 0
