"""Descriptors, resources and series as Cloud Monitoring keeps them in memory."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any

from google.api import metric_pb2, monitored_resource_pb2
from google.api.label_pb2 import LabelDescriptor
from google.cloud import monitoring_v3

from lab.emulator.write_rules import SECOND, VALUE_TYPES, nanoseconds

if TYPE_CHECKING:
    from collections.abc import Iterable

_TimeSeries: Any = monitoring_v3.TimeSeries.pb()
_Point: Any = monitoring_v3.Point.pb()


class StoredResource:
    """A monitored resource of a project; one object for each, compared by identity."""

    __slots__ = ("labels", "type")

    def __init__(self, type_: str, labels: dict[str, str]) -> None:
        """Take the type and all labels, project_id among them."""
        self.type = type_
        self.labels = labels


class StoredDescriptor:
    """A metric's descriptor, and its series."""

    __slots__ = ("keys", "message", "series", "value_field")

    def __init__(self, message: metric_pb2.MetricDescriptor) -> None:
        """Take the descriptor, from a request or from the first point of a metric."""
        self.message = message
        self.keys = {each.key for each in message.labels}
        self.value_field = next(
            field for field, type_ in VALUE_TYPES.items() if type_ == message.value_type
        )
        self.series: dict[tuple[bytes, StoredResource], StoredSeries] = {}

    def add_labels(self, keys: Iterable[str]) -> None:
        """Add the labels that it does not have yet."""
        for key in sorted(set(keys) - self.keys):
            self.message.labels.add(key=key, value_type=LabelDescriptor.ValueType.STRING)
            self.keys.add(key)


class StoredSeries:
    """A series that was written.

    Attributes:
        metric: The serialized metric: its type and labels.
        resource: What it is a series of.
        times: The points' end times in nanoseconds since 1970, oldest first.
        values: The points' values.
    """

    __slots__ = ("metric", "resource", "times", "values")

    def __init__(self, metric: bytes, resource: StoredResource) -> None:
        """Start without a point."""
        self.metric = metric
        self.resource = resource
        self.times = array("q")
        self.values: list[Any] = []

    def metric_labels(self) -> dict[str, str]:
        """Return the metric's labels."""
        return dict(metric_pb2.Metric.FromString(self.metric).labels)

    def fields(self, type_: str) -> dict[str, str]:
        """Return what a filter can compare, given the metric's type."""
        return _fields(type_, self.metric_labels(), self.resource.type, self.resource.labels)

    def message(self, descriptor: StoredDescriptor, indexes: Iterable[int]) -> Any:
        """Return the raw TimeSeries with the points at some indexes, in their order."""
        message = _TimeSeries(
            metric=metric_pb2.Metric.FromString(self.metric),
            resource=monitored_resource_pb2.MonitoredResource(
                type=self.resource.type, labels=self.resource.labels
            ),
            metric_kind=descriptor.message.metric_kind,
            value_type=descriptor.message.value_type,
            unit=descriptor.message.unit,
        )
        for index in indexes:
            seconds, nanos = divmod(self.times[index], SECOND)
            at = {"seconds": seconds, "nanos": nanos}
            value = {descriptor.value_field: self.values[index]}
            message.points.append(_Point(interval={"start_time": at, "end_time": at}, value=value))
        return message


class SeededSeries:
    """A series that nobody wrote, such as those of Google's own metrics."""

    def __init__(self, series: Any) -> None:
        """Copy a raw TimeSeries; its points may be in any order."""
        self._series = _TimeSeries()
        self._series.CopyFrom(series)
        self._series.points.sort(key=_end)
        self.times = [_end(point) for point in self._series.points]
        """The points' end times in nanoseconds since 1970, oldest first."""

    def fields(self) -> dict[str, str]:
        """Return what a filter can compare."""
        metric, resource = self._series.metric, self._series.resource
        return _fields(metric.type, metric.labels, resource.type, resource.labels)

    def message(self, indexes: Iterable[int]) -> Any:
        """Return the raw TimeSeries with the points at some indexes, in their order."""
        message = _TimeSeries()
        message.CopyFrom(self._series)
        del message.points[:]
        message.points.extend(self._series.points[index] for index in indexes)
        return message


def _fields(metric: str, labels: Any, resource: str, resource_labels: Any) -> dict[str, str]:
    return (
        {"metric.type": metric, "resource.type": resource}
        | {f"metric.labels.{key}": value for key, value in labels.items()}
        | {f"resource.labels.{key}": value for key, value in resource_labels.items()}
    )


def _end(point: Any) -> int:
    return nanoseconds(point.interval.end_time)
