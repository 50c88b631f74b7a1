"""Objects and private connections: when they are collected, and what a failure costs."""

import time
from typing import Any

import pytest

from exporter.google.errors import FailureKind
from tests.exporter.conftest import Serve
from tests.exporter.worlds import AMERICA, LISTED, USERS, Monitoring, has, seen, world

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
    ("at", "collects"), [(0, True), (74, True), (75, False), (899, False)]
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
    assert [has(batch, "stream/objects") for batch in batches] == [False] * 3 + [
        True
    ] * collects
    looked = lab.look(LISTED, collect=EVERYTHING, at=QUARTER + at)
    assert (
        sum(sample.metric.name == "stream/objects" for sample in looked.samples)
        == 2 * 8
    )


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
    lab = serve(
        world(PLACES, faults=[{"method": method, "location": "us-*", "code": code}])
    )
    monitoring = Monitoring(lab.cloud)
    report = lab.run(LISTED, collect=EVERYTHING, at=QUARTER)
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
