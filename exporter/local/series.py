"""A project's descriptors and series, and the rules by which points are taken or refused."""

from __future__ import annotations

import re
from array import array
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from google.api import metric_pb2, monitored_resource_pb2
from google.api.label_pb2 import LabelDescriptor

from exporter.local.refusals import field_text, invalid, invalid_field
from exporter.local.resources import UNWRITABLE, WRITABLE, is_location
from exporter.local.wording import Rejection

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_SECOND = 1_000_000_000
_OLDEST = 25 * 3600 * _SECOND
_NEWEST = 5 * 60 * _SECOND
_SAMPLING_PERIOD = 5 * _SECOND

_LABELS = 30
_KEY_LENGTH = 100
_VALUE_LENGTH = 1024
_NAME_LENGTH = 100
_KEY = re.compile(r"[a-zA-Z][a-zA-Z0-9_]*")
_METRIC = re.compile(
    r"(custom\.googleapis\.com|workload\.googleapis\.com|external\.googleapis\.com/prometheus)"
    r"/[a-zA-Z0-9_/.\-]+"
)

_Kind = metric_pb2.MetricDescriptor.MetricKind
_ValueType = metric_pb2.MetricDescriptor.ValueType
_VALUE_TYPES = {
    "bool_value": _ValueType.BOOL,
    "int64_value": _ValueType.INT64,
    "double_value": _ValueType.DOUBLE,
    "string_value": _ValueType.STRING,
    "distribution_value": _ValueType.DISTRIBUTION,
}


class Resource:
    """A monitored resource of a project; one object for each, compared by identity."""

    __slots__ = ("labels", "type")

    def __init__(self, type_: str, labels: dict[str, str]) -> None:
        """Take the type and all labels, project_id among them."""
        self.type = type_
        self.labels = labels


class Series:
    """A series' history: end times in nanoseconds since 1970, and values, oldest first."""

    __slots__ = ("metric", "resource", "times", "values")

    def __init__(self, metric: bytes, resource: Resource) -> None:
        """Take the serialized metric (type and labels) and the resource."""
        self.metric = metric
        self.resource = resource
        self.times = array("q")
        self.values: list[Any] = []

    def metric_labels(self) -> dict[str, str]:
        """Return the metric's labels."""
        return dict(metric_pb2.Metric.FromString(self.metric).labels)


class Descriptor:
    """A metric's descriptor, and its series."""

    __slots__ = ("keys", "message", "series", "value_field")

    def __init__(self, message: metric_pb2.MetricDescriptor) -> None:
        """Take the descriptor as it was created or learnt."""
        self.message = message
        self.keys = {each.key for each in message.labels}
        self.value_field = next(
            field for field, type_ in _VALUE_TYPES.items() if type_ == message.value_type
        )
        self.series: dict[tuple[bytes, Resource], Series] = {}

    def learn(self, keys: Iterable[str]) -> None:
        """Add the labels that it does not know yet."""
        for key in sorted(set(keys) - self.keys):
            self.message.labels.add(key=key, value_type=LabelDescriptor.ValueType.STRING)
            self.keys.add(key)


class _Misfit(Exception):  # noqa: N818 - never leaves this module
    """Why a series of a request is not written."""

    def __init__(self, text: str, code: str = "INVALID_ARGUMENT", times: str | None = None) -> None:
        super().__init__(text)
        self.text = text
        self.code = code
        self.times = times


class _Point(NamedTuple):
    end: int
    value_field: str
    value: Any


class ProjectMetrics:
    """What one project's Cloud Monitoring holds. Not safe for threads: its caller locks."""

    def __init__(self, project: str) -> None:
        """Take the project's id."""
        self.project = project
        self.descriptors: dict[str, Descriptor] = {}
        self._resources: dict[bytes, Resource] = {}
        self._canonical: dict[tuple[Any, ...], Resource] = {}

    def write(self, series: Iterable[Any], now: float) -> list[Rejection]:
        """Write each raw TimeSeries that may be written; return those that may not.

        Args:
            series: A request's, in order.
            now: Unix seconds.
        """
        rejected = []
        seen: set[Series] = set()
        now_ns = int(now * _SECOND)
        for index, each in enumerate(series):
            try:
                self._write(index, each, now_ns, seen)
            except _Misfit as misfit:
                rejected.append(
                    Rejection(
                        index,
                        each,
                        misfit.code,
                        misfit.text,
                        misfit.times is not None,
                        misfit.times or "",
                    )
                )
        return rejected

    def _write(self, index: int, given: Any, now: int, seen: set[Series]) -> None:
        """Write one series' point.

        Raises:
            _Misfit: The point may not be written.
        """
        point = _point(index, given, now)
        resource = self._resource(index, given.resource)
        metric = given.metric.SerializeToString(deterministic=True)
        descriptor = self.descriptors.get(given.metric.type)
        series = descriptor.series.get((metric, resource)) if descriptor else None
        if descriptor is not None:
            _check_type(descriptor, given, point)
        if series is None:
            descriptor = self._learn(index, descriptor, given, point)
            series = descriptor.series[metric, resource] = Series(metric, resource)
        elif series in seen:
            raise _Misfit(
                field_text(
                    f"timeSeries[{index}]",
                    "Duplicate TimeSeries encountered. Only one point can be written per"
                    " TimeSeries per request.",
                )
            )
        seen.add(series)
        if series.times:
            _check_order(given.metric.type, series.times[-1], point.end)
        series.times.append(point.end)
        series.values.append(point.value)

    def _resource(self, index: int, given: Any) -> Resource:
        """Return the resource that a series names, checked when it is seen first."""
        raw = given.SerializeToString(deterministic=True)
        known = self._resources.get(raw)
        if known is not None:
            return known
        labels = {"project_id": self.project} | dict(given.labels)
        _check_resource(index, given.type, labels)
        identity = given.type, *sorted(labels.items())
        resource = self._canonical.setdefault(identity, Resource(given.type, labels))
        self._resources[raw] = resource
        return resource

    def _learn(
        self, index: int, descriptor: Descriptor | None, given: Any, point: _Point
    ) -> Descriptor:
        """Return the descriptor of a series seen first, made or grown by what it uses."""
        type_, labels = given.metric.type, dict(given.metric.labels)
        for value in labels.values():
            if len(value) > _VALUE_LENGTH:
                raise _Misfit(
                    field_text(
                        f"timeSeries[{index}].metric.labels",
                        f"A label value is limited to {_VALUE_LENGTH} characters.",
                    )
                )
        if descriptor is not None and descriptor.keys.issuperset(labels):
            return descriptor
        keys = set(labels) | (descriptor.keys if descriptor else set())
        problem = name_problem(type_) or keys_problem(keys)
        if problem:
            raise _Misfit(problem)
        if descriptor is None:
            value_type = _VALUE_TYPES[point.value_field]
            if value_type == _ValueType.STRING:
                raise _Misfit(
                    f"Value type for metric {type_} must be one of BOOL, INT64, DOUBLE and"
                    " DISTRIBUTION, but is STRING."
                )
            descriptor = self.descriptors[type_] = Descriptor(
                metric_pb2.MetricDescriptor(
                    name=f"projects/{self.project}/metricDescriptors/{type_}",
                    type=type_,
                    metric_kind=given.metric_kind or _Kind.GAUGE,
                    value_type=value_type,
                )
            )
        descriptor.learn(keys)
        return descriptor

    def create_descriptor(self, given: metric_pb2.MetricDescriptor) -> metric_pb2.MetricDescriptor:
        """Create a descriptor, or add labels and texts to the one that exists.

        Raises:
            Refused: Its name, labels, kind or value type are not allowed.
        """
        keys = {each.key for each in given.labels}
        problem = name_problem(given.type) or keys_problem(keys)
        if problem:
            raise invalid(problem)
        if given.metric_kind == _Kind.METRIC_KIND_UNSPECIFIED:
            raise invalid_field("metricDescriptor.metricKind", "The metric kind is required.")
        if given.value_type not in _VALUE_TYPES.values():
            raise invalid_field("metricDescriptor.valueType", "The value type is required.")
        known = self.descriptors.get(given.type)
        if known is not None:
            _check_unchanged(known.message, given, keys)
        message = metric_pb2.MetricDescriptor()
        message.CopyFrom(given)
        message.name = f"projects/{self.project}/metricDescriptors/{given.type}"
        descriptor = Descriptor(message)
        if known is not None:
            descriptor.series = known.series
        self.descriptors[given.type] = descriptor
        return message

    def all_series(self, metric_type: str | None = None) -> Iterator[tuple[Descriptor, Series]]:
        """Yield the series of one metric, or of all."""
        for type_, descriptor in self.descriptors.items():
            if metric_type in (None, type_):
                for series in descriptor.series.values():
                    yield descriptor, series


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


def _point(index: int, given: Any, now: int) -> _Point:
    """Return the one point of a series, checked against the clock."""
    if len(given.points) != 1:
        raise _Misfit(
            field_text(
                f"timeSeries[{index}].points", "Exactly one point must be written per TimeSeries."
            )
        )
    point = given.points[0]
    value_field = point.value.WhichOneof("value")
    if value_field is None:
        raise _Misfit(field_text(f"timeSeries[{index}].points[0].value", "A value is required."))
    interval = point.interval
    end = interval.end_time.seconds * _SECOND + interval.end_time.nanos
    if end < now - _OLDEST:
        raise _Misfit(
            field_text(
                f"timeSeries[{index}].points[0].interval.end_time",
                "Data points cannot be written more than approximately 24 hours in the past.",
                _rfc3339(end),
            )
        )
    if end > now + _NEWEST:
        raise _Misfit(
            field_text(
                f"timeSeries[{index}].points[0].interval.end_time",
                "Data points cannot be written more than 5 minutes in the future.",
                _rfc3339(end),
            )
        )
    if interval.HasField("start_time"):
        _check_start(index, given, interval, end)
    return _Point(end, value_field, getattr(point.value, value_field))


def _check_start(index: int, given: Any, interval: Any, end: int) -> None:
    start = interval.start_time.seconds * _SECOND + interval.start_time.nanos
    gauge = given.metric_kind in (_Kind.METRIC_KIND_UNSPECIFIED, _Kind.GAUGE)
    field = f"timeSeries[{index}].points[0].interval.start_time"
    if gauge and start != end:
        raise _Misfit(
            field_text(
                field,
                f"The start time must be equal to the end time ({_rfc3339(end)}) for the gauge"
                f" metric '{given.metric.type}'.",
                _rfc3339(start),
            )
        )
    if not gauge and start >= end:
        raise _Misfit(
            field_text(
                field,
                f"The start time must be before the end time ({_rfc3339(end)}) for the non-gauge"
                f" metric '{given.metric.type}'.",
                _rfc3339(start),
            )
        )


def _check_type(descriptor: Descriptor, given: Any, point: _Point) -> None:
    message = descriptor.message
    if given.metric_kind and given.metric_kind != message.metric_kind:
        raise _Misfit(
            f"Metric kind for metric {message.type} must be {_Kind.Name(message.metric_kind)},"
            f" but is {_Kind.Name(given.metric_kind)}."
        )
    if point.value_field != descriptor.value_field:
        raise _Misfit(
            f"Value type for metric {message.type} must be {_ValueType.Name(message.value_type)},"
            f" but is {_ValueType.Name(_VALUE_TYPES[point.value_field])}."
        )


def _check_order(type_: str, youngest: int, end: int) -> None:
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
    raise _Misfit(text, "FAILED_PRECONDITION", times)


def _check_resource(index: int, type_: str, labels: dict[str, str]) -> None:
    if type_ not in WRITABLE:
        text = (
            f"Metrics cannot be written to {type_}. See https://cloud.google.com/monitoring/"
            "custom-metrics/creating-metrics#which-resource for a list of writable resource types."
            if type_ in UNWRITABLE
            else "Unrecognized resource name."
        )
        raise _Misfit(field_text(f"timeSeries[{index}].resource.type", text, type_))
    for key in labels:
        if key not in WRITABLE[type_]:
            raise _Misfit(f"Unrecognized resource label: {key}")
    missing = [key for key in WRITABLE[type_] if key not in labels]
    if missing:
        raise _Misfit(
            "The set of resource labels is incomplete. Missing labels:"
            f" ({' '.join(sorted(missing))})."
        )
    location = labels.get("location", labels.get("zone"))
    if location is not None and not is_location(location):
        raise _Misfit("Unrecognized region or location.")


def _check_unchanged(
    known: metric_pb2.MetricDescriptor, given: metric_pb2.MetricDescriptor, keys: set[str]
) -> None:
    for what, was, now in (
        ("metricKind", _Kind.Name(known.metric_kind), _Kind.Name(given.metric_kind)),
        ("valueType", _ValueType.Name(known.value_type), _ValueType.Name(given.value_type)),
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


def resource_message(resource: Resource) -> monitored_resource_pb2.MonitoredResource:
    """Return a resource as answers hold it."""
    return monitored_resource_pb2.MonitoredResource(type=resource.type, labels=resource.labels)


def _rfc3339(nanoseconds: int) -> str:
    at = datetime.fromtimestamp(nanoseconds // _SECOND, UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{nanoseconds % _SECOND // 1_000_000:03d}+00:00"


def _slashed(nanoseconds: int) -> str:
    at = datetime.fromtimestamp(nanoseconds // _SECOND, UTC)
    return f"{at:%Y/%m/%d-%H:%M:%S}.{nanoseconds % _SECOND // 1_000_000:03d}"
