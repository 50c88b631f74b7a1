"""The dashboard as Terraform renders it, and which labels the queries' series carry."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import promql_parser as promql

from exporter import catalogue

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

TERRAFORM = Path(__file__).parents[2] / "terraform"
FILE = TERRAFORM / "dashboard.json"
NAME = "datastream-exporter"
"""The name that the module's own replaces."""

EXPORTERS_LOG = "Log of the exporter"
"""The panel that shows the logs of the job's project."""

VARIABLE = re.compile(r"\$\{(\w+)\.value\}")
_GENERIC_NODE = frozenset({"project_id", "location", "namespace", "node_id"})
_STREAM = frozenset({"project_id", "resource_container", "location", "stream_id"})
_JOB = frozenset({"project_id", "location", "job_name"})

NATIVE = {
    # https://docs.cloud.google.com/monitoring/api/metrics_gcp_d_h
    "datastream_googleapis_com:stream_freshness": _STREAM,
    "datastream_googleapis_com:stream_event_count": _STREAM | {"read_method"},
    "datastream_googleapis_com:stream_bytes_count": _STREAM | {"read_method"},
    "datastream_googleapis_com:stream_unsupported_event_count": _STREAM
    | {"read_method", "object_name", "error_code"},
    # A distribution is asked as a histogram.
    "datastream_googleapis_com:stream_total_latencies_bucket": _STREAM | {"read_method", "le"},
    "datastream_googleapis_com:stream_system_latencies_bucket": _STREAM | {"read_method", "le"},
    # https://docs.cloud.google.com/monitoring/api/metrics_gcp_p_z
    "run_googleapis_com:job_completed_execution_count": _JOB | {"result"},
}
"""Google's own metrics, by their names in PromQL, with the labels that their series carry."""

_RESOURCES = {
    "custom_googleapis_com": catalogue.RESOURCE,
    "datastream_googleapis_com": "datastream.googleapis.com/Stream",
    "run_googleapis_com": "cloud_run_job",
}


def own() -> dict[str, catalogue.Metric]:
    """Return the exporter's metrics by their names in PromQL."""
    # https://docs.cloud.google.com/stackdriver/docs/managed-prometheus/promql#mapping
    names = {
        metric: re.split("/", metric.type, maxsplit=1) for metric in catalogue.metrics().values()
    }
    return {
        ":".join(re.sub(r"\W", "_", part) for part in parts): metric
        for metric, parts in names.items()
    }


def series() -> Mapping[str, frozenset[str]]:
    """Return the labels of every metric that a query may name, by its name in PromQL."""
    return NATIVE | {
        name: _GENERIC_NODE | frozenset(metric.labels) for name, metric in own().items()
    }


def rendered(name: str, watched: tuple[str, ...], job: str) -> Any:
    """Return what dashboard.tf makes of a name, the watched projects and the job's project."""
    document = json.loads(FILE.read_text("utf-8").replace(NAME, name))
    for widget in widgets(document):
        if "logsPanel" in widget:
            projects = (job,) if widget["title"] == EXPORTERS_LOG else sorted(watched)
            widget["logsPanel"]["resourceNames"] = [f"projects/{each}" for each in projects]
    return document


def widgets(document: Any) -> Iterator[Any]:
    """Yield every widget, in the file's order."""
    for tile in document["mosaicLayout"]["tiles"]:
        yield tile["widget"]


def everything(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield every value inside of a JSON value, with the key that it stands under."""
    pairs = value.items() if isinstance(value, dict) else (("", each) for each in value)
    for key, each in pairs:
        yield key, each
        if isinstance(each, (dict, list)):
            yield from everything(each)


def queries(widget: Any) -> list[str]:
    """Return a widget's PromQL, as it stands in the file."""
    return [each for key, each in everything(widget) if key == "prometheusQuery"]


def parsed(query: str) -> promql.Expr:
    """Parse PromQL in which each variable stands for its own name, and an interval for a minute.

    Raises:
        ValueError: It is no PromQL.
    """
    expression: promql.Expr = promql.parse(
        VARIABLE.sub(r"\1", query).replace("${__interval}", "1m")
    )
    return expression


def nodes(expression: promql.Expr) -> list[promql.Expr]:
    """Return an expression and all that it is made of."""
    found: list[promql.Expr] = []
    promql.walk(expression, found.append)
    return found


def selectors(expression: promql.Expr) -> list[promql.VectorSelector]:
    """Return what an expression asks for."""
    return [each for each in nodes(expression) if isinstance(each, promql.VectorSelector)]


def labels(expression: promql.Expr) -> frozenset[str]:
    """Return the labels that a query's result can carry; a number has none.

    Raises:
        ValueError: It names a metric, or a label of a metric or of a part of it, that is not there.
    """
    match expression:
        case promql.VectorSelector():
            carried = _selected(expression)
        case promql.MatrixSelector():
            carried = _selected(expression.vector_selector)
        case promql.ParenExpr() | promql.UnaryExpr() | promql.SubqueryExpr():
            carried = labels(expression.expr)
        case promql.Call():
            carried = _called(expression)
        case promql.AggregateExpr():
            carried = _aggregated(expression)
        case promql.BinaryExpr():
            carried = _both(expression)
        case _:
            carried = frozenset()
    return carried


def _there(wanted: frozenset[str], carried: frozenset[str], expression: promql.Expr) -> None:
    if not wanted <= carried:
        raise ValueError(f"{sorted(wanted - carried)} are no labels in {expression.prettify()}")


def _selected(selector: promql.VectorSelector) -> frozenset[str]:
    carried = series().get(selector.name or "")
    if carried is None:
        raise ValueError(f"{selector.name} is no metric")
    matched = {each.name: each.value for each in selector.matchers.matchers}
    resource = _RESOURCES[str(selector.name).partition(":")[0]]
    if matched.pop("monitored_resource", None) != resource:
        raise ValueError(f"{selector.name} is asked without its resource, {resource}")
    _there(frozenset(matched), carried, selector)
    return carried


def _called(call: promql.Call) -> frozenset[str]:
    carried = frozenset[str]().union(*(labels(each) for each in call.args))
    if call.func.name == "label_replace":
        _, target, _, source, _ = call.args
        _there(frozenset({source.val} - {""}), carried, call)
        return carried | {target.val}
    if call.func.name == "histogram_quantile":
        _there(frozenset({"le"}), carried, call)
        return carried - {"le"}
    return carried


def _aggregated(expression: promql.AggregateExpr) -> frozenset[str]:
    kept = frozenset(expression.modifier.labels) if expression.modifier else frozenset[str]()
    _there(kept, labels(expression.expr), expression)
    # count_values makes a label of the values.
    made = expression.param
    return kept | {made.val} if isinstance(made, promql.StringLiteral) else kept


def _both(expression: promql.BinaryExpr) -> frozenset[str]:
    left, right = labels(expression.lhs), labels(expression.rhs)
    modifier, operation = expression.modifier, str(expression.op)
    named = frozenset(modifier.matching.labels) if modifier and modifier.matching else None
    if named is not None:
        _there(named, left, expression)
        _there(named, right, expression)
    if operation in {"and", "unless"}:
        return left
    if operation == "or":
        return left | right
    if modifier and modifier.group_labels is not None:
        copied = frozenset(modifier.group_labels)
        _there(copied, right, expression)
        return left | copied
    return (left | right) if named is None else named
