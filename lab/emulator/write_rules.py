"""The rules by which Cloud Monitoring takes a point or refuses it, in its words where known.

Sources: https://cloud.google.com/monitoring/quotas#custom_metrics_quotas, the reference of
projects.timeSeries.create, and texts seen in other clients' reports.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, NamedTuple

from google.api import metric_pb2

from lab.emulator.resources import UNWRITABLE, WRITABLE, is_location
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


class RejectedPointError(Exception):
    """Why a series of a request is not written."""

    def __init__(self, text: str, code: str = "INVALID_ARGUMENT", times: str | None = None) -> None:
        """Take Google's text and code; ``times`` where the series' own history is in the way."""
        super().__init__(text)
        self.text = text
        self.code = code
        self.times = times


class NewPoint(NamedTuple):
    """The one point of a series: nanoseconds since 1970, the value and its field's name."""

    end: int
    value_field: str
    value: Any


def name_problem(type_: str) -> str | None:
    """Say what is wrong with a metric's type, or None."""
    if not _METRIC.fullmatch(type_):
        return f"Unknown metric: {type_}"
    if len(type_) > _NAME_LENGTH:
        return f"Metric type {type_} is longer than {_NAME_LENGTH} characters."
    return None


def keys_problem(keys: set[str]) -> str | None:
    """Say what is wrong with a descriptor's label keys, or None."""
    if len(keys) > _LABELS:
        return f"A metric descriptor is limited to {_LABELS} labels."
    for key in sorted(keys):
        if not _KEY.fullmatch(key) or len(key) > _KEY_LENGTH:
            return (
                f'Label key "{key}" is not allowed: it must match [a-zA-Z][a-zA-Z0-9_]* and is'
                f" limited to {_KEY_LENGTH} characters."
            )
    return None


def new_point(index: int, given: Any, now: int) -> NewPoint:
    """Return the one point of a raw TimeSeries.

    Args:
        index: Its place in the request.
        given: The series.
        now: Nanoseconds since 1970.

    Raises:
        Misfit: There is no such point, or it is too old, too new, or of another type than said.
    """
    if len(given.points) != 1:
        raise RejectedPointError(
            field_text(
                f"timeSeries[{index}].points", "Exactly one point must be written per TimeSeries."
            )
        )
    point = given.points[0]
    value_field = point.value.WhichOneof("value")
    if value_field is None:
        raise RejectedPointError(
            field_text(f"timeSeries[{index}].points[0].value", "A value is required.")
        )
    if given.value_type and given.value_type != VALUE_TYPES[value_field]:
        raise RejectedPointError(
            f"Value type for metric {given.metric.type} must be"
            f" {ValueType.Name(given.value_type)}, but is"
            f" {ValueType.Name(VALUE_TYPES[value_field])}."
        )
    interval = point.interval
    end = interval.end_time.seconds * SECOND + interval.end_time.nanos
    if end < now - _OLDEST:
        raise RejectedPointError(
            field_text(
                f"timeSeries[{index}].points[0].interval.end_time",
                "Data points cannot be written more than approximately 24 hours in the past.",
                _rfc3339(end),
            )
        )
    if end > now + _NEWEST:
        raise RejectedPointError(
            field_text(
                f"timeSeries[{index}].points[0].interval.end_time",
                "Data points cannot be written more than 5 minutes in the future.",
                _rfc3339(end),
            )
        )
    if interval.HasField("start_time"):
        _check_start(index, given, interval, end)
    return NewPoint(end, value_field, getattr(point.value, value_field))


def _check_start(index: int, given: Any, interval: Any, end: int) -> None:
    start = interval.start_time.seconds * SECOND + interval.start_time.nanos
    gauge = given.metric_kind in (MetricKind.METRIC_KIND_UNSPECIFIED, MetricKind.GAUGE)
    field = f"timeSeries[{index}].points[0].interval.start_time"
    if gauge and start != end:
        raise RejectedPointError(
            field_text(
                field,
                f"The start time must be equal to the end time ({_rfc3339(end)}) for the gauge"
                f" metric '{given.metric.type}'.",
                _rfc3339(start),
            )
        )
    if not gauge and start >= end:
        raise RejectedPointError(
            field_text(
                field,
                f"The start time must be before the end time ({_rfc3339(end)}) for the non-gauge"
                f" metric '{given.metric.type}'.",
                _rfc3339(start),
            )
        )


def check_type(message: metric_pb2.MetricDescriptor, given: Any, point: NewPoint) -> None:
    """Raise Misfit where a series is of another kind or value type than its descriptor."""
    if given.metric_kind and given.metric_kind != message.metric_kind:
        raise RejectedPointError(
            f"Metric kind for metric {message.type} must be {MetricKind.Name(message.metric_kind)},"
            f" but is {MetricKind.Name(given.metric_kind)}."
        )
    if VALUE_TYPES[point.value_field] != message.value_type:
        raise RejectedPointError(
            f"Value type for metric {message.type} must be {ValueType.Name(message.value_type)},"
            f" but is {ValueType.Name(VALUE_TYPES[point.value_field])}."
        )


def check_values(index: int, labels: dict[str, str]) -> None:
    """Raise Misfit where a metric label's value is too long."""
    if any(len(value) > _VALUE_LENGTH for value in labels.values()):
        raise RejectedPointError(
            field_text(
                f"timeSeries[{index}].metric.labels",
                f"A label value is limited to {_VALUE_LENGTH} characters.",
            )
        )


def check_order(type_: str, youngest: int, end: int) -> None:
    """Raise Misfit where a point follows too closely on its series' youngest, or precedes it."""
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
    """Raise Misfit where a resource may not be written to, or its labels are wrong."""
    if type_ not in WRITABLE:
        text = (
            f"Metrics cannot be written to {type_}. See https://cloud.google.com/monitoring/"
            "custom-metrics/creating-metrics#which-resource for a list of writable resource types."
            if type_ in UNWRITABLE
            else "Unrecognized resource name."
        )
        raise RejectedPointError(field_text(f"timeSeries[{index}].resource.type", text, type_))
    for key in labels:
        if key not in WRITABLE[type_]:
            raise RejectedPointError(f"Unrecognized resource label: {key}")
    missing = [key for key in WRITABLE[type_] if key not in labels]
    if missing:
        raise RejectedPointError(
            "The set of resource labels is incomplete. Missing labels:"
            f" ({' '.join(sorted(missing))})."
        )
    location = labels.get("location", labels.get("zone"))
    if location is not None and not is_location(location):
        raise RejectedPointError("Unrecognized region or location.")


def check_unchanged(
    known: metric_pb2.MetricDescriptor, given: metric_pb2.MetricDescriptor, keys: set[str]
) -> None:
    """Refuse to change what a descriptor has for ever: kind, value type, and a label once had.

    Raises:
        Refused: The new one differs in these.
    """
    for what, was, now in (
        ("metricKind", MetricKind.Name(known.metric_kind), MetricKind.Name(given.metric_kind)),
        ("valueType", ValueType.Name(known.value_type), ValueType.Name(given.value_type)),
    ):
        if was != now:
            raise invalid_field(
                f"metricDescriptor.{what}",
                f"The metric {given.type} exists already, as {was}; delete it first.",
                now,
            )
    removed = {each.key for each in known.labels} - keys
    if removed:
        raise invalid_field(
            "metricDescriptor.labels",
            f"Labels cannot be removed from metric {given.type}: {', '.join(sorted(removed))}.",
        )


def _rfc3339(nanoseconds: int) -> str:
    at = datetime.fromtimestamp(nanoseconds // SECOND, UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{nanoseconds % SECOND // 1_000_000:03d}+00:00"


def _slashed(nanoseconds: int) -> str:
    at = datetime.fromtimestamp(nanoseconds // SECOND, UTC)
    return f"{at:%Y/%m/%d-%H:%M:%S}.{nanoseconds % SECOND // 1_000_000:03d}"
