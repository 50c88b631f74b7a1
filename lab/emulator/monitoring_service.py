"""The Cloud Monitoring service: series are written and read, descriptors created and deleted."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

from google.cloud import monitoring_v3
from google.protobuf import empty_pb2

from lab.emulator.page_tokens import page_range
from lab.emulator.partial_write_errors import partial_write_error
from lab.emulator.project_metrics import ProjectMetrics
from lab.emulator.server import Method, Services
from lab.emulator.status_errors import StatusError, invalid_field, permission_denied
from lab.emulator.stored_series import SeededSeries
from lab.emulator.write_rules import SECOND, nanoseconds
from lab.filters.monitoring_filter import MonitoringFilter, parse_monitoring_filter
from lab.filters.syntax import FilterError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from google.api import metric_pb2

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
        refusals: PartialWriteFormat,
    ) -> None:
        """Create the service.

        Args:
            fleet: Returns what exists now: projects, and the caller's permissions in them.
            clock: Returns unix seconds.
            refusals: How errors name the series that were refused.
        """
        self._fleet = fleet
        self._clock = clock
        self._refusals = refusals
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
        """Return the accepted points of one metric, or of all.

        The points of a series follow each other, and share their labels.
        """
        with self._lock:
            return [
                WrittenPoint(
                    project.project,
                    type_,
                    labels,
                    series.resource.type,
                    resource_labels,
                    time / SECOND,
                    value,
                )
                for project in self._projects.values()
                for type_, series in project.all_series(metric_type)
                for labels in [series.metric_labels()]
                for resource_labels in [dict(series.resource.labels)]
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
                rejected, sum(len(each.points) for each in given), self._refusals
            )
        return empty_pb2.Empty()

    def _list_series(self, request: Any) -> Any:
        metrics = self._metrics(request.name, "monitoring.timeSeries.list")
        wanted = _parsed(request.filter)
        if not wanted.names("metric.type"):
            raise invalid_field("filter", "The filter must name a metric type.", request.filter)
        if request.HasField("aggregation") or request.HasField("secondary_aggregation"):
            raise StatusError("UNIMPLEMENTED", "The emulator does not aggregate.")
        interval = request.interval
        end = nanoseconds(interval.end_time)
        start = nanoseconds(interval.start_time) if interval.HasField("start_time") else end
        page = page_range(
            request,
            f"{request.name} {request.filter} {start} {end}",
            default=_POINTS_A_PAGE,
            largest=_POINTS_A_PAGE,
        )
        headers = request.view == monitoring_v3.ListTimeSeriesRequest.TimeSeriesView.HEADERS
        response = _ListSeriesResponse()
        counted = 0
        with self._lock:
            found = metrics.matching_series(wanted, start, end, None if headers else page.size)
            for index, (points, message) in enumerate(found):
                if index < page.start:
                    continue
                # A page ends between series, but for one that does not fit on any.
                counted += 1 if headers else points
                if counted > page.size and response.time_series:
                    response.next_page_token = page.token(index)
                    break
                response.time_series.append(message())
        return response

    def seed_series(self, project: str, series: Iterable[Any]) -> None:
        """Add series that nobody writes, such as those of Google's own metrics.

        Args:
            project: The project's id.
            series: Raw TimeSeries, with any resource and kind.
        """
        with self._lock:
            metrics = self._projects.setdefault(project, ProjectMetrics(project))
            metrics.seeded.extend(map(SeededSeries, series))

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
        page = page_range(
            request,
            f"{request.name} {request.filter}",
            default=_DESCRIPTORS_A_PAGE,
            largest=_DESCRIPTORS_A_PAGE,
        )
        with self._lock:
            found, token = page.cut(
                [
                    descriptor.message
                    for type_, descriptor in sorted(metrics.descriptors.items())
                    if wanted.accepts({"metric.type": type_})
                ]
            )
        return _ListDescriptorsResponse(metric_descriptors=found, next_page_token=token)

    def _delete_descriptor(self, request: Any) -> empty_pb2.Empty:
        metrics = self._metrics(request.name, "monitoring.metricDescriptors.delete")
        with self._lock:
            del metrics.descriptors[_known_type(metrics, request.name)]
        return empty_pb2.Empty()

    def _metrics(self, name: str, permission: str) -> ProjectMetrics:
        """Return the metrics of the project that a name begins with.

        Raises:
            StatusError: The name or the project does not exist, or the permission is missing.
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


def _known_type(metrics: ProjectMetrics, name: str) -> str:
    type_ = name.partition("/metricDescriptors/")[2]
    if type_ not in metrics.descriptors:
        raise StatusError("NOT_FOUND", f"Could not find descriptor for metric '{type_}'.")
    return type_


def _parsed(text: str) -> MonitoringFilter:
    try:
        return parse_monitoring_filter(text)
    except FilterError as error:
        raise invalid_field("filter", f"The filter could not be parsed: {error}", text) from None
