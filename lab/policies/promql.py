"""Reads a PromQL query: what it selects, and how far back.

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


class KnownSeries(NamedTuple):
    """The series that PromQL finds under a name."""

    type: str  # the metric's full type, ``datastream.googleapis.com/stream/freshness``
    resource: str  # the type of the monitored resource
    labels: frozenset[str]  # all labels


class Selector(NamedTuple):
    """A selector of one metric."""

    metric: str  # the metric's name in PromQL
    equal: Mapping[str, str]  # the labels with an equality matcher, and their values


def read(text: str) -> "Query":
    """Parse a query; raise ValueError if it is not PromQL, or doesn't return series.

    An unknown metric may exist, with any labels, if it is not one of a service whose
    metrics are all known, and its name is not close to a known one.
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
    query = Query()
    query.add(root)
    if not (query.selectors or query.errors):
        raise ValueError("selects no metric, so it would fire always or never")
    return query


def promql_name(metric_type: str) -> str:
    """Return a metric's name in PromQL.

    The first ``/`` becomes ``:``, every other special character ``_``:
    https://cloud.google.com/monitoring/promql/promql-mapping
    """
    return re.sub(r"[^A-Za-z0-9_:]", "_", metric_type.replace("/", ":", 1))


def pretty(text: str) -> str:
    """Return a query over several lines; a text that is no query as it is."""
    try:
        return str(parser.parse(text).prettify())
    except ValueError:
        return text


@cache
def known_series() -> Mapping[str, KnownSeries]:
    """Return every metric that a query may use, by its name in PromQL.

    They are the exporter's own and those of ``google_metrics.yaml``. A distribution has
    three names, with ``_count``, ``_sum`` and ``_bucket``; the last has ``le``.
    """
    known = {}
    for own in metrics().values():
        keys = definitions()["resources"][own.resource]
        known[promql_name(own.type)] = _series(own.type, RESOURCE, keys, own.labels)
    google = packaged("lab.policies", "google_metrics.yaml")
    for type_, metric in google["metrics"].items():
        resource = metric["resource"]
        keys = google["resources"][resource]
        series = _series(type_, resource, keys, metric["labels"])
        name = promql_name(type_)
        if metric["value_type"] == "DISTRIBUTION":
            known[f"{name}_count"] = series
            known[f"{name}_sum"] = series
            known[f"{name}_bucket"] = series._replace(labels=series.labels | {"le"})
        else:
            known[name] = series
    return known


def _series(
    type_: str, resource: str, keys: Collection[str], labels: Iterable[str]
) -> KnownSeries:
    found = frozenset([*_EVERYWHERE, *keys, *labels])
    return KnownSeries(type_, resource, found)


@dataclass
class Query:
    """A parsed query, filled in while :func:`read` walks through it once."""

    # Every selector, in the order of the query
    selectors: list[Selector] = field(default_factory=list)
    # A sentence for each metric or label that does not exist
    errors: list[str] = field(default_factory=list)
    # The labels that its result may have: those of its metrics, and names in quotes
    labels: set[str] = field(default_factory=set)
    look_back: int = 0  # the longest look-back window in seconds

    def add(self, node: Any, seconds: int = 0) -> None:
        """Add an expression; what is around it looks ``seconds`` back."""
        match node:
            case parser.VectorSelector():
                self._select(node, seconds + _seconds(node.offset))
            case parser.MatrixSelector():
                self.add(node.vector_selector, seconds + _seconds(node.range))
            case parser.SubqueryExpr():
                seconds += _seconds(node.range) + _seconds(node.offset)
                self.add(node.expr, seconds)
            case parser.ParenExpr() | parser.UnaryExpr():
                self.add(node.expr, seconds)
            case parser.AggregateExpr():
                self.add(node.expr, seconds)
                self.add(node.param, seconds)
            case parser.Call():
                for argument in node.args:
                    self.add(argument, seconds)
            case parser.BinaryExpr():
                self.add(node.lhs, seconds)
                self.add(node.rhs, seconds)
            case parser.StringLiteral() if node.val.isidentifier():
                # A label that label_replace or count_values adds
                self.labels.add(node.val)

    def _select(self, node: parser.VectorSelector, seconds: int) -> None:
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
        self.selectors.append(Selector(name, equal))
        self.look_back = max(self.look_back, seconds)
        series = known_series().get(name)
        if series is None:
            self.labels |= ANY
            # It may exist, unless all of its kind are known.
            must_be_known = name.startswith(_COMPLETE)
            similarity = _SIMILAR if must_be_known else _MISSPELLED
            advice = "docs/reference.md lists the exporter's own"
            guess = nearest(name, known_series(), similarity)
            if guess:
                advice = f"did you mean {guess}?"
            if guess or must_be_known:
                self.errors.append(f"no metric is called {name} in PromQL; {advice}")
            return
        self.labels |= series.labels
        for key in sorted({each.name for each in matchers} - series.labels):
            advice = hint(key, sorted(series.labels))
            self.errors.append(f"{name} has no label {quote(key)}; {advice}")
        resource = equal.get("monitored_resource", series.resource)
        if resource != series.resource:
            self.errors.append(
                f"{name} is not written to the monitored_resource"
                f" {quote(resource)}; write {quote(series.resource)}"
            )


def _seconds(duration: timedelta | None) -> int:
    return max(int(duration.total_seconds()), 0) if duration else 0
