"""Objects and private connections: when they are collected, and what a failure costs."""

import time
from collections.abc import Sequence
from threading import Event
from typing import Any

import pytest
from google.cloud import datastream_v1

from exporter.google.errors import FailureKind
from tests.exporter.conftest import PLENTY, Serve
from tests.exporter.worlds import (
    AMERICA,
    EUROPE,
    LISTED,
    USERS,
    Monitoring,
    Point,
    has,
    seen,
    world,
)

QUARTER = int(time.time()) // 900 * 900
EVERYTHING = {"objects": True, "private_connections": True}
PLACES = {
    "europe-west1": {
        "streams": [{"id": "orders", "objects": [{"table": "shop.orders"}]}],
        "private_connections": [{"id": "peering", "state": "FAILED"}],
    },
    "us-east1": ["users"],
}
CLEAN = {"shop-prod/europe-west1": ["orders"], "shop-prod/us-east1": ["users"]}


@pytest.mark.parametrize(
    ("at", "collects"), [(0, True), (74, True), (75, False), (899, False), (900, True)]
)
def test_a_run_without_memory_collects_at_the_start_of_a_quarter(
    serve: Serve, at: int, *, collects: bool
) -> None:
    """Jobs start every minute, a little late; a dry run always collects."""
    lab = serve(world(PLACES))
    monitoring = Monitoring(lab.cloud)
    assert lab.run(LISTED, collect=EVERYTHING, at=QUARTER + at).complete
    assert ("ListStreamObjects" in lab.cloud.calls) is collects
    assert ("ListPrivateConnections" in lab.cloud.calls) is collects
    assert monitoring.values("exporter/uncollected") == ({("global", "0"): 0} if collects else {})
    connections = {("europe-west1", "peering"): 3} if collects else {}
    assert monitoring.values("private_connection/state") == connections
    errors = {("europe-west1", "orders"): 0, ("us-east1", "users"): 0} if collects else {}
    assert monitoring.values("stream/object_errors") == errors
    looked = lab.look(LISTED, collect=EVERYTHING, at=QUARTER + at)
    assert sum(sample.metric.name == "stream/objects" for sample in looked.samples) == 2 * 8


@pytest.mark.parametrize(
    ("method", "code", "uncollected"),
    [
        ("ListStreamObjects", "PERMISSION_DENIED", {USERS}),
        # Deleted between its location's list and its own.
        ("ListStreamObjects", "NOT_FOUND", {USERS}),
        ("ListPrivateConnections", "PERMISSION_DENIED", {AMERICA}),
        ("List[SP]*s", "UNKNOWN", set()),
    ],
)
def test_what_cannot_be_collected_leaves_its_location_clean(
    serve: Serve, method: str, code: str, uncollected: set[Any]
) -> None:
    """It is counted, and the run is complete; a location that was not read isn't asked again."""
    lab = serve(world(PLACES, faults=[{"method": method, "location": "us-*", "code": code}]))
    monitoring = Monitoring(lab.cloud)
    report = lab.run(LISTED, collect=EVERYTHING, at=QUARTER)
    assert report.complete
    assert report.uncollected.keys() == uncollected
    assert all(why.kind is FailureKind[code] for why in report.uncollected.values())
    assert monitoring.values("exporter/uncollected") == {("global", "0"): len(uncollected)}
    assert monitoring.values("private_connection/state") == {("europe-west1", "peering"): 3}
    assert ("europe-west1", "orders") in monitoring.values("stream/object_errors")
    if uncollected:
        assert seen(report) == CLEAN
        assert ("us-east1", "datastream") in monitoring.values("location/last_read")
    else:
        assert report.unread.keys() == {AMERICA}
        assert lab.cloud.calls["ListPrivateConnections"] == 1


def test_states_do_not_wait_for_collectors(serve: Serve) -> None:
    """Objects are requested when their location has its last_read, and are written, too."""
    lab = serve(world({"europe-west1": PLACES["europe-west1"]}))
    written, in_time = Event(), []

    def objects(_request: Any) -> Any:
        in_time.append(written.wait(PLENTY))
        return datastream_v1.ListStreamObjectsResponse.pb()()

    def answer(points: Sequence[Point]) -> None:
        if has(points, "location/last_read"):
            written.set()

    lab.cloud.answer("ListStreamObjects", objects)
    monitoring = Monitoring(lab.cloud, answer)
    source = {"project": "shop-prod", "locations": ["europe-west1"]}
    assert lab.run(source, collect=EVERYTHING, at=QUARTER).complete
    assert in_time == [True]
    assert monitoring.values("stream/object_errors") == {("europe-west1", "orders"): 0}


def test_objects_that_hang_cost_their_own_stream_only(serve: Serve) -> None:
    """They may take a quarter of the time left; the next stream and the exporter have the rest."""
    lab = serve(world({"europe-west1": ["a", "b"]}))

    def objects(request: Any) -> Any:
        if request.parent.endswith("/a"):
            released.wait(PLENTY)
        return datastream_v1.ListStreamObjectsResponse.pb()()

    released = Event()
    lab.cloud.answer("ListStreamObjects", objects)
    monitoring = Monitoring(lab.cloud)
    source = {"project": "shop-prod", "locations": ["europe-west1"]}
    report = lab.run(source, collect={"objects": True}, at=QUARTER, seconds=6)
    released.set()
    assert report.complete
    ((name, failure),) = report.uncollected.items()
    assert (name.location_name, failure.kind) == (EUROPE, FailureKind.TIMED_OUT)
    assert monitoring.values("stream/object_errors") == {("europe-west1", "b"): 0}
    assert monitoring.values("exporter/uncollected") == {("global", "0"): 1}
