"""What one project's Cloud Monitoring holds: descriptors, and series that are written and read."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from functools import partial
from typing import TYPE_CHECKING, Any

from google.api import metric_pb2, monitored_resource_pb2

from lab.emulator.partial_write_errors import RejectedSeries
from lab.emulator.status_errors import field_text, invalid_argument, invalid_field
from lab.emulator.stored_series import SeededSeries, StoredDescriptor, StoredResource, StoredSeries
from lab.emulator.write_rules import (
    SECOND,
    VALUE_TYPES,
    MetricKind,
    NewPoint,
    RejectedPointError,
    ValueType,
    check_order,
    check_resource,
    check_type,
    check_unchanged,
    check_values,
    keys_problem,
    name_problem,
    new_point,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from lab.filters.monitoring_filter import MonitoringFilter


class ProjectMetrics:
    """One project's descriptors and series. Not thread-safe: callers lock."""

    def __init__(self, project: str) -> None:
        """Take the project's id."""
        self.project = project
        self.descriptors: dict[str, StoredDescriptor] = {}
        self.seeded: list[SeededSeries] = []
        self._resources: dict[bytes, StoredResource] = {}

    def write(self, series: Iterable[Any], now: float) -> list[RejectedSeries]:
        """Write each raw TimeSeries that the rules allow; return the others.

        Args:
            series: A request's, in order.
            now: Unix seconds.
        """
        rejected = []
        seen: set[StoredSeries] = set()
        now_ns = int(now * SECOND)
        for index, each in enumerate(series):
            try:
                self._write(index, each, now_ns, seen)
            except RejectedPointError as error:
                rejected.append(RejectedSeries(index, each, error.code, error.text, error.times))
        return rejected

    def _write(self, index: int, given: Any, now: int, seen: set[StoredSeries]) -> None:
        """Write one series' point.

        Raises:
            RejectedPointError: The rules do not allow it.
        """
        point = new_point(index, given, now)
        resource = self._resource(index, given.resource)
        metric = given.metric.SerializeToString(deterministic=True)
        descriptor = self.descriptors.get(given.metric.type)
        series = descriptor.series.get((metric, resource)) if descriptor else None
        if descriptor is not None:
            check_type(descriptor.message, given, point)
        if series is None:
            descriptor = self._descriptor(index, descriptor, given, point)
            series = descriptor.series[metric, resource] = StoredSeries(metric, resource)
        elif series in seen:
            text = (
                "Duplicate TimeSeries encountered. Only one point can be written per TimeSeries per"
                " request."
            )
            raise RejectedPointError(field_text(f"timeSeries[{index}]", text))
        seen.add(series)
        if series.times:
            check_order(given.metric.type, series.times[-1], point.end)
        series.times.append(point.end)
        series.values.append(point.value)

    def _resource(self, index: int, given: Any) -> StoredResource:
        """Return the resource of a series; checked the first time."""
        raw = given.SerializeToString(deterministic=True)
        known = self._resources.get(raw)
        if known is not None:
            return known
        labels = dict(given.labels) | {"project_id": self.project}
        check_resource(index, given.type, labels)
        # It is the same resource with and without its project_id.
        message = monitored_resource_pb2.MonitoredResource(type=given.type, labels=labels)
        whole = message.SerializeToString(deterministic=True)
        resource = self._resources.setdefault(whole, StoredResource(given.type, labels))
        self._resources[raw] = resource
        return resource

    def _descriptor(
        self, index: int, descriptor: StoredDescriptor | None, given: Any, point: NewPoint
    ) -> StoredDescriptor:
        """Return the descriptor for a new series; create it or add its labels as needed."""
        type_, labels = given.metric.type, dict(given.metric.labels)
        check_values(index, labels)
        if descriptor is not None and descriptor.keys.issuperset(labels):
            return descriptor
        keys = set(labels) | (descriptor.keys if descriptor else set())
        problem = name_problem(type_) or keys_problem(keys)
        if problem:
            raise RejectedPointError(problem)
        if descriptor is None:
            value_type = VALUE_TYPES[point.value_field]
            if value_type == ValueType.STRING:
                raise RejectedPointError(
                    f"Value type for metric {type_} must be one of BOOL, INT64, DOUBLE and"
                    " DISTRIBUTION, but is STRING."
                )
            descriptor = self.descriptors[type_] = StoredDescriptor(
                metric_pb2.MetricDescriptor(
                    name=f"projects/{self.project}/metricDescriptors/{type_}",
                    type=type_,
                    metric_kind=given.metric_kind or MetricKind.GAUGE,
                    value_type=value_type,
                )
            )
        descriptor.add_labels(keys)
        return descriptor

    def create_descriptor(self, given: metric_pb2.MetricDescriptor) -> metric_pb2.MetricDescriptor:
        """Create a descriptor, or add labels and texts to the one that exists.

        Raises:
            StatusError: Its name, labels, kind or value type are not allowed.
        """
        keys = {each.key for each in given.labels}
        problem = name_problem(given.type) or keys_problem(keys)
        if problem:
            raise invalid_argument(problem)
        if given.metric_kind == MetricKind.METRIC_KIND_UNSPECIFIED:
            raise invalid_field("metricDescriptor.metricKind", "The metric kind is required.")
        if given.value_type not in VALUE_TYPES.values():
            raise invalid_field("metricDescriptor.valueType", "The value type is required.")
        known = self.descriptors.get(given.type)
        if known is not None:
            check_unchanged(known.message, given, keys)
        message = metric_pb2.MetricDescriptor()
        message.CopyFrom(given)
        message.name = f"projects/{self.project}/metricDescriptors/{given.type}"
        descriptor = StoredDescriptor(message)
        if known is not None:
            descriptor.series = known.series
        self.descriptors[given.type] = descriptor
        return message

    def all_series(self, metric_type: str | None = None) -> Iterator[tuple[str, StoredSeries]]:
        """Yield the series of one metric, or of all, with the metric's type."""
        for type_, descriptor in self.descriptors.items():
            if metric_type in (None, type_):
                for series in descriptor.series.values():
                    yield type_, series

    def matching_series(
        self, wanted: MonitoringFilter, start: int, end: int, limit: int | None
    ) -> Iterator[tuple[int, Callable[[], Any]]]:
        """Yield what a filter accepts, as numbers of points and what builds each raw TimeSeries.

        Args:
            wanted: The filter.
            start: The first nanosecond, since 1970, in which a point may end.
            end: The last one.
            limit: The most points of a message; a longer series comes in several, its newest
                points first. None: no message has points.
        """
        for times, fields, message in self._series(wanted):
            found = range(bisect_left(times, start), bisect_right(times, end))
            if not found or not wanted.accepts(fields()):
                continue
            size = limit or len(found)
            for stop in range(found.stop, found.start, -size):
                part = range(max(found.start, stop - size), stop)
                yield len(part), partial(message, () if limit is None else reversed(part))

    def _series(
        self, wanted: MonitoringFilter
    ) -> Iterator[tuple[Sequence[int], Callable[[], dict[str, str]], Callable[..., Any]]]:
        """Yield the times, the fields and the message of each series whose type is accepted."""
        for type_, descriptor in self.descriptors.items():
            if wanted.accepts({"metric.type": type_}, only="metric.type"):
                for series in descriptor.series.values():
                    fields = partial(series.fields, type_)
                    yield series.times, fields, partial(series.message, descriptor)
        for seeded in self.seeded:
            yield seeded.times, seeded.fields, seeded.message
