"""The Cloud Monitoring service: series are written and read, descriptors made and deleted."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

from google.cloud import monitoring_v3
from google.protobuf import empty_pb2

from lab.emulator.page_tokens import next_token, page_range, token
from lab.emulator.partial_write_errors import partial_write_error
from lab.emulator.series_queries import matching_series
from lab.emulator.series_store import ProjectMetrics
from lab.emulator.server import Method, Services
from lab.emulator.status_errors import StatusError, invalid_field, permission_denied
from lab.emulator.write_rules import SECOND
from lab.filters.monitoring_filter import MonitoringFilter, parse_monitoring_filter
from lab.filters.syntax import FilterError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from google.api import metric_pb2

    from lab.emulator.series_store import StoredDescriptor, StoredSeries
    from lab.emulator.timeline import Snapshot
    from lab.emulator.world_values import PartialWriteFormat

_CreateSeries: Any = monitoring_v3.CreateTimeSeriesRequest.pb()
_ListSeries: Any = monitoring_v3.ListTimeSeriesRequest.pb()
_ListSeriesResponse: Any = monitoring_v3.ListTimeSeriesResponse.pb()
_CreateDescriptor: Any = monitoring_v3.CreateMetricDescriptorRequest.pb()
_GetDescriptor: Any = monitoring_v3.GetMetricDescriptorRequest.pb()
_ListDescriptors: Any = monitoring_v3.ListMetricDescriptorsRequest.pb()
_ListDescriptorsResponse: Any = monitoring_v3.ListMetricDescriptorsResponse.pb()
_DeleteDescriptor: Any = monitoring_v3.DeleteMetricDescriptorRequest.pb()

_SERIES_A_REQUEST = 200
_POINTS_A_PAGE = 100_000
_DESCRIPTORS_A_PAGE = 10_000


_Head = tuple[str, str, dict[str, str], str, dict[str, str]]


class WrittenPoint(NamedTuple):
    """A point that was accepted; ``time`` in unix seconds."""

    project: str
    metric_type: str
    metric_labels: dict[str, str]
    resource_type: str
    resource_labels: dict[str, str]
    time: float
    value: Any


class MonitoringService:
    """Answers the calls of Google's MetricServiceClient."""

    def __init__(
        self,
        fleet: Callable[[], Snapshot],
        *,
        clock: Callable[[], float],
        wording: PartialWriteFormat,
    ) -> None:
        """Take what to answer by.

        Args:
            fleet: What exists now: projects, and what the caller may do in them.
            clock: Unix seconds.
            wording: How refused series are named.
        """
        self._fleet = fleet
        self._clock = clock
        self._wording = wording
        self._lock = Lock()
        self._projects: dict[str, ProjectMetrics] = {}

    @property
    def services(self) -> Services:
        """Return the methods by service, as a server takes them."""
        return {
            "google.monitoring.v3.MetricService": {
                "CreateTimeSeries": Method(_CreateSeries, self._create_series),
                "ListTimeSeries": Method(_ListSeries, self._list_series),
                "CreateMetricDescriptor": Method(_CreateDescriptor, self._create_descriptor),
                "GetMetricDescriptor": Method(_GetDescriptor, self._get_descriptor),
                "ListMetricDescriptors": Method(_ListDescriptors, self._list_descriptors),
                "DeleteMetricDescriptor": Method(_DeleteDescriptor, self._delete_descriptor),
            }
        }

    def points(self, metric_type: str | None = None) -> list[WrittenPoint]:
        """Return the points of one metric, or of all, as they were accepted.

        Those of one series follow each other, and share their labels.
        """
        with self._lock:
            return [
                WrittenPoint(*head, time / SECOND, value)
                for project in self._projects.values()
                for descriptor, series in project.all_series(metric_type)
                for head in [_head(project.project, descriptor, series)]
                for time, value in zip(series.times, series.values, strict=True)
            ]

    def _create_series(self, request: Any) -> empty_pb2.Empty:
        metrics = self._metrics(request.name, "monitoring.timeSeries.create")
        given = request.time_series
        if not given:
            raise invalid_field("timeSeries", "At least one TimeSeries must be specified.")
        if len(given) > _SERIES_A_REQUEST:
            raise invalid_field(
                "timeSeries",
                f"A maximum of {_SERIES_A_REQUEST} TimeSeries can be written in a single request.",
            )
        with self._lock:
            rejected = metrics.write(given, self._clock())
        if rejected:
            raise partial_write_error(
                rejected, sum(len(each.points) for each in given), self._wording
            )
        return empty_pb2.Empty()

    def _list_series(self, request: Any) -> Any:
        metrics = self._metrics(request.name, "monitoring.timeSeries.list")
        wanted = _parsed(request.filter)
        if not wanted.names("metric.type"):
            raise invalid_field("filter", "The filter must name a metric type.", request.filter)
        if request.HasField("aggregation") or request.HasField("secondary_aggregation"):
            raise StatusError("UNIMPLEMENTED", "The local server does not aggregate.")
        end = _nanoseconds(request.interval.end_time)
        start = (
            _nanoseconds(request.interval.start_time)
            if request.interval.HasField("start_time")
            else end
        )
        of = f"{request.name} {request.filter} {start} {end}"
        at = page_range(
            request.page_size,
            request.page_token,
            default=_POINTS_A_PAGE,
            largest=_POINTS_A_PAGE,
            of=of,
        )
        headers = request.view == monitoring_v3.ListTimeSeriesRequest.TimeSeriesView.HEADERS
        response = _ListSeriesResponse()
        counted = 0
        with self._lock:
            found = matching_series(metrics, wanted, start, end, None if headers else at.size)
            for index, (points, make) in enumerate(found):
                if index < at.start:
                    continue
                # A page ends between series, but for one that does not fit on any.
                counted += 1 if headers else points
                if counted > at.size and response.time_series:
                    response.next_page_token = token(index, of=of)
                    break
                response.time_series.append(make())
        return response

    def give(self, project: str, series: Iterable[Any]) -> None:
        """Let a project hold series that nobody writes, as those of Google's own metrics.

        Args:
            project: The project's id.
            series: Raw TimeSeries, with whatever resource and kind.
        """
        with self._lock:
            metrics = self._projects.setdefault(project, ProjectMetrics(project))
            metrics.given.add(series)

    def _create_descriptor(self, request: Any) -> metric_pb2.MetricDescriptor:
        metrics = self._metrics(request.name, "monitoring.metricDescriptors.create")
        with self._lock:
            return metrics.create_descriptor(request.metric_descriptor)

    def _get_descriptor(self, request: Any) -> metric_pb2.MetricDescriptor:
        metrics = self._metrics(request.name, "monitoring.metricDescriptors.get")
        with self._lock:
            return metrics.descriptors[_known_type(metrics, request.name)].message

    def _list_descriptors(self, request: Any) -> Any:
        metrics = self._metrics(request.name, "monitoring.metricDescriptors.list")
        wanted = _parsed(request.filter)
        of = f"{request.name} {request.filter}"
        at = page_range(
            request.page_size,
            request.page_token,
            default=_DESCRIPTORS_A_PAGE,
            largest=_DESCRIPTORS_A_PAGE,
            of=of,
        )
        with self._lock:
            found = [
                descriptor.message
                for type_, descriptor in sorted(metrics.descriptors.items())
                if wanted.accepts({"metric.type": type_})
            ]
            return _ListDescriptorsResponse(
                metric_descriptors=at.cut(found), next_page_token=next_token(at, len(found), of=of)
            )

    def _delete_descriptor(self, request: Any) -> empty_pb2.Empty:
        metrics = self._metrics(request.name, "monitoring.metricDescriptors.delete")
        with self._lock:
            del metrics.descriptors[_known_type(metrics, request.name)]
        return empty_pb2.Empty()

    def _metrics(self, name: str, permission: str) -> ProjectMetrics:
        """Return the metrics of the project that a name begins with.

        Raises:
            Refused: The name names no project; there is none; or the caller may not.
        """
        kind, _, rest = name.partition("/")
        id_ = rest.partition("/")[0]
        if kind != "projects" or not id_:
            raise invalid_field("name", "Name must begin with 'projects/{project_id}'.", name)
        project = self._fleet().project(id_)
        if project is None or permission in project.denied:
            raise permission_denied(permission, f"projects/{id_}")
        with self._lock:
            return self._projects.setdefault(project.id, ProjectMetrics(project.id))


def _head(project: str, descriptor: StoredDescriptor, series: StoredSeries) -> _Head:
    return (
        project,
        descriptor.message.type,
        series.metric_labels(),
        series.resource.type,
        dict(series.resource.labels),
    )


def _known_type(metrics: ProjectMetrics, name: str) -> str:
    type_ = name.partition("/metricDescriptors/")[2]
    if type_ not in metrics.descriptors:
        raise StatusError("NOT_FOUND", f"Could not find descriptor for metric '{type_}'.")
    return type_


def _nanoseconds(timestamp: Any) -> int:
    return int(timestamp.seconds) * SECOND + int(timestamp.nanos)


def _parsed(text: str) -> MonitoringFilter:
    try:
        return parse_monitoring_filter(text)
    except FilterError as error:
        raise invalid_field("filter", f"The filter could not be parsed: {error}", text) from None
