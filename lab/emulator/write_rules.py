"""The rules by which Cloud Monitoring accepts or refuses a point, in its own words where known.

Sources: https://cloud.google.com/monitoring/quotas#custom_metrics_quotas, the reference of
projects.timeSeries.create, and texts seen in other clients' reports.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, NamedTuple

from google.api import metric_pb2

from exporter.config import locations
from lab.emulator.status_errors import field_text, invalid_field

SECOND = 1_000_000_000
_OLDEST = 25 * 3600 * SECOND
_NEWEST = 5 * 60 * SECOND
_SAMPLING_PERIOD = 5 * SECOND

_LABELS = 30
_KEY_LENGTH = 100
_VALUE_LENGTH = 1024
_NAME_LENGTH = 100
_KEY = re.compile(r"[a-zA-Z][a-zA-Z0-9_]*")
_METRIC = re.compile(
    r"(custom\.googleapis\.com|workload\.googleapis\.com|external\.googleapis\.com/prometheus)"
    r"/[a-zA-Z0-9_/.\-]+"
)

MetricKind = metric_pb2.MetricDescriptor.MetricKind
ValueType = metric_pb2.MetricDescriptor.ValueType
VALUE_TYPES = {
    "bool_value": ValueType.BOOL,
    "int64_value": ValueType.INT64,
    "double_value": ValueType.DOUBLE,
    "string_value": ValueType.STRING,
    "distribution_value": ValueType.DISTRIBUTION,
}


WRITABLE = {
    "gce_instance": ("project_id", "instance_id", "zone"),
    "generic_node": ("project_id", "location", "namespace", "node_id"),
    "generic_task": ("project_id", "location", "namespace", "job", "task_id"),
    "global": ("project_id",),
    "k8s_cluster": ("project_id", "location", "cluster_name"),
    "k8s_node": ("project_id", "location", "cluster_name", "node_name"),
    "k8s_pod": ("project_id", "location", "cluster_name", "namespace_name", "pod_name"),
    "k8s_container": (
        "project_id",
        "location",
        "cluster_name",
        "namespace_name",
        "pod_name",
        "container_name",
    ),
}
"""Label keys by resource type; https://cloud.google.com/monitoring/api/resources."""

UNWRITABLE = frozenset(
    {
        "bigquery_dataset",
        "cloud_run_job",
        "cloud_run_revision",
        "cloud_scheduler_job",
        "datastream.googleapis.com/Stream",
    }
)
"""Types that exist, and that only Google itself writes to."""

_ZONE = re.compile(r"(.+)-[a-f]")


class RejectedPointError(Exception):
    """Why a series of a request is not written; it never reaches a client as it is.

    Attributes:
        text: Google's text.
        code: Google's status code.
        times: The two times in conflict, where the series' own history is in the way.
    """

    def __init__(self, text: str, code: str = "INVALID_ARGUMENT", times: str = "") -> None:
        """Take Google's text and code, and the times that are in conflict."""
        super().__init__(text)
        self.text = text
        self.code = code
        self.times = times


class NewPoint(NamedTuple):
    """The one point of a series: nanoseconds since 1970, the value and its field's name."""

    end: int
    value_field: str
    value: Any


def nanoseconds(timestamp: Any) -> int:
    """Return a Timestamp in nanoseconds since 1970."""
    return int(timestamp.seconds) * SECOND + int(timestamp.nanos)


def name_problem(type_: str) -> str | None:
    """Return what is wrong with a metric's type, or None."""
    if not _METRIC.fullmatch(type_):
        return f"Unknown metric: {type_}"
    if len(type_) > _NAME_LENGTH:
        return f"Metric type {type_} is longer than {_NAME_LENGTH} characters."
    return None


def keys_problem(keys: set[str]) -> str | None:
    """Return what is wrong with a descriptor's label keys, or None."""
    if len(keys) > _LABELS:
        return f"A metric descriptor is limited to {_LABELS} labels."
    for key in sorted(keys):
        if not _KEY.fullmatch(key) or len(key) > _KEY_LENGTH:
            return (
                f'Label key "{key}" is not allowed: it must match [a-zA-Z][a-zA-Z0-9_]* and is'
                f" limited to {_KEY_LENGTH} characters."
            )
    return None


def new_point(index: int, series: Any, now: int) -> NewPoint:
    """Return the one point of a raw TimeSeries.

    Args:
        index: Its place in the request.
        series: The series.
        now: Nanoseconds since 1970.

    Raises:
        RejectedPointError: There is no such point, or its time or type is not allowed.
    """
    at = f"timeSeries[{index}].points"
    if len(series.points) != 1:
        raise _rejected(at, "Exactly one point must be written per TimeSeries.")
    point, interval, metric = series.points[0], series.points[0].interval, series.metric.type
    value_field = point.value.WhichOneof("value")
    if value_field is None:
        raise _rejected(f"{at}[0].value", "A value is required.")
    if series.value_type and series.value_type != VALUE_TYPES[value_field]:
        raise _other_type(metric, series.value_type, value_field)
    end = nanoseconds(interval.end_time)
    end_field, start_field = (f"{at}[0].interval.{each}_time" for each in ("end", "start"))
    if end < now - _OLDEST:
        text = "Data points cannot be written more than approximately 24 hours in the past."
        raise _rejected(end_field, text, _rfc3339(end))
    if end > now + _NEWEST:
        text = "Data points cannot be written more than 5 minutes in the future."
        raise _rejected(end_field, text, _rfc3339(end))
    if interval.HasField("start_time"):
        start = nanoseconds(interval.start_time)
        gauge = series.metric_kind in (MetricKind.METRIC_KIND_UNSPECIFIED, MetricKind.GAUGE)
        if gauge and start != end:
            relation, kind = "equal to", "gauge"
        elif not gauge and start >= end:
            relation, kind = "before", "non-gauge"
        else:
            relation = ""
        if relation:
            text = (
                f"The start time must be {relation} the end time ({_rfc3339(end)}) for the {kind}"
                f" metric '{metric}'."
            )
            raise _rejected(start_field, text, _rfc3339(start))
    return NewPoint(end, value_field, getattr(point.value, value_field))


def check_type(message: metric_pb2.MetricDescriptor, series: Any, point: NewPoint) -> None:
    """Raise RejectedPointError where a series' kind or value type is not its descriptor's."""
    if series.metric_kind and series.metric_kind != message.metric_kind:
        raise RejectedPointError(
            f"Metric kind for metric {message.type} must be {MetricKind.Name(message.metric_kind)},"
            f" but is {MetricKind.Name(series.metric_kind)}."
        )
    if VALUE_TYPES[point.value_field] != message.value_type:
        raise _other_type(message.type, message.value_type, point.value_field)


def check_values(index: int, labels: dict[str, str]) -> None:
    """Raise RejectedPointError where a metric label's value is too long."""
    if any(len(value) > _VALUE_LENGTH for value in labels.values()):
        text = f"A label value is limited to {_VALUE_LENGTH} characters."
        raise _rejected(f"timeSeries[{index}].metric.labels", text)


def check_order(type_: str, youngest: int, end: int) -> None:
    """Raise RejectedPointError where a point is not 5 s later than the youngest of its series."""
    if end - youngest >= _SAMPLING_PERIOD:
        return
    text = (
        "One or more points were written more frequently than the maximum sampling period"
        " configured for the metric."
        if end > youngest
        else "Points must be written in order. One or more of the points specified had an older"
        " end time than the most recent point."
    )
    times = (
        f" {{Metric: {type_}, Timestamps: {{Youngest Existing: '{_slashed(youngest)}',"
        f" New: '{_slashed(end)}'}}}}"
    )
    raise RejectedPointError(text, "FAILED_PRECONDITION", times)


def check_resource(index: int, type_: str, labels: dict[str, str]) -> None:
    """Raise RejectedPointError where a resource may not be written to, or its labels are wrong."""
    if type_ not in WRITABLE:
        text = (
            f"Metrics cannot be written to {type_}. See https://cloud.google.com/monitoring/"
            "custom-metrics/creating-metrics#which-resource for a list of writable resource types."
            if type_ in UNWRITABLE
            else "Unrecognized resource name."
        )
        raise _rejected(f"timeSeries[{index}].resource.type", text, type_)
    for key in labels:
        if key not in WRITABLE[type_]:
            raise RejectedPointError(f"Unrecognized resource label: {key}")
    missing = [key for key in WRITABLE[type_] if key not in labels]
    if missing:
        raise RejectedPointError(
            "The set of resource labels is incomplete. Missing labels:"
            f" ({' '.join(sorted(missing))})."
        )
    location = labels.get("location", labels.get("zone", "global"))
    zone = _ZONE.fullmatch(location)
    region = zone[1] if zone else location
    if location != "global" and not locations.is_known(region):
        raise RejectedPointError("Unrecognized region or location.")


def check_unchanged(
    known: metric_pb2.MetricDescriptor, changed: metric_pb2.MetricDescriptor, keys: set[str]
) -> None:
    """Refuse to change a descriptor's kind or value type, or to remove one of its labels.

    Raises:
        StatusError: The new one differs in these.
    """
    for field, was, now in (
        ("metricKind", MetricKind.Name(known.metric_kind), MetricKind.Name(changed.metric_kind)),
        ("valueType", ValueType.Name(known.value_type), ValueType.Name(changed.value_type)),
    ):
        if was != now:
            text = f"The metric {changed.type} exists already, as {was}; delete it first."
            raise invalid_field(f"metricDescriptor.{field}", text, now)
    removed = {each.key for each in known.labels} - keys
    if removed:
        raise invalid_field(
            "metricDescriptor.labels",
            f"Labels cannot be removed from metric {changed.type}: {', '.join(sorted(removed))}.",
        )


def _rejected(field: str, text: str, value: str | None = None) -> RejectedPointError:
    return RejectedPointError(field_text(field, text, value))


def _other_type(metric: str, expected: int, value_field: str) -> RejectedPointError:
    return RejectedPointError(
        f"Value type for metric {metric} must be {ValueType.Name(expected)}, but is"
        f" {ValueType.Name(VALUE_TYPES[value_field])}."
    )


def _rfc3339(nanoseconds: int) -> str:
    at = datetime.fromtimestamp(nanoseconds // SECOND, UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{nanoseconds % SECOND // 1_000_000:03d}+00:00"


def _slashed(nanoseconds: int) -> str:
    at = datetime.fromtimestamp(nanoseconds // SECOND, UTC)
    return f"{at:%Y/%m/%d-%H:%M:%S}.{nanoseconds % SECOND // 1_000_000:03d}"
