"""Whole runs: what is written in which order; a location costs no other anything."""

import time
from collections.abc import Callable
from dataclasses import replace
from threading import Event
from typing import Any

import pytest

from exporter.config import Source
from exporter.google.calls import Deadline
from exporter.google.errors import Failure, FailureKind
from exporter.run import run
from exporter.run.run import run_once
from exporter.steps.write import Written
from lab.emulator.answers import StatusError
from lab.simulate.simulation import Clock
from tests.exporter.conftest import PLENTY, Serve
from tests.exporter.worlds import (
    DISCOVERED,
    EUROPE,
    LISTED,
    PREFIX,
    Monitoring,
    Points,
    has,
    project,
    refusal,
    seen,
    world,
)
from tests.tables import rows

COUNTS = ["location/up", "location/streams", "location/unwatched"]
OF_A_STREAM = ["stream/state", "stream/expected", "stream/last_seen", "stream/errors"]
OWN = [
    "exporter/last_run",
    "exporter/next_run",
    "exporter/run_seconds",
    "exporter/points_lost",
    "exporter/contract",
    "exporter/streams",
]
FAILURE = Failure(
    FailureKind.UNAVAILABLE, "The service is currently unavailable.", "Wait."
)


def names(points: Points) -> list[str]:
    """Return the metrics of points."""
    return [point.metric for point in points]


# What is written.


def test_a_location_is_written_in_its_order_and_the_exporter_last(serve: Serve) -> None:
    """Each location's points keep their order, and all have one whole second."""
    lab = serve(
        world(
            {
                "europe-west1": ["a", "b"],
                "us-east1": ["users"],
                "us-east4": ["x1", "x2"],
                "us-west1": [],
            }
        )
    )
    monitoring = Monitoring(lab.cloud)
    report = lab.run(DISCOVERED | {"include": ["?", "users"]})
    assert report.complete
    for at, streams, others in (
        ("europe-west1", 2, 0),
        ("us-east1", 1, 0),
        ("us-east4", 0, 2),
    ):
        batches = [
            names(points) for points in monitoring.batches if points[0].location == at
        ]
        assert batches == [COUNTS + OF_A_STREAM * streams, ["location/last_read"]]
        unwatched = monitoring.values("location/unwatched")
        assert unwatched[at, "datastream"] == others
    *_, own = monitoring.batches
    assert names(own) == OWN
    (shared,) = [
        batch for batch in monitoring.batches[:-1] if batch[-1].location == "global"
    ]
    assert names(shared) == ["location/up", "location/last_read", "location/up"]
    assert {point.location for point in shared[:-1]} == {"us-west1"}
    assert {point.time for point in monitoring.points} == {report.timestamp}
    times = {"stream/last_seen", "location/last_read", "exporter/last_run"}
    assert {one.value for one in monitoring.points if one.metric in times} == {
        report.timestamp
    }


@rows
def test_no_call_is_made_more_than_the_points_need(
    serve: Serve, sizes: list[int], empty: int, requests: int, points: int
) -> None:
    """A location with streams costs two requests, and one more for each 200 points."""
    places: dict[str, Any] = {f"empty-{number}": [] for number in range(empty)}
    for size in sizes:
        places[f"with-{size}"] = {"streams": [{"id": "s-{}", "count": size}]}
    hub = project("metrics-project", {})
    lab = serve({"projects": [project("shop-prod", places), hub]})
    monitoring = Monitoring(lab.cloud)
    report = lab.run(DISCOVERED)
    assert report.complete
    assert report.written == Written(accepted=points)
    assert len(monitoring.points) == points
    assert len(monitoring.requests) == requests
    # A discovery, the locations, and three lists of what is read back
    assert report.calls == 1 + len(places) + 3 + requests


def test_the_exporter_writes_about_itself_under_its_own_name(serve: Serve) -> None:
    """The exporter's name is config's, and its node is 0."""
    lab = serve(world())
    monitoring = Monitoring(lab.cloud)
    named = {"name": "exporter-eu", "location": "europe-west4"}
    report = lab.run(LISTED, run=named)
    own = monitoring.batches[-1]
    assert names(own) == OWN
    assert {point[1:4] for point in own} == {("europe-west4", "exporter-eu", "0")}
    values = {point.metric: point.value for point in own}
    assert values["exporter/last_run"] == report.timestamp
    assert values["exporter/contract"] == 8
    assert values["exporter/points_lost"] == 0
    seconds = values["exporter/run_seconds"]
    assert 0 <= seconds == round(seconds, 3)


@rows
def test_the_next_run_is_overdue_after_one_missed_start(
    serve: Serve, interval: str, watch: float, seconds: float
) -> None:
    """A schedule has config's interval, watch its own; two minutes at least."""
    lab = serve(world())
    monitoring = Monitoring(lab.cloud)
    report = lab.run(LISTED, interval=watch, run={"interval": interval})
    overdue = monitoring.values("exporter/next_run")["global", "0"]
    assert overdue == report.timestamp + seconds


# One location costs no other anything.


def test_what_hangs_costs_its_own_location_only(serve: Serve) -> None:
    """Beside 150 locations that hang in reading and one in writing, all are whole."""
    well = {"europe-west1": ["orders"], "us-east1": ["users"], "us-west1": []}
    # A connection carries a hundred calls at once, and these come first.
    hanging = {f"a{number}": ["x"] for number in range(150)}
    released = Event()
    fault = {"method": "ListStreams", "location": "a*", "latency": "10m"}
    lab = serve(world(hanging | well, faults=[fault]))

    def answer(points: Points) -> None:
        if has(points, "stream/state", "us-east1"):
            released.wait(PLENTY)

    monitoring = Monitoring(lab.cloud, answer)
    report = lab.run(DISCOVERED, seconds=8)
    released.set()
    assert {why.kind for why in report.unread.values()} == {FailureKind.TIMED_OUT}
    assert {"".join(name[1:]) for name in report.unread} == hanging.keys()
    assert list(seen(report)) == [f"shop-prod/{at}" for at in well]
    assert monitoring.values("location/up") == {
        (at, "datastream"): int(at not in hanging) for at in [*hanging, *well, "global"]
    }
    assert {at for at, _ in monitoring.values("location/last_read")} == {
        "europe-west1",
        "us-west1",
    }
    # The request that hangs is tried again, and is lost once.
    assert report.written.lost == 7
    assert monitoring.values("exporter/points_lost") == {("global", "0"): 7}
    assert report.seconds < PLENTY / 3


@rows
def test_a_lost_point_holds_back_the_last_read_of_its_location_only(
    serve: Serve, metric: str, lost: int, sent: list[str]
) -> None:
    """One of many points is enough: a lost last_seen must not look like a deletion."""
    sixty = {"streams": [{"id": "s-{}", "count": 60}]}
    lab = serve(world({"europe-west1": sixty, "us-east1": ["users"]}))
    first: list[Points] = []

    def answer(points: Points) -> StatusError | None:
        if first or not has(points, metric, "europe-west1"):
            return None
        first.append(points)
        written = len(points) - lost
        return refusal("INVALID_ARGUMENT", "Refused.", written=written, of=len(points))

    monitoring = Monitoring(lab.cloud, answer)
    report = lab.run(DISCOVERED)
    assert report.written.lost == lost
    assert monitoring.values("exporter/points_lost") == {("global", "0"): lost}
    assert sorted(at for at, _ in monitoring.values("location/last_read")) == sent
    # All streams are sent, whatever became of the requests before them.
    assert len(monitoring.values("stream/state")) == 61
    assert not report.complete
    assert not report.reached_nobody


class Judged(Source):
    """A source whose streams are compared with config as a test says."""

    judge: Callable[[str], bool]

    def includes(self, stream_id: str) -> bool:
        """Return whether a stream is included."""
        return self.judge(stream_id)


def judged(judge: Callable[[str], bool]) -> Judged:
    """Return the listed source."""
    return Judged.model_validate({**LISTED, "judge": judge})


def test_an_answer_after_the_decision_that_there_is_none_is_dropped(
    serve: Serve,
) -> None:
    """A location compared too late gets `up` 0 and no other point, in this run."""
    lab = serve(world())
    decided = Event()

    def stall(stream: str) -> bool:
        return stream != "orders" or decided.wait(PLENTY)

    def answer(points: Points) -> None:
        if has(points, "location/up", "europe-west1"):
            decided.set()

    monitoring = Monitoring(lab.cloud, answer)
    report = lab.run(judged(stall), seconds=8)
    assert report.unread[EUROPE].kind is FailureKind.TIMED_OUT
    assert seen(report) == {"shop-prod/us-east1": ["users"]}
    sent = [one for one in monitoring.points if one.location == "europe-west1"]
    assert [(one.metric, one.value) for one in sent] == [("location/up", 0)]


def test_an_unexpected_error_in_writing_is_a_loss_until_the_next_run(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """After the error, the location is written again although nothing changed."""
    lab = serve(world())
    clock = Clock(time.time() - 160)
    session = lab.session(LISTED, interval=10, clock=clock)
    with monkeypatch.context() as patched:
        patched.setattr(run, "location_samples", None)
        report = run_once(session, Deadline.after(PLENTY))
    assert report.written.lost == 2
    assert all(record.exc_info for record in caplog.records)
    clock.now += 160
    assert run_once(session, Deadline.after(PLENTY)).complete
    assert len(lab.cloud.points(PREFIX + "stream/state")) == 2


def test_an_unexpected_error_costs_only_what_it_is_about(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A broken discovery is logged and counted, and the known locations are written."""
    bank = project("bank-prod", {"us-east1": ["ledger"]})
    lab = serve({"projects": [*world()["projects"], bank]})
    monitoring = Monitoring(lab.cloud)
    listed = {"project": "bank-prod", "locations": ["us-east1"]}
    session = lab.session(DISCOVERED, listed)
    monkeypatch.setattr(session.memory, "keep_discovered", None)
    report = run_once(session, Deadline.after(PLENTY))
    assert list(seen(report)) == ["bank-prod/us-east1"]
    assert monitoring.values("exporter/points_lost") == {("global", "0"): 1}
    (record,) = caplog.records
    assert record.getMessage().endswith("at projects/shop-prod:")
    assert record.exc_info


def test_the_shared_points_that_are_lost_are_counted(serve: Serve) -> None:
    """A run counts lost points of empty locations, and its own that nobody can see."""
    lab = serve(world({"europe-west1": [], "us-east1": ["users"]}))
    denied = refusal("PERMISSION_DENIED")

    def answer(points: Points) -> StatusError | None:
        return (
            denied
            if has(points, "location/up", "europe-west1") or has(points, OWN[0])
            else None
        )

    monitoring = Monitoring(lab.cloud, answer)
    report = lab.run(DISCOVERED)
    # Of the shared points, and of the exporter's own.
    assert report.written.lost == 3 + len(OWN)
    assert monitoring.values("exporter/points_lost") == {("global", "0"): 3}
    assert (
        monitoring.values("location/last_read")["us-east1", "datastream"]
        == report.timestamp
    )
    assert not report.complete


def test_an_unexpected_error_in_reading_leaves_the_location_unread(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    """Such an error is a bug, not a time-out, and its stack trace is in the log."""
    lab = serve(world())
    monitoring = Monitoring(lab.cloud)

    def fail(stream: str) -> bool:
        raise ValueError(stream)

    report = lab.run(judged(fail))
    assert {why.kind for why in report.unread.values()} == {FailureKind.REFUSED}
    assert "This is a bug" in report.unread[EUROPE].hint
    assert set(monitoring.values("location/up").values()) == {0}
    assert [record.exc_info is not None for record in caplog.records] == [True, True]


@rows
def test_a_run_is_complete_if_all_that_was_due_was_written(
    serve: Serve,
    written: dict[str, Any],
    *,
    read: bool,
    unread: bool,
    complete: bool,
    reached_nobody: bool,
) -> None:
    """Exit code and new connections follow from what was written and read."""
    report = serve(world()).run(LISTED)
    report = replace(
        report,
        read=report.read if read else {},
        unread={EUROPE: FAILURE} if unread else {},
        written=Written(**written),
    )
    assert report.complete == complete
    assert report.reached_nobody == reached_nobody
