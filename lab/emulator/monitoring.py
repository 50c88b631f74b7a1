"""Answers the calls of Google's MetricServiceClient: series are written and read."""

import re
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, NamedTuple

from google.api import metric_pb2
from google.cloud import monitoring_v3
from google.protobuf import empty_pb2

from lab.emulator import write_rules
from lab.emulator.answers import (
    Rejected,
    RejectedPointError,
    StatusError,
    field_text,
    page_range,
    partial_write_error,
    permission_denied,
)
from lab.emulator.server import Method, Services
from lab.emulator.snapshots import Snapshot
from lab.emulator.write_rules import SECOND, nanoseconds

_TimeSeries: Any = monitoring_v3.TimeSeries.pb()
_CreateSeries: Any = monitoring_v3.CreateTimeSeriesRequest.pb()
_ListSeries: Any = monitoring_v3.ListTimeSeriesRequest.pb()
_ListSeriesResponse: Any = monitoring_v3.ListTimeSeriesResponse.pb()
_ListChannels: Any = monitoring_v3.ListNotificationChannelsRequest.pb()
_ListChannelsResponse: Any = monitoring_v3.ListNotificationChannelsResponse.pb()

_FILTER = re.compile(r'\s*metric\.type\s*=\s*"([^"]+)"\s*')
_SERIES_A_REQUEST = 200
_POINTS_A_PAGE = 100_000


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
class _StoredSeries:
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
        self.starts.append(start)
        self.times.append(end)
        self.values.append(value)

    def message(self, indexes: Iterable[int]) -> Any:
        """Return the raw TimeSeries with the points at some indexes, in their order."""
        message = _TimeSeries()
        message.CopyFrom(self.header)
        for index in indexes:
            start, end = (
                divmod(self.starts[index], SECOND),
                divmod(self.times[index], SECOND),
            )
            message.points.add(
                interval={
                    "start_time": {"seconds": start[0], "nanos": start[1]},
                    "end_time": {"seconds": end[0], "nanos": end[1]},
                },
                value={self.value_field: self.values[index]},
            )
        return message


@dataclass(slots=True)
class _Project:
    """What one metrics project holds: descriptors by type, series by metric and resource."""

    id: str
    descriptors: dict[str, metric_pb2.MetricDescriptor] = field(default_factory=dict)
    written: dict[bytes, _StoredSeries] = field(default_factory=dict)
    seeded: list[_StoredSeries] = field(default_factory=list)

    def write(self, index: int, given: Any, now: int, seen: set[bytes]) -> None:
        """Write a series' point, or raise RejectedPointError; ``seen`` are the earlier series."""
        end, value_field, value = write_rules.new_point(index, given, now)
        # Whatever project_id a resource carries, or none: it becomes that of the
        # request.
        given.resource.labels["project_id"] = self.id
        key = given.metric.SerializeToString(deterministic=True)
        key += given.resource.SerializeToString(deterministic=True)
        descriptor = self.descriptors.get(given.metric.type)
        if descriptor is not None:
            write_rules.check_type(descriptor, value_field)
        series = self.written.get(key)
        if series is None:
            write_rules.check_labels(index, given.metric.labels, given.resource)
            descriptor = self._described(given, write_rules.VALUE_TYPES[value_field])
            header = _TimeSeries(
                metric=given.metric,
                resource=given.resource,
                metric_kind=descriptor.metric_kind,
                value_type=descriptor.value_type,
            )
            series = self.written[key] = _StoredSeries(header, value_field)
        elif key in seen:
            text = (
                "Duplicate TimeSeries encountered. Only one point can be written per"
                " TimeSeries per request."
            )
            raise RejectedPointError(field_text(f"timeSeries[{index}]", text))
        seen.add(key)
        if series.times:
            write_rules.check_order(series.times[-1], end)
        series.add(end, end, value)

    def _described(self, given: Any, value_type: int) -> metric_pb2.MetricDescriptor:
        """Return the descriptor for a new series; create it or add its labels as needed."""
        type_ = given.metric.type
        descriptor = self.descriptors.get(type_)
        known = {each.key for each in descriptor.labels} if descriptor else set()
        missing = set(given.metric.labels) - known
        if descriptor is None or missing:
            write_rules.check_descriptor(type_, known | missing)
        if descriptor is None:
            descriptor = self.descriptors[type_] = metric_pb2.MetricDescriptor(
                name=f"projects/{self.id}/metricDescriptors/{type_}",
                type=type_,
                metric_kind=given.metric_kind or write_rules.MetricKind.GAUGE,
                value_type=value_type,
            )
        for key in sorted(missing):
            descriptor.labels.add(key=key)
        return descriptor


class MonitoringService:
    """Keeps the series and descriptors of all metrics projects in memory. Safe for threads."""

    def __init__(
        self, fleet: Callable[[], Snapshot], clock: Callable[[], float]
    ) -> None:
        self._fleet = fleet
        self._clock = clock
        self._lock = Lock()
        self._projects: dict[str, _Project] = {}

    @property
    def services(self) -> Services:
        """Return the methods by service, as a server takes them."""
        return {
            "google.monitoring.v3.MetricService": {
                "CreateTimeSeries": Method(_CreateSeries, self._create_series),
                "ListTimeSeries": Method(_ListSeries, self._list_series),
            },
            "google.monitoring.v3.NotificationChannelService": {
                "ListNotificationChannels": Method(_ListChannels, self._list_channels)
            },
        }

    def points(self, metric_type: str | None = None) -> list[WrittenPoint]:
        """Return the accepted points of one metric, or of all.

        The points of a series follow each other, and share their labels.
        """
        points = []
        with self._lock:
            for project in self._projects.values():
                for series in project.written.values():
                    metric, resource = series.header.metric, series.header.resource
                    if metric_type not in (None, metric.type):
                        continue
                    labels, resource_labels = dict(metric.labels), dict(resource.labels)
                    where = (
                        project.id,
                        metric.type,
                        labels,
                        resource.type,
                        resource_labels,
                    )
                    points += [
                        WrittenPoint(*where, time / SECOND, value)
                        for time, value in zip(series.times, series.values, strict=True)
                    ]
        return points

    def seed_series(self, project: str, series: Iterable[Any]) -> None:
        """Add raw TimeSeries that nobody writes, with any resource and kind, to a project."""
        with self._lock:
            for given in series:
                header = _TimeSeries()
                header.CopyFrom(given)
                del header.points[:]
                points = sorted(
                    given.points, key=lambda one: nanoseconds(one.interval.end_time)
                )
                seeded = _StoredSeries(
                    header, points[0].value.WhichOneof("value") if points else ""
                )
                for point in points:
                    interval = point.interval
                    start, end = (
                        nanoseconds(interval.start_time),
                        nanoseconds(interval.end_time),
                    )
                    seeded.add(start, end, getattr(point.value, seeded.value_field))
                self._projects.setdefault(project, _Project(project)).seeded.append(
                    seeded
                )

    def _create_series(self, request: Any) -> empty_pb2.Empty:
        project = self._project(request.name, "monitoring.timeSeries.create")
        given = request.time_series
        if not given:
            raise _invalid_field(
                "timeSeries", "At least one TimeSeries must be specified."
            )
        if len(given) > _SERIES_A_REQUEST:
            raise _invalid_field(
                "timeSeries",
                f"A maximum of {_SERIES_A_REQUEST} TimeSeries can be written in a"
                " single request.",
            )
        rejected: list[Rejected] = []
        seen: set[bytes] = set()
        with self._lock:
            now = int(self._clock() * SECOND)
            for index, each in enumerate(given):
                try:
                    project.write(index, each, now, seen)
                except RejectedPointError as error:
                    rejected.append((index, each, error))
        if rejected:
            points = sum(len(each.points) for each in given)
            raise partial_write_error(rejected, points)
        return empty_pb2.Empty()

    def _list_series(self, request: Any) -> Any:
        project = self._project(request.name, "monitoring.timeSeries.list")
        wanted = _FILTER.fullmatch(request.filter)
        if not wanted:
            text = 'The emulator knows metric.type = "TYPE" and no other filter.'
            raise _invalid_field("filter", text, request.filter)
        if request.view or request.HasField("aggregation"):
            raise StatusError(
                "UNIMPLEMENTED", "The emulator gives all points as they are."
            )
        interval = request.interval
        end = nanoseconds(interval.end_time)
        start = (
            nanoseconds(interval.start_time) if interval.HasField("start_time") else end
        )
        listing = f"{request.name} {request.filter} {start} {end}"
        page = page_range(
            request, listing, default=_POINTS_A_PAGE, largest=_POINTS_A_PAGE
        )
        stop = page.start + page.size
        response = _ListSeriesResponse()
        counted = 0
        with self._lock:
            for series in (*project.written.values(), *project.seeded):
                if series.header.metric.type != wanted[1]:
                    continue
                first, last = (
                    bisect_left(series.times, start),
                    bisect_right(series.times, end),
                )
                newest_first = range(last - 1, first - 1, -1)
                # A page counts points; a series at its end goes on in the next one.
                part = newest_first[
                    max(0, page.start - counted) : max(0, stop - counted)
                ]
                if part:
                    response.time_series.append(series.message(part))
                counted += len(newest_first)
        if counted > stop:
            response.next_page_token = page.token(stop)
        return response

    def _list_channels(self, request: Any) -> Any:
        self._project(request.name, "monitoring.notificationChannels.list")
        project = self._fleet().project(request.name.removeprefix("projects/"))
        response = _ListChannelsResponse()
        for number, each in enumerate(project.channels if project else (), 1):
            name = f"{request.name}/notificationChannels/{number}"
            what = {"type_": each.type, "display_name": each.display_name}
            response.notification_channels.add(name=name, **what)
        return response

    def _project(self, name: str, permission: str) -> _Project:
        """Return what the project of ``projects/P`` holds, or raise Google's StatusError."""
        kind, id_, *_ = [*name.split("/"), ""]
        if kind != "projects" or not id_:
            raise _invalid_field(
                "name", "Name must begin with 'projects/{project_id}'.", name
            )
        project = self._fleet().project(id_)
        if project is None or permission in project.denied:
            raise permission_denied(permission, f"projects/{id_}")
        with self._lock:
            return self._projects.setdefault(project.id, _Project(project.id))


def _invalid_field(field: str, text: str, value: str | None = None) -> StatusError:
    return StatusError("INVALID_ARGUMENT", field_text(field, text, value))
