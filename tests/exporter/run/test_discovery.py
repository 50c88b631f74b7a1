"""Which locations a run reads: listed, discovered, or of required streams."""

from typing import Any

from exporter.google.errors import FailureKind
from exporter.names import LocationName, ProjectName
from exporter.run.report import Report
from tests.exporter.conftest import Serve
from tests.exporter.worlds import (
    DISCOVERED,
    IN_EUROPE,
    ORDERS,
    USERS,
    Monitoring,
    project,
    seen,
    world,
)

PLACES = {
    "europe-west1": ["orders"],
    "us-east1": ["users"],
    "asia-east1": [],
    "us-west1": ["logs"],
}
BANK = project("bank-prod", {"europe-west3": ["ledger"]})
EVERYWHERE = {f"shop-prod/{at}": streams for at, streams in PLACES.items()}


def blind(*others: dict[str, Any]) -> dict[str, Any]:
    """Return a world in which the locations of ``shop-prod`` may not be listed."""
    shop, hub = world(PLACES)["projects"]
    shop["denied"] = ["datastream.locations.list"]
    return {"projects": [shop, hub, *others]}


def test_discovered_locations_are_read(serve: Serve) -> None:
    """Locations are read by name; `global` stands for the discovery and is not read."""
    lab = serve(world(PLACES | {"global": ["x"]}))
    report = lab.look(DISCOVERED)
    assert seen(report) == EVERYWHERE
    assert list(seen(report)) == sorted(EVERYWHERE)
    assert lab.cloud.calls == {
        "ListLocations": 1,
        "ListStreams": 4,
        "ListTimeSeries": 3,
    }
    assert report.calls == 8


def test_a_failed_discovery_costs_other_projects_nothing(serve: Serve) -> None:
    """The other project is read; the failed one has a reason, and `up` 0."""
    lab = serve(blind(BANK))
    monitoring = Monitoring(lab.cloud)
    report = lab.run(DISCOVERED, {"project": "bank-prod"})
    assert report.complete
    assert not report.reached_nobody
    assert seen(report) == {"bank-prod/europe-west3": ["ledger"]}
    failure = report.unread[ProjectName("shop-prod")]
    assert failure.kind is FailureKind.PERMISSION_DENIED
    assert report.discovered["bank-prod"] == ("europe-west3",)
    up = {
        point[1:4]: point.value
        for point in monitoring.points
        if point.metric == "location/up"
    }
    assert up == {
        ("global", "shop-prod", "datastream"): 0,
        ("global", "bank-prod", "datastream"): 1,
        ("europe-west3", "bank-prod", "datastream"): 1,
    }


def test_the_location_of_a_required_stream_is_read_though_nobody_lists_it(
    serve: Serve,
) -> None:
    """The location is read once; in one that doesn't exist, no stream is missing."""
    required = [
        f"projects/shop-prod/locations/{at}"
        for at in (
            "us-west1/streams/logs",
            "us-west1/streams/gone",
            "europe-west1/streams/orders",
        )
    ]
    for source, one in ((IN_EUROPE, world(PLACES)), (DISCOVERED, blind())):
        lab = serve(one)
        report = lab.look(source, required=required)
        assert list(seen(report)) == ["shop-prod/europe-west1", "shop-prod/us-west1"]
        assert lab.cloud.calls["ListStreams"] == 2
        assert missing(report) == ["gone"]

    name = LocationName("shop-prod", "us-west4")
    # Discovery finds one location that was read, and one that is being read.
    slow = [
        {"method": "ListLocations", "latency": "300ms"},
        {"method": "ListStreams", "location": "us-east1", "latency": "600ms"},
    ]
    lab = serve(world(PLACES, faults=slow))
    required = [f"{name}/streams/x", str(ORDERS), str(USERS)]
    report = lab.look(DISCOVERED, required=required)
    assert lab.cloud.calls["ListStreams"] == 5
    assert report.unread[name].kind is FailureKind.NOT_FOUND
    assert seen(report) == EVERYWHERE
    assert missing(report) == []


def missing(report: Report) -> list[str]:
    """Return the ids of required streams that are missing."""
    streams = [one for location in report.locations for one in location.streams]
    return [one.name.stream for one in streams if not one.exists]


def test_several_sources_of_one_project_keep_their_own_globs(serve: Serve) -> None:
    """A location is read with those of the source that lists it, else the first's."""
    both = ["a", "b"]
    places = dict.fromkeys(["europe-west1", "us-east1", "us-west1"], both)
    report = serve(world(places)).look(
        IN_EUROPE | {"include": ["a"]},
        {"project": "shop-prod", "locations": ["us-east1"], "exclude": ["a"]},
        required=["projects/shop-prod/locations/us-west1/streams/a"],
    )
    assert seen(report) == {
        "shop-prod/europe-west1": ["a"],
        "shop-prod/us-east1": ["b"],
        "shop-prod/us-west1": ["a"],
    }
