"""What ListTimeSeries answers with: series that a filter accepts, in parts that fit on a page."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from functools import partial
from typing import TYPE_CHECKING, Any

from google.api import metric_pb2
from google.cloud import monitoring_v3

from lab.emulator.seeded_series import with_points
from lab.emulator.series_store import resource_message
from lab.emulator.write_rules import SECOND

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lab.emulator.series_store import ProjectMetrics, StoredDescriptor, StoredSeries
    from lab.filters.monitoring_filter import MonitoringFilter

_TimeSeries: Any = monitoring_v3.TimeSeries.pb()
_Point: Any = monitoring_v3.Point.pb()


def matching_series(
    metrics: ProjectMetrics, wanted: MonitoringFilter, start: int, end: int, most: int | None
) -> Iterator[tuple[int, Callable[[], Any]]]:
    """Yield what is found, in parts of so many points at most, the newest of a series first.

    Each part comes as the number of its points and what makes its message; without ``most`` that
    has no points.
    """
    for descriptor, series, kept in _found(metrics, wanted, start, end):
        for part in _split(kept, most):
            yield len(part), partial(_time_series, descriptor, series, part, headers=most is None)
    for each in metrics.given.found(wanted, start, end):
        for part in _split(range(len(each.points)), most):
            newest_first = slice(len(each.points) - part.stop, len(each.points) - part.start)
            points = [] if most is None else each.points[newest_first]
            yield len(part), partial(with_points, each, points)


def _split(kept: range, most: int | None) -> Iterator[range]:
    size = most or len(kept)
    for stop in range(kept.stop, kept.start, -size):
        yield range(max(kept.start, stop - size), stop)


def _fields(type_: str, series: StoredSeries) -> dict[str, str]:
    return (
        {"metric.type": type_, "resource.type": series.resource.type}
        | {f"metric.labels.{key}": value for key, value in series.metric_labels().items()}
        | {f"resource.labels.{key}": value for key, value in series.resource.labels.items()}
    )


def _time_series(
    descriptor: StoredDescriptor, series: StoredSeries, kept: range, *, headers: bool
) -> Any:
    message = _TimeSeries(
        metric=metric_pb2.Metric.FromString(series.metric),
        resource=resource_message(series.resource),
        metric_kind=descriptor.message.metric_kind,
        value_type=descriptor.message.value_type,
        unit=descriptor.message.unit,
    )
    if not headers:
        message.points.extend(
            _point(descriptor, series.times[at], series.values[at]) for at in reversed(kept)
        )
    return message


def _point(descriptor: StoredDescriptor, time: int, value: Any) -> Any:
    at = {"seconds": time // SECOND, "nanos": time % SECOND}
    return _Point(
        interval={"start_time": at, "end_time": at}, value={descriptor.value_field: value}
    )


def _found(
    metrics: ProjectMetrics, wanted: MonitoringFilter, start: int, end: int
) -> Iterator[tuple[StoredDescriptor, StoredSeries, range]]:
    """Yield the series that a filter accepts and that have points in the closed interval."""
    for type_, descriptor in metrics.descriptors.items():
        if not wanted.accepts({"metric.type": type_}, only="metric.type"):
            continue
        for series in descriptor.series.values():
            kept = range(bisect_left(series.times, start), bisect_right(series.times, end))
            if kept and wanted.accepts(_fields(type_, series)):
                yield descriptor, series, kept
