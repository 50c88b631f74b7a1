"""Short worlds, a Cloud Monitoring that answers as told, and what a run wrote."""

from collections.abc import Callable, Sequence
from threading import Lock
from typing import Any, NamedTuple, TypeAlias

from google.cloud import monitoring_v3
from google.protobuf import empty_pb2

from exporter.names import LocationName, StreamName
from exporter.run.report import Report
from lab.emulator.answers import StatusError, code_number
from lab.emulator.emulator import Emulator

EUROPE = LocationName("shop-prod", "europe-west1")
AMERICA = LocationName("shop-prod", "us-east1")
ORDERS = StreamName(*EUROPE, "orders")
USERS = StreamName(*AMERICA, "users")

PREFIX = "custom.googleapis.com/datastream/"

DISCOVERED = {"project": "shop-prod"}
LISTED = {"project": "shop-prod", "locations": ["europe-west1", "us-east1"]}
IN_EUROPE = {"project": "shop-prod", "locations": ["europe-west1"]}


def project(name: str, locations: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return a project of a world; a location is its streams' ids, or a mapping."""
    listed = []
    for at, what in locations.items():
        location = what
        if not isinstance(what, dict):
            location = {"streams": [{"id": one} for one in what]}
        listed.append({"id": at, **location})
    return {"id": name, "number": sum(name.encode()), "locations": listed, **more}


def world(locations: dict[str, Any] | None = None, **parts: Any) -> dict[str, Any]:
    """Return a world of ``shop-prod``, by default with a stream in two locations."""
    shop = project(
        "shop-prod", locations or {"europe-west1": ["orders"], "us-east1": ["users"]}
    )
    return {"projects": [shop, {"id": "metrics-project", "number": 77}], **parts}


def seen(report: Report) -> dict[str, list[str]]:
    """Return the ids of the streams that were read, by ``project/location``."""
    return {
        "/".join(location.name): [one.stream.id for one in location.listed]
        for location in report.locations
    }


class Point(NamedTuple):
    """A point of a request."""

    metric: str
    location: str
    namespace: str
    node: str
    time: float
    value: float


Points: TypeAlias = Sequence[Point]

Answer: TypeAlias = Callable[[Points], StatusError | None]
"""Takes the points of a request; returns why it is refused, or None to accept it."""


class Monitoring:
    """Takes the place of the emulator's Cloud Monitoring, and keeps every request.

    Attributes:
        answer: What it answers; it may wait before it does.
        requests: Every request, in order of arrival.
    """

    def __init__(self, cloud: Emulator, answer: Answer = lambda _points: None) -> None:
        self.answer = answer
        self.requests: list[Any] = []
        self._lock = Lock()
        cloud.answer("CreateTimeSeries", self._create)

    @property
    def batches(self) -> list[list[Point]]:
        """The points of each request."""
        return [_points(request) for request in self.requests]

    @property
    def points(self) -> list[Point]:
        """The points of all requests."""
        return [point for batch in self.batches for point in batch]

    def values(self, metric: str) -> dict[tuple[str, str], float]:
        """Return the values of a metric that were sent, by location and node."""
        return {
            (one.location, one.node): one.value
            for one in self.points
            if one.metric == metric
        }

    def _create(self, request: Any) -> empty_pb2.Empty:
        with self._lock:
            self.requests.append(request)
        if error := self.answer(_points(request)):
            raise error
        return empty_pb2.Empty()


def _points(request: Any) -> list[Point]:
    return [
        Point(
            series.metric.type.removeprefix(PREFIX),
            series.resource.labels["location"],
            series.resource.labels["namespace"],
            series.resource.labels["node_id"],
            point.interval.end_time.seconds + point.interval.end_time.nanos / 1e9,
            getattr(point.value, point.value.WhichOneof("value")),
        )
        for series in request.time_series
        for point in series.points
    ]


def has(points: Points, metric: str, location: str | None = None) -> bool:
    """Return whether a request has a point of a metric, in one location or in any."""
    return any(
        one.metric == metric and location in {None, one.location} for one in points
    )


def refusal(
    code: str,
    text: str = "",
    *,
    written: int | None = None,
    of: int = 0,
    errors: Sequence[tuple[str, int] | tuple[str, int, str]] = (),
) -> StatusError:
    """Return how a request of so many points is refused.

    With ``written`` there is a summary, whose errors have a code, a number of points
    and perhaps a text.
    """
    details: list[Any] = []
    if written is not None:
        summary = monitoring_v3.CreateTimeSeriesSummary.pb()(
            total_point_count=of, success_point_count=written
        )
        for name, points, *texts in errors:
            error = summary.errors.add(point_count=points)
            error.status.code = code_number(name)
            error.status.message = "".join(texts)
        details.append(summary)
    return StatusError(code, text, details)
