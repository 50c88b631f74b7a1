"""Objects and private connections: what is counted, and what a collector's failure costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from exporter.google.calls import Deadline
from exporter.google.errors import CallError, Failure, FailureKind
from exporter.names import LocationName, StreamName
from exporter.read import datastream
from exporter.measure import Objects, Observations
from exporter.read.reader import Collect
from exporter.states import BackfillState
from tests.exporter.read.worlds import PLENTY, project, seen

if TYPE_CHECKING:
    from tests.exporter.conftest import Lab, Serve

SOURCE = {"project": "shop-prod", "locations": ["europe-west1", "us-east1"]}
EUROPE = LocationName("shop-prod", "europe-west1")
AMERICA = LocationName("shop-prod", "us-east1")
ORDERS = StreamName(*EUROPE, "orders")
USERS = StreamName(*AMERICA, "users")
PROBLEM = {"reason": "UNSUPPORTED_TYPE", "message": "A column is too wide."}
OBJECTS: list[dict[str, Any]] = [
    {"table": "shop.done_{}", "count": 3},
    {"table": "shop.stuck", "backfill": "FAILED", "errors": [PROBLEM, PROBLEM]},
    {"table": "shop.odd", "backfill": "UNSUPPORTED", "errors": [PROBLEM]},
    {"table": "shop.new", "backfill": 9},
]


def world(objects: list[dict[str, Any]] = OBJECTS, **more: Any) -> dict[str, Any]:
    """Return a world of a stream with objects, one without, and private connections."""
    europe = {
        "streams": [{"id": "orders", "objects": objects}],
        "private_connections": [{"id": "peering", "state": "FAILED"}, {"id": "new", "state": 77}],
    }
    shop = project("shop-prod", {"europe-west1": europe, "us-east1": ["users"]})
    return {"projects": [shop], **more}


def objects(lab: Lab) -> Observations:
    """Read with the objects."""
    return lab.read(SOURCE, collect=Collect(objects=True))


def connections(lab: Lab) -> Observations:
    """Read with the private connections."""
    return lab.read(SOURCE, collect=Collect(connections=True))


def only_failure(observations: Observations, of: StreamName | LocationName) -> Failure:
    """Return why the one collector that failed did."""
    assert list(observations.uncollected) == [of]
    return observations.uncollected[of]


def all_clean(observations: Observations) -> bool:
    """Return whether every location was read all the same."""
    return seen(observations) == {
        "shop-prod/europe-west1": ["orders"],
        "shop-prod/us-east1": ["users"],
    }


def test_a_location_that_is_late_is_collected_from_as_well(serve: Serve) -> None:
    """Its objects and connections are read as soon as it is, after all others'."""
    late = {"method": "ListStreams", "location": "europe-west1", "latency": "1s"}
    collect = Collect(objects=True, connections=True)
    reader = serve(world(faults=[late])).reader(SOURCE, collect=collect)
    first = reader.locations(patience=0)
    assert "shop-prod/europe-west1" not in seen(first)
    rest = reader.rest()
    assert all_clean(Observations.of([first, rest]))
    assert ORDERS in rest.objects
    assert rest.connections[EUROPE].keys() == {"peering", "new"}


def test_nothing_is_collected_unless_it_is_asked_for(serve: Serve) -> None:
    """The collectors are off by default, and cost no call."""
    lab = serve(world())
    observations = lab.read(SOURCE)
    assert not observations.objects
    assert not observations.connections
    assert lab.cloud.calls == {"ListStreams": 2}


@pytest.mark.parametrize("page", [1000, 2])
def test_objects_are_counted_by_state_over_every_page(serve: Serve, page: int) -> None:
    """States, an unknown one among them, and objects with errors, not errors, are counted."""
    lab = serve(world(largest_page={"ListStreamObjects": page}))
    observations = objects(lab)
    by_state = {
        BackfillState.COMPLETED: 3,
        BackfillState.FAILED: 1,
        BackfillState.UNSUPPORTED: 1,
        9: 1,
    }
    assert observations.objects == {ORDERS: Objects(by_state, 2), USERS: Objects({}, 0)}
    assert all_clean(observations)
    assert lab.cloud.calls["ListStreamObjects"] == (2 if page == 1000 else 4)
    assert "ListPrivateConnections" not in lab.cloud.calls


def test_too_many_objects_are_a_bounded_number_of_calls(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond the bound the stream's objects are left out, and its location stays clean."""
    monkeypatch.setattr(datastream, "MOST_PAGES", 2)
    lab = serve(world(largest_page={"ListStreamObjects": 2}))
    observations = objects(lab)
    failure = only_failure(observations, ORDERS)
    assert failure.kind is FailureKind.REFUSED
    assert "after 2 pages of up to 1,000" in failure.message
    assert list(observations.objects) == [USERS]
    assert all_clean(observations)
    assert lab.cloud.calls["ListStreamObjects"] == 3


def test_as_many_objects_as_the_bound_allows_are_read(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last page that is allowed may be full."""
    monkeypatch.setattr(datastream, "MOST_PAGES", 3)
    lab = serve(world(largest_page={"ListStreamObjects": 2}))
    assert objects(lab).objects[ORDERS].with_errors == 2


@pytest.mark.parametrize("code", ["PERMISSION_DENIED", "UNAVAILABLE"])
def test_objects_that_cannot_be_read_leave_the_location_clean(serve: Serve, code: str) -> None:
    """Only that stream's objects are missing, with the reason."""
    fault = {"method": "ListStreamObjects", "location": "us-*", "code": code}
    lab = serve(world(faults=[fault]))
    observations = lab.read(SOURCE, collect=Collect(objects=True), seconds=3)
    failure = only_failure(observations, USERS)
    assert failure.kind is FailureKind[code]
    if code == "PERMISSION_DENIED":
        assert "datastream.objects.list" in failure.hint
    assert list(observations.objects) == [ORDERS]
    assert all_clean(observations)


def test_a_stream_that_was_deleted_meanwhile_has_no_objects(serve: Serve) -> None:
    """It was listed and is gone when its objects are asked for: not found, nothing worse."""
    fault = {"method": "ListStreamObjects", "location": "europe-*", "code": "NOT_FOUND"}
    observations = objects(serve(world(faults=[fault])))
    assert only_failure(observations, ORDERS).kind is FailureKind.NOT_FOUND
    assert all_clean(observations)


def test_private_connections_are_collected_by_location(serve: Serve) -> None:
    """Each state is the number that came; a location without any has none."""
    lab = serve(world(largest_page={"ListPrivateConnections": 1}))
    observations = connections(lab)
    assert observations.connections == {EUROPE: {"peering": 3, "new": 77}, AMERICA: {}}
    assert not observations.uncollected
    assert lab.cloud.calls == {"ListStreams": 2, "ListPrivateConnections": 3}


def test_connections_of_a_location_that_was_not_read_are_not_asked_for(serve: Serve) -> None:
    """What is down is not asked twice."""
    fault = {"method": "ListStreams", "location": "europe-*", "code": "NOT_FOUND"}
    lab = serve(world(faults=[fault]))
    observations = lab.read(SOURCE, collect=Collect(objects=True, connections=True))
    assert list(observations.connections) == [AMERICA]
    assert list(observations.objects) == [USERS]
    assert not observations.uncollected
    assert lab.cloud.calls["ListPrivateConnections"] == 1


def test_connections_that_cannot_be_read_leave_the_location_clean(serve: Serve) -> None:
    """Their own permission is named, and streams are read all the same."""
    denied = world()
    denied["projects"][0]["denied"] = ["datastream.privateConnections.list"]
    lab = serve(denied)
    observations = connections(lab)
    assert {each.kind for each in observations.uncollected.values()} == {
        FailureKind.PERMISSION_DENIED
    }
    assert set(observations.uncollected) == {EUROPE, AMERICA}
    assert "datastream.privateConnections.list" in observations.uncollected[EUROPE].hint
    assert not observations.connections
    assert all_clean(observations)


def test_connections_that_an_answer_calls_unreachable_are_not_collected(serve: Serve) -> None:
    """Success with ``unreachable`` is no empty list of them."""
    down = {"at": 0, "location": "europe-west1", "do": "unreachable", "outage": "listed"}
    lab = serve(world(events=[down]))
    with pytest.raises(CallError) as caught:
        lab.api.connections(EUROPE, Deadline.after(PLENTY))
    assert caught.value.failure.kind is FailureKind.UNREACHABLE
    assert str(EUROPE) in caught.value.failure.message
