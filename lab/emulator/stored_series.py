"""Holds the series of a metrics project, as Cloud Monitoring does."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from google.cloud import monitoring_v3

from lab.emulator import write_rules
from lab.emulator.answers import RejectedPointError, field_text
from lab.emulator.write_rules import SECOND

_TimeSeries: Any = monitoring_v3.TimeSeries.pb()


class WrittenPoint(NamedTuple):
    """A point that was accepted; ``time`` in unix seconds."""

    project: str
    metric_type: str
    metric_labels: dict[str, str]
    resource_type: str
    resource_labels: dict[str, str]
    time: float
    value: Any


@dataclass(slots=True)
class StoredSeries:
    """A series: a raw TimeSeries without points, and its points, oldest first.

    Times are in nanoseconds since 1970. Plain values take a tenth of the memory of raw
    points.
    """

    header: Any
    value_field: str
    starts: "array[int]" = field(default_factory=lambda: array("q"))
    times: "array[int]" = field(default_factory=lambda: array("q"))
    values: list[Any] = field(default_factory=list)

    def add(self, start: int, end: int, value: Any) -> None:
        """Add a point, younger than the others."""
        self.starts.append(start)
        self.times.append(end)
        self.values.append(value)

    def newest_first(self, start: int, end: int) -> range:
        """Return the indexes of the points in an interval, both ends included."""
        first = bisect_left(self.times, start)
        last = bisect_right(self.times, end)
        return range(last - 1, first - 1, -1)

    def message(self, indexes: Iterable[int]) -> Any:
        """Return the raw TimeSeries with the points at some indexes, in their order."""
        message = _TimeSeries()
        message.CopyFrom(self.header)
        for index in indexes:
            point = message.points.add(value={self.value_field: self.values[index]})
            point.interval.start_time.FromNanoseconds(self.starts[index])
            point.interval.end_time.FromNanoseconds(self.times[index])
        return message


@dataclass(slots=True)
class MetricsProject:
    """A project's series by their metrics' type, then metric and resource; its alerts.

    What alerts need are raw messages, which tests may change.
    """

    id: str
    written: dict[str, dict[bytes, StoredSeries]] = field(default_factory=dict)
    seeded: list[StoredSeries] = field(default_factory=list)
    alert_policies: list[Any] = field(default_factory=list)
    notification_channels: list[Any] = field(default_factory=list)
    snoozes: list[Any] = field(default_factory=list)
    has_log_metrics: bool = True

    def of_metric(self, metric_type: str | None) -> Iterator[StoredSeries]:
        """Yield the series of a metric, or all."""
        for type_, written in self.written.items():
            if metric_type in (None, type_):
                yield from written.values()
        for series in self.seeded:
            if metric_type in (None, series.header.metric.type):
                yield series

    def points(self, metric_type: str | None) -> Iterator[WrittenPoint]:
        """Yield the points of one metric, or of all, series by series."""
        for series in self.of_metric(metric_type):
            metric = series.header.metric
            resource = series.header.resource
            metric_labels = dict(metric.labels)
            resource_labels = dict(resource.labels)
            for time, value in zip(series.times, series.values, strict=True):
                yield WrittenPoint(
                    self.id,
                    metric.type,
                    metric_labels,
                    resource.type,
                    resource_labels,
                    time / SECOND,
                    value,
                )

    def write(self, index: int, given: Any, now: int, seen: set[bytes]) -> None:
        """Write a series' point, or raise RejectedPointError.

        ``index`` is its place in the request; ``seen`` has the series before it.
        """
        new = write_rules.new_point(index, given, now)
        # Whatever project_id a resource carries, or none: it becomes that of the
        # request.
        given.resource.labels["project_id"] = self.id
        key = given.metric.SerializeToString(deterministic=True)
        key += given.resource.SerializeToString(deterministic=True)
        written = self.written.setdefault(given.metric.type, {})
        series = written.get(key)
        if series is None:
            write_rules.check_labels(index, given.metric, given.resource)
            header = _TimeSeries(
                metric=given.metric,
                resource=given.resource,
                metric_kind=given.metric_kind or write_rules.GAUGE,
                value_type=write_rules.VALUE_TYPES[new.value_field],
            )
            series = written[key] = StoredSeries(header, new.value_field)
        elif key in seen:
            text = (
                "Duplicate TimeSeries encountered. Only one point can be written per"
                " TimeSeries per request."
            )
            raise RejectedPointError(field_text(f"timeSeries[{index}]", text))
        seen.add(key)
        if series.times:
            write_rules.check_order(series.times[-1], new.end)
        series.add(new.end, new.end, new.value)
