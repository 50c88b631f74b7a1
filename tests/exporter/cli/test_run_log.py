"""What the log says of a run: each cause once, by name, and never more than can be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from exporter.google.errors import Failure, FailureKind
from exporter.log.failure_groups import failure_groups
from exporter.names import LocationName, StreamName
from exporter.measure import Observations, ReadLocation, UnreadLocation
from exporter.text import plural
from lab.emulator.world import Fault

if TYPE_CHECKING:
    from tests.exporter.cli.conftest import Command, Serve, World

DENIED = Failure(FailureKind.PERMISSION_DENIED, "no.", "Grant it.")
DOWN = Failure(FailureKind.UNAVAILABLE, "down.", "Wait.")


def at(
    location: str, failure: Failure | None, project: str = "shop-prod"
) -> ReadLocation | UnreadLocation:
    """Return the outcome of reading a location."""
    name = LocationName(project, location)
    return UnreadLocation(name, failure) if failure else ReadLocation(name)


@pytest.mark.parametrize(
    ("count", "words"), [(0, "no points"), (1, "1 point"), (2, "2 points"), (1234, "1,234 points")]
)
def test_counts_read_well(count: int, words: str) -> None:
    """None, one and many."""
    assert plural(count, "point") == words


def test_one_cause_in_one_project_is_one_sentence() -> None:
    """Locations are in one sentence where project and kind of failure are the same."""
    seen = Observations(
        discoveries={"shop-prod": (), "pay-prod": DENIED},
        locations=(
            at("us-east1", DENIED),
            at("us-east4", DOWN),
            at("us-east5", DENIED),
            at("us-west1", None),
            at("us-west2", DENIED, "pay-prod"),
        ),
    )
    logged = [(one.subject, one.text) for one in failure_groups(seen)]
    its, their = "so its streams are unknown", "so their streams are unknown"
    denied = "permission denied: no. Grant it."
    assert logged == [
        (
            "projects/pay-prod",
            f"could not be searched for locations: {denied}",
        ),
        (
            "2 locations of projects/shop-prod",
            f"were not read, {their} (us-east1, us-east5). The first: {denied}",
        ),
        (
            "projects/shop-prod/locations/us-east4",
            f"was not read, {its}: unavailable: down. Wait.",
        ),
        (
            "projects/pay-prod/locations/us-west2",
            f"was not read, {its}: {denied}",
        ),
    ]


def test_ten_thousand_streams_without_their_objects_are_one_sentence() -> None:
    """A permission missing for every stream is logged once, with every location in its fields."""
    names = [StreamName("shop-prod", "us-east1", f"orders-{n:05}") for n in range(10_000)]
    (one,) = failure_groups(Observations(uncollected=dict.fromkeys(names, DENIED)))
    assert one.subject == "10,000 streams of projects/shop-prod"
    assert one.text.startswith(
        "were read without their objects, whose series are left out (us-east1/orders-00000, "
        "us-east1/orders-00001, us-east1/orders-00002 and 9,997 more). The first: "
    )
    assert one.fields["locations"] == ["us-east1"]
    assert one.fields["count"] == 10_000


def test_a_region_that_cloud_monitoring_does_not_know_is_logged_once(
    command: Command, serve: Serve, shop: World
) -> None:
    """One warning says where its series are; nothing is lost, exit code 0."""
    shop["projects"][1]["locations"][0]["id"] = "europe-west99"
    _, environ = serve(shop)
    text = environ["DATASTREAM_EXPORTER_CONFIG"].replace("europe-west1", "europe-west99")
    ended = command("run", environ={**environ, "DATASTREAM_EXPORTER_CONFIG": text})
    (logged,) = [line for line in ended.err.splitlines() if "Cloud Monitoring doesn't" in line]
    assert ended.code == 0
    assert logged.startswith(
        "warning: Cloud Monitoring doesn't know the location europe-west99 yet."
    )
    assert "in the namespace (PROJECT/europe-west99)" in logged


def test_a_second_exporter_shows_as_superseded_points(
    command: Command, serve: Serve, shop: World
) -> None:
    """Points that another run wrote first are named and no failure."""
    _, environ = serve(shop)
    command("run", environ=environ)
    code, _, err = command("run", environ=environ)
    assert code == 0
    logged = [line for line in err.splitlines() if "superseded, " in line and "warning" in line]
    assert logged[0].startswith(
        "warning: 22 points superseded, location/up of datastream in shop-prod/europe-west1, "
    )
    assert logged[0].endswith("second exporter, or was this machine's clock set back?")
    assert "; no points written, 22 superseded; " in err.splitlines()[-1]


def test_a_lost_last_seen_holds_its_location_back(
    command: Command, serve: Serve, shop: World
) -> None:
    """The log says which last_read is not written, and why that is right."""
    cloud, environ = serve(shop)
    cloud.add_fault(Fault(method="CreateTimeSeries", code="INVALID_ARGUMENT", times=2))
    code, _, err = command("run", environ=environ)
    assert code == 1
    assert (
        "warning: location/last_read of 2 locations of projects/shop-prod (europe-west1, us-east1)"
        " is not written, as a last_seen there may not have been written: its streams would read as"
        " missing."
    ) in err.splitlines()
    assert not cloud.points("custom.googleapis.com/datastream/location/last_read")


def test_a_thousand_lost_requests_are_no_thousand_lines(
    command: Command, serve: Serve, shop: World
) -> None:
    """However much is refused, the log stays a page."""
    shop["projects"][1]["locations"][0]["streams"] = [{"id": "orders-{:04}", "count": 2000}]
    shop["faults"] = [{"method": "CreateTimeSeries", "code": "PERMISSION_DENIED"}]
    _, environ = serve(shop)
    code, _, err = command("run", environ=environ)
    assert code == 1
    assert len(err.splitlines()) == 5
    lost, others, withheld_locations, summary = err.splitlines()[1:]
    assert lost.startswith(
        "error: 3,806 points lost, among location/up of datastream in shop-prod/"
    )
    assert " and 3,803 more: permission denied: " in lost
    assert others == "error: 23 more requests failed."
    assert "is not written, as" in withheld_locations
    assert "8,014 lost" in summary


def test_ignored_labels_are_logged_and_counted(command: Command, serve: Serve, shop: World) -> None:
    """A label that is wrong on every stream is no line for every stream."""
    labels = {"expected-state": "off"}
    shop["projects"][1]["locations"][0]["streams"] = [
        {"id": "orders-{:02}", "count": 50, "labels": labels}
    ]
    _, environ = serve(shop)
    code, _, err = command("run", environ=environ)
    assert code == 0
    assert len([line for line in err.splitlines() if "streams/orders-" in line]) == 20
    assert "warning: 30 more labels of this kind are ignored." in err
