"""Looks to write, Google's own clients to write them with, and servers that answer as told."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from threading import Event, Lock
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import grpc
import pytest
from google.api_core import exceptions
from google.cloud import monitoring_v3
from google.protobuf import empty_pb2
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from exporter import config
from exporter.gcp import clients
from exporter.gcp.deadline import Deadline
from exporter.gcp.retry import Calls
from exporter.measure.evaluation import evaluate
from exporter.measure.samples import ExporterName, Measurement, ObjectsMeasurement
from exporter.names import LocationName
from exporter.read.observations import Observations, ReadLocation, Stream
from exporter.run import Report, Run
from exporter.shard import Shard
from exporter.task import Task
from exporter.write.writer import Writer
from lab.emulator.answers import StatusError, code_number
from lab.emulator.emulator import Emulator
from lab.emulator.world import World

if TYPE_CHECKING:
    from exporter.write.result import WriteResult

NOW = 1_767_225_600.75
"""When the runs of these tests take place, in unix seconds."""

PROJECT = "shop-prod"
HUB = "monitoring-hub"

_Summary: Any = monitoring_v3.CreateTimeSeriesSummary.pb()


class StatusOf(Protocol):
    """Builds the status of a refused CreateTimeSeries."""

    def __call__(
        self,
        code: str,
        text: str = "",
        *,
        written: int | None = None,
        of: int = 0,
        errors: Sequence[tuple[str, int] | tuple[str, int, str]] = (),
        retry: float | None = None,
    ) -> status_pb2.Status:
        """Return the status.

        Args:
            code: Its code's name.
            text: Its message.
            written: How many points the summary says were written; no summary where None.
            of: How many points the summary says there were.
            errors: The summary's: code, number of points and, where there is one, a text.
            retry: The seconds that a RetryInfo asks to wait.
        """


def _status(
    code: str,
    text: str = "",
    *,
    written: int | None = None,
    of: int = 0,
    errors: Sequence[tuple[str, int] | tuple[str, int, str]] = (),
    retry: float | None = None,
) -> status_pb2.Status:
    details: list[Any] = []
    if written is not None:
        summary = _Summary(total_point_count=of, success_point_count=written)
        for each, points, *texts in errors:
            error = summary.errors.add(point_count=points)
            error.status.code = code_number(each)
            error.status.message = "".join(texts)
        details.append(summary)
    if retry is not None:
        info = error_details_pb2.RetryInfo()
        info.retry_delay.FromMilliseconds(round(retry * 1000))
        details.append(info)
    return StatusError(code, text, details).status


class _Refused(grpc.RpcError, grpc.Call):  # type: ignore[misc] # grpc is untyped
    """A refusal as gRPC hands it to the client library."""

    def __init__(self, status: status_pb2.Status) -> None:
        super().__init__()
        self._status = rpc_status.to_status(status)

    def code(self) -> grpc.StatusCode:
        return self._status.code

    def details(self) -> str:
        text: str = self._status.details
        return text

    def trailing_metadata(self) -> Any:
        return self._status.trailing_metadata

    def initial_metadata(self) -> Any:
        return ()

    def is_active(self) -> bool:
        return False

    def time_remaining(self) -> None:
        return None

    def cancel(self) -> bool:
        return False

    def add_callback(self, callback: Callable[[], None]) -> bool:
        del callback
        return False


@pytest.fixture(scope="session")
def status_of() -> StatusOf:
    """Return what builds a status."""
    return _status


ErrorOf = Callable[[status_pb2.Status], exceptions.GoogleAPICallError]


@pytest.fixture(scope="session")
def error_of() -> ErrorOf:
    """Return what makes of a status the error that the client library raises for it."""

    def error(status: status_pb2.Status) -> exceptions.GoogleAPICallError:
        raised: exceptions.GoogleAPICallError = exceptions.from_grpc_error(_Refused(status))
        return raised

    return error


class Point(NamedTuple):
    """One series of a request, with its point."""

    metric: str
    location: str
    namespace: str
    node: str
    time: float
    value: float


Answer = Callable[[int, Sequence[Point]], status_pb2.Status | None]
"""What a request is answered with, given its number from 0 and what it holds; None accepts it."""


class Monitoring:
    """The emulator's Cloud Monitoring, with scripted answers; it keeps every request.

    Attributes:
        answer: What it answers; may wait before it does.
        requests: Every request as it came.
        events: That a request "came" or was "answered", and its number from 0.
        most_at_once: The most requests that were under way together.
    """

    def __init__(self) -> None:
        """Accept everything, until told otherwise."""
        self.answer: Answer = lambda _number, _points: None
        self.requests: list[Any] = []
        self.events: list[tuple[str, int]] = []
        self.most_at_once = 0
        self._at_once = 0
        self._lock = Lock()
        self._emulator = Emulator(World.model_validate({"projects": []}))
        self._emulator.answer("CreateTimeSeries", self._create)
        self._emulator.start()
        self.address = self._emulator.monitoring

    def stop(self) -> None:
        """Stop listening."""
        self._emulator.stop()

    def forget(self) -> None:
        """Be as new."""
        self.answer = lambda _number, _points: None
        self.requests, self.events = [], []
        self.most_at_once = 0

    @property
    def batches(self) -> list[list[Point]]:
        """What every request held, in order of arrival."""
        return [_points(request) for request in self.requests]

    @property
    def points(self) -> list[Point]:
        """What all requests held."""
        return [point for batch in self.batches for point in batch]

    def _create(self, request: Any) -> empty_pb2.Empty:
        with self._lock:
            number = len(self.requests)
            self.requests.append(request)
            self.events.append(("came", number))
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        status = self.answer(number, _points(request))
        with self._lock:
            self._at_once -= 1
            self.events.append(("answered", number))
        if status is not None:
            error = StatusError("UNKNOWN", "")
            error.status = status
            raise error
        return empty_pb2.Empty()


def _points(request: Any) -> list[Point]:
    return [
        Point(
            series.metric.type.removeprefix("custom.googleapis.com/datastream/"),
            series.resource.labels["location"],
            series.resource.labels["namespace"],
            series.resource.labels["node_id"],
            point.interval.end_time.seconds + point.interval.end_time.nanos / 1e9,
            getattr(point.value, point.value.WhichOneof("value")),
        )
        for series in request.time_series
        for point in series.points
    ]


@pytest.fixture(scope="session")
def _served() -> Iterator[Monitoring]:
    server = Monitoring()
    yield server
    server.stop()


@pytest.fixture
def monitoring(_served: Monitoring) -> Monitoring:
    """Return a MetricService that has not been asked anything yet."""
    _served.forget()
    return _served


class Writing:
    """An exporter that has read already: it writes looks to one Cloud Monitoring.

    Attributes:
        clients: Google's own; the one for Datastream leads nowhere.
        stop: The wish to stop, that every run of it obeys.
    """

    def __init__(self, address: str) -> None:
        """Connect to a server."""
        hosts = {"DATASTREAM_EMULATOR_HOST": "127.0.0.1:1", "MONITORING_EMULATOR_HOST": address}
        self.clients, _ = clients.connect(config.Endpoints(), hosts, clients.Identity())
        self.stop = Event()

    def config(self, **run: Any) -> config.Config:
        """Return a config with these keys under ``run``."""
        data = {
            "metrics": {"project": HUB},
            "sources": [{"project": PROJECT}],
            "run": {"concurrency": 4, **run},
        }
        return config.from_data(data, "config.yaml", {}).config

    def measurement(
        self,
        sizes: Mapping[str, int],
        *,
        now: float = NOW,
        node: str = "0",
        objects_alone: bool = False,
        observed: Observations | None = None,
    ) -> Measurement:
        """Measure so many running streams in each location.

        Args:
            sizes: The number of streams by location.
            now: Unix time of the run.
            node: The exporter's node_id.
            objects_alone: Whether it is a run that collects objects alone.
            observed: What was observed, in place of ``sizes``.
        """
        observations = observed or Observations(
            locations=tuple(
                ReadLocation(
                    LocationName(PROJECT, location),
                    tuple(Stream(f"stream-{number:04}", 2) for number in range(size)),
                )
                for location, size in sorted(sizes.items())
            )
        )
        made = ObjectsMeasurement if objects_alone else Measurement
        return made(
            ExporterName("europe-west1", "exporter", node),
            Shard(),
            int(now),
            observations,
            evaluate(observations, self.config(), now),
            errors=True,
        )

    def writer(self, workers: int) -> Writer:
        """Return a writer of points of the second at which the runs take place."""
        return Writer(self.clients.monitoring, HUB, Calls(), timestamp=int(NOW), workers=workers)

    def write_streams(self, measurement: Measurement) -> WriteResult:
        """Write the streams' samples only."""
        deadline = Deadline.after(20, self.stop)
        return self.writer(workers=4).write(measurement.stream_samples(), deadline)

    def write(
        self, measurement: Measurement, *, seconds: float = 20, now: float = NOW, **run: Any
    ) -> Report:
        """Write a measurement in a run of so many seconds, with these keys under ``run``."""
        return Run(
            self.clients,
            self.config(**run),
            Task(measurement.exporter),
            Deadline.after(seconds, self.stop),
            now=lambda: now,
        ).write([measurement])


@pytest.fixture
def writing(monitoring: Monitoring) -> Iterator[Writing]:
    """Return an exporter that writes to the MetricService that answers as it is told to."""
    made = Writing(monitoring.address)
    with made.clients:
        yield made


class Local(NamedTuple):
    """The embedded Google Cloud, and an exporter that writes to it."""

    cloud: Emulator
    writing: Writing


Serve = Callable[..., Local]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Return what serves a world, its parts as in a file, its clock standing at the run's time."""
    with ExitStack() as running:

        def served(**parts: Any) -> Local:
            world = {"projects": [{"id": HUB, "number": 77}], **parts}
            cloud = Emulator(World.model_validate(world), clock=lambda: NOW)
            running.enter_context(cloud)
            made = Writing(cloud.monitoring)
            running.enter_context(made.clients)
            return Local(cloud, made)

        yield served
