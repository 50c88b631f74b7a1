"""Answers Cloud Monitoring's calls: series are written and read, and alerts listed.

https://cloud.google.com/monitoring/api/ref_v3/rpc/google.monitoring.v3
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import chain
from threading import Lock
from typing import Any

from google.cloud import monitoring_v3
from google.protobuf import empty_pb2

from lab.emulator.answers import (
    RejectedPointError,
    StatusError,
    field_text,
    page_range,
    partial_write_error,
    permission_denied,
)
from lab.emulator.server import Answer, Services
from lab.emulator.snapshots import Snapshot
from lab.emulator.stored_series import MetricsProject, WrittenPoint
from lab.emulator.write_rules import SECOND

_ListSeriesResponse: Any = monitoring_v3.ListTimeSeriesResponse.pb()

_Channel: Any = monitoring_v3.NotificationChannel.pb()
# What is listed for alerts: the kind, its plural as methods and permissions spell it,
# and the field of an answer
_KINDS = (
    ("AlertPolicy", "AlertPolicies", "alert_policies"),
    ("NotificationChannel", "NotificationChannels", "notification_channels"),
    ("Snooze", "Snoozes", "snoozes"),
)

_FILTER = re.compile(
    r'\s*metric\.type\s*=\s*"([^"]+)"'
    r'(?:\s+AND\s+resource\.labels\.project_id\s*=\s*"([^"]+)")?\s*'
)
_NEXT_OLDER = monitoring_v3.Aggregation.Aligner.ALIGN_NEXT_OLDER
_SERIES_A_REQUEST = 200
_POINTS_A_PAGE = 100_000


@dataclass
class MonitoringService:
    """Keeps the series of metrics projects. Safe for threads."""

    fleet: Callable[[], Snapshot]  # what exists now
    clock: Callable[[], float]  # unix seconds
    visible_after: float  # seconds after its time, a point can be read
    _lock: Lock = field(default_factory=Lock)
    _projects: dict[str, MetricsProject] = field(default_factory=dict)

    @property
    def services(self) -> Services:
        """Return the methods by service, as a server takes them."""
        alerting = {
            f"google.monitoring.v3.{kind}Service": {
                f"List{several}": self._lists(several, listed)
            }
            for kind, several, listed in _KINDS
        }
        return alerting | {
            "google.monitoring.v3.MetricService": {
                "CreateTimeSeries": self._create_series,
                "ListTimeSeries": self._list_series,
            }
        }

    def points(self, metric_type: str | None = None) -> list[WrittenPoint]:
        """Return the accepted points of one metric, or of all.

        The points of a series follow each other, and share their labels.
        """
        found: list[WrittenPoint] = []
        with self._lock:
            for project in self._projects.values():
                found += project.points(metric_type)
        return found

    def project(self, id_: str) -> MetricsProject:
        """Return what a project holds, to be read or changed."""
        with self._lock:
            stored = self._projects.get(id_)
            if stored is None:
                stored = self._projects[id_] = MetricsProject(id_)
                project = self.fleet().project(id_)
                channels = project.notification_channels if project else ()
                for number, each in enumerate(channels, start=1):
                    channel = _Channel(
                        name=f"projects/{id_}/notificationChannels/{number}",
                        type_=each.type,
                        display_name=each.display_name,
                        enabled={"value": True},
                    )
                    stored.notification_channels.append(channel)
            return stored

    def _lists(self, several: str, listed: str) -> Answer:
        """Return the answer of a method that lists all of a kind."""
        response = getattr(monitoring_v3, f"List{several}Response").pb()
        permission = f"monitoring.{several[0].lower()}{several[1:]}.list"

        def answer(asked: Any) -> Any:
            # Snoozes are listed by parent, the others by name.
            name = getattr(asked, "parent", "") or asked.name
            project = self._project(name, permission)
            return response(**{listed: getattr(project, listed)})

        return answer

    def _create_series(self, request: Any) -> empty_pb2.Empty:
        project = self._project(request.name, "monitoring.timeSeries.create")
        given = request.time_series
        if len(given) > _SERIES_A_REQUEST:
            text = (
                f"A maximum of {_SERIES_A_REQUEST} TimeSeries can be written in a"
                " single request."
            )
            raise StatusError("INVALID_ARGUMENT", field_text("timeSeries", text))
        rejected: dict[int, RejectedPointError] = {}
        seen: set[bytes] = set()
        with self._lock:
            now = int(self.clock() * SECOND)
            for index, series in enumerate(given):
                try:
                    project.write(index, series, now, seen)
                except RejectedPointError as error:
                    rejected[index] = error
        if rejected:
            raise partial_write_error(given, rejected)
        return empty_pb2.Empty()

    def _list_series(self, request: Any) -> Any:
        project = self._project(request.name, "monitoring.timeSeries.list")
        wanted = _FILTER.fullmatch(request.filter)
        if not wanted:
            text = "The emulator knows filters on metric.type and project_id."
            raise StatusError("UNIMPLEMENTED", text)
        end = request.interval.end_time.ToNanoseconds()
        start = end
        if request.interval.HasField("start_time"):
            start = request.interval.start_time.ToNanoseconds()
        one_a_series = _is_aligned(request, end - start)
        visible = int((self.clock() - self.visible_after) * SECOND)
        listing = f"{request.name} {request.filter} {start} {end}"
        page = page_range(
            request, listing, default=_POINTS_A_PAGE, largest=_POINTS_A_PAGE
        )
        response = _ListSeriesResponse()
        skip = page.start
        room = page.size
        asked = self.fleet().project(project.id)
        scope = asked.metrics_scope if asked else ()
        stored = [project, *map(self.project, scope)]
        if wanted[2]:
            stored = [each for each in stored if each.id == wanted[2]]
        with self._lock:
            for series in chain(*(each.of_metric(wanted[1]) for each in stored)):
                # A page counts points; a series at its end goes on in the next one.
                points = series.newest_first(start, min(end, visible))
                if one_a_series:
                    points = points[:1]
                left = points[skip:]
                skip = max(0, skip - len(points))
                if left and room:
                    message = series.message(left[:room])
                    if one_a_series:
                        interval = message.points[0].interval
                        interval.end_time.CopyFrom(request.interval.end_time)
                        interval.start_time.CopyFrom(interval.end_time)
                    response.time_series.append(message)
                if len(left) > room:
                    response.next_page_token = page.token(page.start + page.size)
                    break
                room -= len(left)
        return response

    def _project(self, name: str, permission: str) -> MetricsProject:
        """Return what the project of a name holds, or raise Google's StatusError."""
        id_ = f"{name}/".split("/")[1]
        project = self.fleet().project(id_)
        if project is None or permission in project.denied:
            raise permission_denied(permission, f"projects/{id_}")
        return self.project(project.id)


def _is_aligned(request: Any, interval: int) -> bool:
    """Return whether a request asks for one point of each series, its last."""
    aggregation = request.aggregation
    if not (aggregation.per_series_aligner or request.view):
        return False
    period = aggregation.alignment_period.ToNanoseconds()
    newest_alone = aggregation.per_series_aligner == _NEXT_OLDER and period >= interval
    if request.view or not newest_alone:
        text = "The emulator gives all points, or ALIGN_NEXT_OLDER over the interval."
        raise StatusError("UNIMPLEMENTED", text)
    return True
