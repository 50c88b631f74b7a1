"""How writing ends: in time, when asked to, and with the truth about it."""

from __future__ import annotations

import math
from dataclasses import replace
from threading import Event
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.auth.exceptions import RefreshError
from google.cloud import monitoring_v3
from google.cloud.monitoring_v3.services.metric_service.transports import (
    MetricServiceGrpcTransport,
)

from exporter.google.calls import Deadline
from exporter.google.errors import Failure, FailureKind
from exporter.gcp.pool import Pool
from exporter.google.calls import Calls
from exporter.measure import STATE, Sample
from exporter.names import LocationName
from exporter.measure import Observations, ReadLocation, Stream, UnreadLocation
from exporter.run import Report
from exporter.write import writing as writing_module
from exporter.write.result import WriteResult
from exporter.write.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from google.rpc import status_pb2

    from tests.exporter.write.conftest import Monitoring, Point, StatusOf, Writing

AT = 1_767_225_600
SIZES = {"asia-east1": 30, "europe-west1": 30, "us-east4": 30}  # 369 points, two requests
PLACE = LocationName("shop-prod", "europe-west1")
FAILURE = Failure(FailureKind.UNAVAILABLE, "The service is currently unavailable.", "Wait.")


@pytest.fixture
def released() -> Iterator[Event]:
    """Return what holds answers back until it is set, at the latest when the test ends."""
    event = Event()
    yield event
    event.set()


def metrics(points: Sequence[Point]) -> set[str]:
    """Return the names of the metrics that a request holds."""
    return {point.metric for point in points}


def is_own(points: Sequence[Point]) -> bool:
    """Return whether a request holds the exporter's own series."""
    return "exporter/points_lost" in metrics(points)


# In time.


def test_the_exporter_s_own_go_out_when_the_time_is_used_up(
    monitoring: Monitoring, writing: Writing, released: Event
) -> None:
    """Streams' requests that hang use up the time, but for what the last request needs."""

    def hang(_number: int, points: Sequence[Point]) -> None:
        if not is_own(points):
            released.wait(30)

    monitoring.answer = hang
    report = writing.write(writing.measurement(SIZES), seconds=2, concurrency=1)
    assert report.seconds < 3
    assert (report.written.lost, report.written.accepted) == (369, 4)
    assert {
        point.value for point in monitoring.points if point.metric == "exporter/points_lost"
    } == {369}
    assert report.written.withheld_locations == {LocationName("shop-prod", each) for each in SIZES}
    assert not report.complete


@pytest.mark.parametrize("concurrency", [1, 4])
@pytest.mark.parametrize("code", [None, "UNAVAILABLE"])
@pytest.mark.parametrize("phase", ["location/up", "stream/state", "location/last_read"])
def test_a_batch_that_hangs_or_fails_again_and_again_costs_no_other_its_time(
    monitoring: Monitoring,
    writing: Writing,
    status_of: StatusOf,
    released: Event,
    phase: str,
    code: str | None,
    concurrency: int,
) -> None:
    """Whichever phase it is in, it alone is lost, and only its locations keep their last_read."""
    lost: list[Sequence[Point]] = []

    def answer(_number: int, points: Sequence[Point]) -> status_pb2.Status | None:
        lost.extend([points] * (phase in metrics(points) and not lost))
        if points not in lost:
            return None
        if code is None:
            released.wait(30)
            return None
        return status_of(code)

    monitoring.answer = answer
    report = writing.write(writing.measurement(SIZES), seconds=4, concurrency=concurrency)
    released.set()
    withheld = {
        LocationName("shop-prod", point.location)
        for point in lost[0]
        if point.metric == "stream/last_seen"
    }
    assert report.written.lost == len(lost[0])
    assert report.written.withheld_locations == withheld
    assert report.written.accepted == 369 + 3 - len(withheld) + 4 - len(lost[0])
    assert is_own(monitoring.batches[-1])


def test_a_batch_that_is_answered_late_has_its_last_read_after_it(
    monitoring: Monitoring, writing: Writing
) -> None:
    """A last_read waits for its own location's streams, and for no other's."""
    came = Event()

    def answer(_number: int, points: Sequence[Point]) -> None:
        if "location/last_read" in metrics(points):
            came.set()
        elif {"stream/last_seen"} <= metrics(points) and points[0].location == "us-east4":
            came.wait(30)

    monitoring.answer = answer
    sizes = dict.fromkeys(("asia-east1", "europe-west1", "us-east4"), 50)
    report = writing.write(writing.measurement(sizes), seconds=20)
    assert report.complete
    assert [
        [point.location for point in points]
        for points in monitoring.batches
        if "location/last_read" in metrics(points)
    ] == [["asia-east1", "europe-west1"], ["us-east4"]]


def test_a_hanging_request_is_sent_again(
    monitoring: Monitoring, writing: Writing, released: Event
) -> None:
    """One that gets no answer the first time is written by the second."""

    def hang_once(number: int, _points: Sequence[Point]) -> None:
        if number == 0:
            released.wait(30)

    monitoring.answer = hang_once
    report = writing.write(writing.measurement(SIZES), seconds=8)
    assert report.complete
    assert report.written.accepted == 369 + 3 + 4


def test_what_has_no_time_left_is_lost_without_a_call(
    monitoring: Monitoring, writing: Writing
) -> None:
    """A run whose reading used up its time sends nothing, and says so."""
    report = writing.write(writing.measurement(SIZES), seconds=0.01)
    assert monitoring.requests == []
    assert report.calls == 0
    assert report.written.lost == 369 + 4
    assert {error.failure.kind for error in report.written.errors if error.failure} == {
        FailureKind.TIMED_OUT
    }


def test_credentials_that_go_bad_lose_the_points_and_not_the_run(
    monitoring: Monitoring, writing: Writing
) -> None:
    """A token that cannot be refreshed is a failure of the batch, told as what it is."""
    del writing

    class Expired(grpc.AuthMetadataPlugin):  # type: ignore[misc] # grpc is untyped
        """Has no token to give."""

        def __call__(self, _context: Any, _callback: Callable[..., None]) -> None:
            raise RefreshError("Reauthentication is needed.")

    credentials = grpc.composite_channel_credentials(
        grpc.local_channel_credentials(), grpc.metadata_call_credentials(Expired())
    )
    with grpc.secure_channel(monitoring.address, credentials) as channel:
        client = monitoring_v3.MetricServiceClient(
            transport=MetricServiceGrpcTransport(channel=channel)
        )
        written = Writer(client, "monitoring-hub", Calls(), timestamp=AT, workers=1).write(
            [Sample(STATE, "europe-west1", "shop-prod", "orders", ("orders",), 2)],
            Deadline.after(0.5),
        )
    (error,) = written.errors
    assert written.lost == 1
    assert error.failure is not None
    assert error.failure.kind is FailureKind.CREDENTIALS
    assert "Reauthentication is needed" in error.failure.message


# When asked to.


def test_a_stop_finishes_the_request_under_way_and_begins_no_other(
    monitoring: Monitoring, writing: Writing
) -> None:
    """What was answered counts; the rest is left out, the exporter's own series among it."""

    def stop_in_the_second(number: int, _points: Sequence[Point]) -> None:
        if number == 1:
            writing.stop.set()

    monitoring.answer = stop_in_the_second
    report = writing.write(writing.measurement({**SIZES, "us-west1": 100}), concurrency=1)
    assert len(monitoring.requests) == 2
    assert report.written.accepted == 12 + 200
    assert report.written.lost == 0
    assert report.written.left_out == 4 * 3 + 190 * 4 - 212 + 4 + 4
    assert not any(
        metrics(batch) & {"location/last_read", "exporter/last_run"} for batch in monitoring.batches
    )
    assert report.stopped
    assert not report.complete


def test_a_stop_waits_for_a_request_that_hangs_for_seconds_only(
    monitoring: Monitoring, writing: Writing, released: Event
) -> None:
    """Cloud Run ends a process ten seconds after SIGTERM: what hangs is lost, and counted."""

    def hang(_number: int, _points: Sequence[Point]) -> None:
        writing.stop.set()
        released.wait(30)

    monitoring.answer = hang
    report = writing.write(writing.measurement(SIZES))
    assert report.seconds < 9
    assert len(monitoring.requests) == 1
    assert (report.written.lost, report.written.left_out) == (9, 360 + 3 + 4)


@pytest.mark.parametrize(("patience", "stopped"), [(math.inf, 3.0), (4.0, 3.0), (2.0, 2.0)])
def test_a_stop_waits_for_three_seconds(patience: float, stopped: float) -> None:
    """Or for less, where nothing is waited for as long anyway."""
    waits: list[tuple[float, float]] = []

    class Waits(Pool):
        def wait(self, patience: float = math.inf, *, when_stopped: float = 0.0) -> None:
            waits.append((patience, when_stopped))

    pool = Waits(1, Deadline.after(20))
    on_the_way = writing_module.Writing((), lambda _batch: WriteResult(), pool, lambda _count: None)
    on_the_way.wait(patience)
    assert waits == [(patience, stopped)]


def test_a_stop_among_the_locations_leaves_the_streams_out(
    monitoring: Monitoring, writing: Writing
) -> None:
    """A stop while the first requests are answered is obeyed before the streams are begun."""

    def stop_at_once(_number: int, _points: Sequence[Point]) -> None:
        writing.stop.set()

    monitoring.answer = stop_at_once
    report = writing.write(writing.measurement(SIZES))
    assert len(monitoring.requests) == 1
    assert (report.written.accepted, report.written.left_out) == (9, 360 + 3 + 4)


def test_a_stop_ends_the_trying_again(
    monitoring: Monitoring, writing: Writing, status_of: StatusOf
) -> None:
    """A request that was refused when the stop came is not repeated: its points are lost."""

    def refuse_and_stop(_number: int, _points: Sequence[Point]) -> status_pb2.Status:
        writing.stop.set()
        return status_of("UNAVAILABLE")

    monitoring.answer = refuse_and_stop
    report = writing.write(writing.measurement({"europe-west1": 10}))
    assert len(monitoring.requests) == 1
    assert (report.written.lost, report.written.left_out) == (3, 40 + 1 + 4)


def test_a_stop_while_reading_writes_nothing(monitoring: Monitoring, writing: Writing) -> None:
    """A run that has not seen everything keeps what it has seen to itself."""
    measurement = writing.measurement(SIZES)
    writing.stop.set()
    report = writing.write(
        replace(measurement, observations=replace(measurement.observations, skipped=1))
    )
    assert monitoring.requests == []
    assert report.written == WriteResult()
    assert not report.complete


def test_a_stop_after_all_was_read_leaves_all_out(monitoring: Monitoring, writing: Writing) -> None:
    """Nothing is begun, and every point that was due is counted."""
    writing.stop.set()
    report = writing.write(writing.measurement(SIZES))
    assert monitoring.requests == []
    assert report.written.left_out == 369 + 3 + 4
    assert report.written.settled == 0


# The truth about it.

READ = ReadLocation(PLACE, (Stream("orders", 2),))
UNREAD = UnreadLocation(LocationName("shop-prod", "us-east4"), FAILURE)
ALL = WriteResult(accepted=10)
LOST = WriteResult(accepted=9, lost=1)
LATE = WriteResult(accepted=9, superseded=1)


@pytest.mark.parametrize(
    ("observations", "written", "stopped", "complete"),
    [
        (Observations(locations=(READ,)), ALL, False, True),
        (Observations(), ALL, False, True),
        (Observations(locations=(READ, UNREAD)), ALL, False, True),
        (Observations(locations=(READ,)), LATE, False, True),
        (Observations(locations=(READ,)), LOST, False, False),
        (Observations(locations=(READ,)), LATE + LOST, False, False),
        (Observations(locations=(READ,), uncollected={PLACE: FAILURE}), ALL, False, False),
        (Observations(locations=(UNREAD,)), ALL, False, False),
        (Observations(discoveries={"shop-prod": FAILURE}), ALL, False, False),
        (Observations(locations=(READ,)), ALL, True, False),
    ],
    ids=[
        "all read and written",
        "a task without locations",
        "an unread location is an observation",
        "another run was first",
        "points lost",
        "points lost beside another run",
        "a collector failed",
        "nothing could be read",
        "nothing could be discovered",
        "stopped",
    ],
)
def test_a_run_is_complete_if_all_was_observed_and_written(
    observations: Observations,
    written: WriteResult,
    stopped: bool,  # noqa: FBT001 - a column of the table
    complete: bool,  # noqa: FBT001 - the same
    writing: Writing,
) -> None:
    """The exit code follows from this."""
    report = Report(
        measurement=writing.measurement({}, observed=observations),
        written=written,
        seconds=1.0,
        calls=3,
        stopped=stopped,
    )
    assert report.complete == complete


@pytest.mark.parametrize(
    ("observations", "written", "nobody"),
    [
        (Observations(locations=(READ,)), ALL, False),
        (Observations(locations=(READ,)), LOST, False),
        (Observations(locations=(READ,)), WriteResult(lost=10), True),
        (Observations(locations=(READ,)), WriteResult(), False),
        (Observations(locations=(UNREAD,)), ALL, True),
    ],
    ids=["all", "some points", "no point", "nothing was due", "nothing could be read"],
)
def test_a_run_reached_nobody_if_nothing_was_read_or_written(
    observations: Observations,
    written: WriteResult,
    nobody: bool,  # noqa: FBT001 - a column of the table
    writing: Writing,
) -> None:
    """The next one goes on with new connections."""
    measurement = writing.measurement({}, observed=observations)
    report = Report(measurement, written, seconds=1.0, calls=3, stopped=False)
    assert report.reached_nobody is nobody


def test_an_unread_location_is_written_as_such_and_as_nothing_else(
    monitoring: Monitoring, writing: Writing
) -> None:
    """Beside a clean location, an unread one sends up 0 alone: no counts, no last_read."""
    report = writing.write(writing.measurement({}, observed=Observations(locations=(READ, UNREAD))))
    assert report.complete
    values = [
        (point.metric, point.value) for point in monitoring.points if point.location == "us-east4"
    ]
    assert values == [("location/up", 0)]
