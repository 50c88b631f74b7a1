"""When objects are collected, and what a failure costs."""

import time
from typing import Any

from exporter.google.errors import FailureKind
from lab.simulate.simulation import Clock
from tests.exporter.conftest import Serve
from tests.exporter.worlds import (
    AMERICA,
    IN_EUROPE,
    LISTED,
    Monitoring,
    has,
    seen,
    world,
)
from tests.tables import rows

QUARTER = int(time.time()) // 900 * 900
OBJECTS = {"objects": True}
PLACES = {
    "europe-west1": {
        "streams": [{"id": "orders", "objects": [{"table": "shop.orders"}]}]
    },
    "us-east1": ["users"],
}
CLEAN = {"shop-prod/europe-west1": ["orders"], "shop-prod/us-east1": ["users"]}


@rows
def test_a_run_without_memory_collects_at_the_start_of_a_quarter(
    serve: Serve, interval: str, at: int, lists: int, requests: int
) -> None:
    """Jobs start at their interval, a little late; a dry run always collects."""
    lab = serve(world(PLACES))
    monitoring = Monitoring(lab.cloud)
    how: dict[str, Any] = {"collect": OBJECTS, "run": {"interval": interval}}
    assert lab.run(LISTED, clock=Clock(QUARTER + at), **how).complete
    assert lab.cloud.calls["ListStreamObjects"] == lists
    assert len(monitoring.values("stream/object_errors")) == lists
    assert len(monitoring.values("exporter/uncollected")) == requests
    # States share no request with objects, so they don't wait for these.
    objects = [batch for batch in monitoring.batches if has(batch, "stream/objects")]
    assert len(objects) == requests
    assert not any(has(batch, "stream/state") for batch in objects)
    lab.look(LISTED, collect=OBJECTS, clock=Clock(QUARTER + at))
    assert lab.cloud.calls["ListStreamObjects"] == lists + 2


@rows
def test_what_cannot_be_collected_leaves_its_location_clean(
    serve: Serve, method: str, code: str, uncollected: list[str]
) -> None:
    """A list that fails is counted, and the run is complete."""
    lab = serve(
        world(PLACES, faults=[{"method": method, "location": "us-*", "code": code}])
    )
    monitoring = Monitoring(lab.cloud)
    report = lab.run(LISTED, collect=OBJECTS, clock=Clock(QUARTER))
    assert report.complete
    assert [*map(str, report.uncollected)] == uncollected
    assert all(why.kind is FailureKind[code] for why in report.uncollected.values())
    assert monitoring.values("exporter/uncollected") == {
        ("global", "0"): len(uncollected)
    }
    assert ("europe-west1", "orders") in monitoring.values("stream/object_errors")
    if uncollected:
        assert seen(report) == CLEAN
        assert ("us-east1", "datastream") in monitoring.values("location/last_read")
    else:
        assert report.unread.keys() == {AMERICA}
        assert lab.cloud.calls["ListStreamObjects"] == 1


def test_each_stream_gets_a_turn_where_time_is_short(serve: Serve) -> None:
    """The order is another one each time, so the same streams aren't always last."""
    many = {"streams": [{"id": "s-{}", "count": 100}]}
    lab = serve(world({"europe-west1": many}))
    asked: list[str] = []

    def list_objects(request: Any) -> bytes:
        asked.append(request.parent)
        return b""

    lab.cloud.answer("ListStreamObjects", list_objects)
    for quarter in range(2):
        lab.run(IN_EUROPE, clock=Clock(QUARTER + 900 * quarter), collect=OBJECTS)
    assert {*asked[:100]} == {*asked[100:]}
    # Of eight lists at once, some overtake others: not so many.
    assert {*asked[:50]} != {*asked[100:150]}


def test_lists_that_hang_leave_time_for_the_others(serve: Serve) -> None:
    """Each list of objects gets a share of the time."""
    faults = [{"method": "ListStreamObjects", "times": 8, "latency": "10m"}]
    nine = {"streams": [{"id": "s-{}", "count": 9}]}
    lab = serve(world({"europe-west1": nine}, faults=faults))
    monitoring = Monitoring(lab.cloud)
    report = lab.run(IN_EUROPE, collect=OBJECTS, clock=Clock(0), seconds=4)
    assert len(report.uncollected) == 8
    assert len(monitoring.values("stream/object_errors")) == 1
