"""Series that are there without anybody having written them: those of Google's own metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from google.cloud import monitoring_v3

from lab.emulator.write_rules import SECOND

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lab.filters.monitoring_filter import MonitoringFilter

_TimeSeries: Any = monitoring_v3.TimeSeries.pb()


class SeededSeries:
    """A project's series as raw TimeSeries. Not safe for threads: its caller locks."""

    def __init__(self) -> None:
        """Start empty."""
        self._series: list[Any] = []

    def add(self, series: Iterable[Any]) -> None:
        """Add series; the points of each may be in any order."""
        for each in series:
            kept = _TimeSeries()
            kept.CopyFrom(each)
            kept.points.sort(key=_ends, reverse=True)
            self._series.append(kept)

    def found(self, wanted: MonitoringFilter, start: int, end: int) -> Iterator[Any]:
        """Yield what a filter accepts, with the points that end in the closed interval.

        Args:
            wanted: The filter.
            start: Nanoseconds since 1970.
            end: Likewise.
        """
        for each in self._series:
            points = [point for point in each.points if start <= _ends(point) <= end]
            if points and wanted.accepts(_fields(each)):
                yield with_points(each, points)


def with_points(series: Any, points: Iterable[Any]) -> Any:
    """Return a copy of a raw TimeSeries with other points."""
    return _TimeSeries(
        metric=series.metric,
        resource=series.resource,
        metric_kind=series.metric_kind,
        value_type=series.value_type,
        unit=series.unit,
        points=points,
    )


def _ends(point: Any) -> int:
    return int(point.interval.end_time.seconds) * SECOND + int(point.interval.end_time.nanos)


def _fields(series: Any) -> dict[str, str]:
    return (
        {"metric.type": series.metric.type, "resource.type": series.resource.type}
        | {f"metric.labels.{key}": value for key, value in series.metric.labels.items()}
        | {f"resource.labels.{key}": value for key, value in series.resource.labels.items()}
    )
