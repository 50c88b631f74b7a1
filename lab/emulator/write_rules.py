"""Decides which points Cloud Monitoring accepts; refuses others in its words.

Sources: https://cloud.google.com/monitoring/quotas#custom_metrics_quotas, the reference
of projects.timeSeries.create, and texts seen in other clients' reports.
"""

import re
from typing import Any, NamedTuple

from google.api import metric_pb2

from exporter.config.locations import KNOWN
from lab.emulator.answers import RejectedPointError, field_text

SECOND = 1_000_000_000
_OLDEST = 25 * 3600 * SECOND
_NEWEST = 5 * 60 * SECOND
_SAMPLING_PERIOD = 5 * SECOND
_METRIC = re.compile(
    r"(custom\.googleapis\.com|workload\.googleapis\.com|external\.googleapis\.com/prometheus)"
    r"/[a-zA-Z0-9_/.\-]+"
)

GAUGE = metric_pb2.MetricDescriptor.MetricKind.GAUGE
ValueType = metric_pb2.MetricDescriptor.ValueType
VALUE_TYPES = {
    "bool_value": ValueType.BOOL,
    "int64_value": ValueType.INT64,
    "double_value": ValueType.DOUBLE,
    "distribution_value": ValueType.DISTRIBUTION,
}

# The resource type that is known here, and its labels; Google has more
_NODE, _NODE_KEYS = "generic_node", {"project_id", "location", "namespace", "node_id"}


class NewPoint(NamedTuple):
    """A point that is to be written."""

    end: int  # nanoseconds since 1970
    value_field: str  # the field of its value
    value: Any


def new_point(index: int, series: Any, now: int) -> NewPoint:
    """Return the one point of a raw TimeSeries.

    Raise RejectedPointError if there is none, or if it is too old or too new.
    """
    at = f"timeSeries[{index}].points"
    if len(series.points) != 1:
        raise _rejected(at, "Exactly one point must be written per TimeSeries.")
    point = series.points[0]
    value_field = point.value.WhichOneof("value")
    if value_field not in VALUE_TYPES:
        raise _rejected(f"{at}[0].value", "A value is required, and no text.")
    end = point.interval.end_time.ToNanoseconds()
    limit = ""
    if end < now - _OLDEST:
        limit = "approximately 24 hours in the past"
    elif end > now + _NEWEST:
        limit = "5 minutes in the future"
    if limit:
        text = f"Data points cannot be written more than {limit}."
        raise _rejected(f"{at}[0].interval.end_time", text)
    return NewPoint(end, value_field, getattr(point.value, value_field))


def check_order(youngest: int, end: int) -> None:
    """Raise RejectedPointError where a point is not 5 s younger than its series."""
    if end - youngest >= _SAMPLING_PERIOD:
        return
    text = (
        "Points must be written in order. One or more of the points specified had"
        " an older end time than the most recent point."
    )
    if end > youngest:
        text = (
            "One or more points were written more frequently than the maximum sampling"
            " period configured for the metric."
        )
    raise RejectedPointError(text, "FAILED_PRECONDITION")


def check_labels(index: int, metric: Any, resource: Any) -> None:
    """Raise RejectedPointError where the metric or the resource is not allowed."""
    if not _METRIC.fullmatch(metric.type):
        raise RejectedPointError(f"Unknown metric: {metric.type}")
    if resource.type != _NODE:
        text = (
            f"Metrics cannot be written to {resource.type}. See"
            " https://cloud.google.com/monitoring/custom-metrics/creating-metrics#which-resource"
            " for a list of writable resource types."
        )
        raise _rejected(f"timeSeries[{index}].resource.type", text, resource.type)
    unknown = sorted(set(resource.labels) - _NODE_KEYS)
    if unknown:
        raise RejectedPointError(f"Unrecognized resource label: {unknown[0]}")
    missing = sorted(_NODE_KEYS - set(resource.labels))
    if missing:
        raise RejectedPointError(
            "The set of resource labels is incomplete. Missing labels:"
            f" ({' '.join(missing)})."
        )
    location = resource.labels["location"]
    if location != "global" and re.sub(r"-[a-f]$", "", location) not in KNOWN:
        raise RejectedPointError("Unrecognized region or location.")


def _rejected(field: str, text: str, value: str | None = None) -> RejectedPointError:
    return RejectedPointError(field_text(field, text, value))
