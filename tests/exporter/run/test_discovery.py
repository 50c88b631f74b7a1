"""Which locations a run reads: listed, discovered, required, shared by tasks."""

from typing import Any

import pytest

from exporter.config.locations import KNOWN
from exporter.google.environment import Task
from exporter.google.errors import FailureKind
from exporter.names import LocationName, ProjectName
from exporter.run.report import Report
from tests.exporter.conftest import Serve
from tests.exporter.worlds import DISCOVERED, Monitoring, project, seen, world

PLACES = {
    "europe-west1": ["orders"],
    "us-east1": ["users"],
    "asia-east1": [],
    "us-west1": ["logs"],
}
BANK = project("bank-prod", {"europe-west3": ["ledger"]})
EVERYWHERE = {f"shop-prod/{at}": streams for at, streams in PLACES.items()}
REGIONS = KNOWN[:20]


def blind(*others: dict[str, Any]) -> dict[str, Any]:
    """Return a world in which the locations of ``shop-prod`` may not be listed."""
    shop, hub = world(PLACES)["projects"]
    shop["denied"] = ["datastream.locations.list"]
    return {"projects": [shop, hub, *others]}


def test_discovered_locations_are_read(serve: Serve) -> None:
    """They come by name; `global` stands for the discovery, so it is not read."""
    lab = serve(world(PLACES | {"global": ["x"]}))
    report = lab.look(DISCOVERED)
    assert seen(report) == EVERYWHERE
    assert list(seen(report)) == sorted(EVERYWHERE)
    assert lab.cloud.calls == {
        "ListLocations": 1,
        "ListStreams": 4,
        "ListTimeSeries": 4,
    }
    assert report.calls == 9


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
    """It is read once; a stream in a location that does not exist is not missing."""
    required = [
        f"projects/shop-prod/locations/{at}"
        for at in (
            "us-west1/streams/logs",
            "us-west1/streams/gone",
            "europe-west1/streams/orders",
        )
    ]
    listed = {
        "project": "shop-prod",
        "locations": ["europe-west1"],
    }
    for source, one in ((listed, world(PLACES)), (DISCOVERED, blind())):
        lab = serve(one)
        report = lab.look(source, required=required)
        assert list(seen(report)) == ["shop-prod/europe-west1", "shop-prod/us-west1"]
        assert lab.cloud.calls["ListStreams"] == 2
        assert missing(report) == ["gone"]

    name = LocationName("shop-prod", "us-west4")
    report = serve(world(PLACES)).look(DISCOVERED, required=[f"{name}/streams/x"])
    assert report.unread[name].kind is FailureKind.NOT_FOUND
    assert seen(report) == EVERYWHERE
    assert missing(report) == []


def missing(report: Report) -> list[str]:
    """Return the ids of required streams that are missing."""
    streams = [one for location in report.locations for one in location.streams]
    return [one.name.stream for one in streams if not one.exists]


def test_several_sources_of_one_project_keep_their_own_globs(serve: Serve) -> None:
    """Each location is read with the globs of the source that lists it."""
    report = serve(world({"europe-west1": ["a", "b"], "us-east1": ["a", "b"]})).look(
        {
            "project": "shop-prod",
            "locations": ["europe-west1"],
            "include": ["a"],
        },
        {
            "project": "shop-prod",
            "locations": ["us-east1"],
            "exclude": ["a"],
        },
    )
    assert seen(report) == {
        "shop-prod/europe-west1": ["a"],
        "shop-prod/us-east1": ["b"],
    }


# Tasks.


def test_who_has_a_location_never_changes() -> None:
    """Another release, machine, config or hash seed gives the same task."""
    assert Task(1, 2).holds(LocationName("shop-prod", "europe-west1"))
    assert Task(0, 7).holds(LocationName("shop-prod", "europe-west1"))
    assert Task(5, 7).holds(ProjectName("shop-prod"))
    assert Task(4, 7).holds(LocationName("bank-prod", "europe-west1"))


def test_ten_tasks_share_a_thousand_projects_evenly() -> None:
    """Each location has one task; the largest part is a sixth above the average."""
    all_names = [
        LocationName(f"project-{number:04}", at)
        for number in range(1000)
        for at in KNOWN[:3]
    ]
    sizes = [sum(map(Task(index, 10).holds, all_names)) for index in range(10)]
    assert sum(sizes) == 3000
    assert max(sizes) <= 350


@pytest.mark.parametrize("discovered", [True, False])
def test_tasks_read_every_location_exactly_once(
    serve: Serve, *, discovered: bool
) -> None:
    """One task reports on the discovery; each has its own series about itself."""
    lab = serve(world({at: [f"in-{at}"] for at in REGIONS}))
    monitoring = Monitoring(lab.cloud)
    source = DISCOVERED | ({} if discovered else {"locations": REGIONS})
    required = [f"projects/shop-prod/locations/{REGIONS[0]}/streams/in-{REGIONS[0]}"]
    reports = [
        lab.run(source, task=Task(index, 3), required=required) for index in range(3)
    ]
    parts = [seen(report) for report in reports]
    assert all(parts)
    assert sum(map(len, parts)) == len(REGIONS)
    assert parts[0] | parts[1] | parts[2] == {
        f"shop-prod/{at}": [f"in-{at}"] for at in REGIONS
    }
    assert lab.cloud.calls["ListStreams"] == len(REGIONS)
    up = [
        point.location for point in monitoring.points if point.metric == "location/up"
    ]
    assert sorted(up) == sorted([*REGIONS, *["global"] * discovered])
    assert monitoring.values("exporter/last_run").keys() == {
        ("global", str(n)) for n in range(3)
    }


def test_a_task_without_a_location_succeeds(serve: Serve) -> None:
    """With more tasks than locations, those without one write their own series."""
    lab = serve(world({"us-east1": ["orders"]}))
    source = {
        "project": "shop-prod",
        "locations": ["us-east1"],
    }
    reports = [lab.run(source, task=Task(index, 8)) for index in range(8)]
    assert sorted(len(report.locations) for report in reports) == [0] * 7 + [1]
    assert all(report.complete and not report.reached_nobody for report in reports)
