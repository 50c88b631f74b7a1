"""When objects and private connections are collected, and what a failure costs."""

import time
from typing import Any

import pytest

from exporter.google.calls import Deadline
from exporter.google.errors import FailureKind
from exporter.run.run import run_once
from lab.simulate.simulation import Clock
from tests.exporter.conftest import PLENTY, Serve
from tests.exporter.worlds import (
    AMERICA,
    DISCOVERED,
    LISTED,
    USERS,
    Monitoring,
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
    ("at", "collects"),
    [
        (0, True),
        (74, True),
        (75, False),
        (899, False),
    ],
)
def test_a_run_without_memory_collects_at_the_start_of_a_quarter(
    serve: Serve, at: int, *, collects: bool
) -> None:
    """Jobs start every minute, a little late; a dry run always collects."""
    lab = serve(world(PLACES))
    monitoring = Monitoring(lab.cloud)
    assert lab.run(LISTED, collect=EVERYTHING, clock=Clock(QUARTER + at)).complete
    assert ("ListStreamObjects" in lab.cloud.calls) is collects
    assert ("ListPrivateConnections" in lab.cloud.calls) is collects
    assert monitoring.values("exporter/uncollected") == (
        {("global", "0"): 0} if collects else {}
    )
    connections = {("europe-west1", "peering"): 3} if collects else {}
    assert monitoring.values("private_connection/state") == connections
    errors = (
        {("europe-west1", "orders"): 0, ("us-east1", "users"): 0} if collects else {}
    )
    assert monitoring.values("stream/object_errors") == errors
    # States do not wait for the collectors.
    batches = [batch for batch in monitoring.batches if batch[0].location == "us-east1"]
    assert [has(batch, "stream/objects") for batch in batches] == [False] * 2 + [
        True
    ] * collects
    listed = lab.cloud.calls["ListStreamObjects"]
    lab.look(LISTED, collect=EVERYTHING, clock=Clock(QUARTER + at))
    assert lab.cloud.calls["ListStreamObjects"] == listed + 2


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
    """It is counted, and the run is complete; an unread location is not asked again."""
    lab = serve(
        world(
            PLACES,
            faults=[
                {
                    "method": method,
                    "location": "us-*",
                    "code": code,
                }
            ],
        )
    )
    monitoring = Monitoring(lab.cloud)
    report = lab.run(LISTED, collect=EVERYTHING, clock=Clock(QUARTER))
    assert report.complete
    assert report.uncollected.keys() == uncollected
    assert all(why.kind is FailureKind[code] for why in report.uncollected.values())
    assert monitoring.values("exporter/uncollected") == {
        ("global", "0"): len(uncollected)
    }
    assert monitoring.values("private_connection/state") == {
        ("europe-west1", "peering"): 3
    }
    assert ("europe-west1", "orders") in monitoring.values("stream/object_errors")
    if uncollected:
        assert seen(report) == CLEAN
        assert ("us-east1", "datastream") in monitoring.values("location/last_read")
    else:
        assert report.unread.keys() == {AMERICA}
        assert lab.cloud.calls["ListPrivateConnections"] == 1


def test_each_stream_gets_a_turn_where_time_is_short(serve: Serve) -> None:
    """The order is another one each time, so the same streams aren't always last."""
    many = {"streams": [{"id": "s-{}", "count": 100}]}
    lab = serve(world({"europe-west1": many}))
    asked: list[str] = []

    def list_objects(request: Any) -> bytes:
        asked.append(request.parent)
        return b""

    lab.cloud.answer("ListStreamObjects", list_objects)
    source = {"project": "shop-prod", "locations": ["europe-west1"]}
    for quarter in range(2):
        lab.run(source, clock=Clock(QUARTER + 900 * quarter), collect={"objects": True})
    assert {*asked[:100]} == {*asked[100:]}
    # Of eight lists at once, some overtake others: not so many.
    assert {*asked[:50]} != {*asked[100:150]}


def test_lists_that_hang_leave_time_for_the_others(serve: Serve) -> None:
    """Each of the connections and of the objects gets a share of the time."""
    faults = [
        {
            "method": "ListStreamObjects",
            "times": 8,
            "latency": "10m",
        },
        {"method": "ListPrivateConnections", "latency": "10m"},
    ]
    nine = {"streams": [{"id": "s-{}", "count": 9}]}
    lab = serve(world({"europe-west1": nine}, faults=faults))
    monitoring = Monitoring(lab.cloud)
    source = {"project": "shop-prod", "locations": ["europe-west1"]}
    report = lab.run(
        source,
        collect=EVERYTHING,
        clock=Clock(0),
        seconds=4,
    )
    assert len(report.uncollected) == 9
    assert len(monitoring.values("stream/object_errors")) == 1


def test_connections_of_a_location_without_streams_are_collected_each_quarter(
    serve: Serve,
) -> None:
    """Such a location is read every five minutes, and in each run that collects."""
    peering = {"private_connections": [{"id": "peering", "state": "FAILED"}]}
    lab = serve(world({"europe-west1": peering}))
    clock = Clock(QUARTER)
    session = lab.session(
        DISCOVERED,
        collect=EVERYTHING,
        interval=60,
        clock=clock,
    )
    collected = []
    for minute in range(60):
        clock.now = QUARTER + 60 * minute
        run_once(session, Deadline.after(PLENTY))
        collected.append(lab.cloud.calls["ListPrivateConnections"])
    assert collected == [1] * 15 + [2] * 15 + [3] * 15 + [4] * 15
