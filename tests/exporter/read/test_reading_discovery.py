"""Which locations are read: listed, discovered, required, remembered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from google.cloud.location import locations_pb2

from exporter.google.errors import FailureKind
from exporter.names import LocationName
from tests.exporter.read.worlds import failure_of, project, seen

if TYPE_CHECKING:
    from tests.exporter.conftest import Serve

SHOP = project(
    "shop-prod",
    {"europe-west1": ["orders"], "us-east1": ["users"], "asia-east1": [], "us-west1": ["logs"]},
)
BANK = project("bank-prod", {"europe-west3": ["ledger"]})
DISCOVERED = {"project": "shop-prod"}
EVERYWHERE = {
    "shop-prod/asia-east1": [],
    "shop-prod/europe-west1": ["orders"],
    "shop-prod/us-east1": ["users"],
    "shop-prod/us-west1": ["logs"],
}


def denied(world_project: dict[str, Any]) -> dict[str, Any]:
    """Return a project whose locations may not be listed."""
    return world_project | {"denied": ["datastream.locations.list"]}


def test_discovered_locations_are_read_from_every_page(serve: Serve) -> None:
    """The token of each page of ListLocations leads to the next, until there is none."""
    lab = serve({"projects": [SHOP], "largest_page": {"ListLocations": 1}})
    observations = lab.read(DISCOVERED)
    assert seen(observations) == EVERYWHERE
    assert not observations.failed_discoveries
    (found,) = observations.discoveries.values()
    assert isinstance(found, tuple)
    assert sorted(found) == sorted(at["id"] for at in SHOP["locations"])
    assert lab.cloud.calls == {"ListLocations": 4, "ListStreams": 4}
    assert lab.calls.made == 8


def test_a_location_without_an_id_has_the_one_in_its_name(serve: Serve) -> None:
    """The id counts where there is one; a name's other parts may be a project's number."""
    lab = serve({"projects": [SHOP]})
    named = [
        {"name": "projects/7/locations/us-east1"},
        {"name": "projects/7/locations/x", "location_id": "us-west1"},
    ]
    lab.cloud.answer(
        "ListLocations",
        lambda _request: locations_pb2.ListLocationsResponse(
            locations=[locations_pb2.Location(**each) for each in named]
        ),
    )
    observations = lab.read(DISCOVERED)
    assert seen(observations) == {
        name: EVERYWHERE[name] for name in ("shop-prod/us-east1", "shop-prod/us-west1")
    }


def test_listed_locations_are_read_without_discovery(serve: Serve) -> None:
    """A source that lists its locations costs one call each, and tells of no discovery."""
    lab = serve({"projects": [SHOP]})
    observations = lab.read({"project": "shop-prod", "locations": ["us-east1", "asia-east1"]})
    assert seen(observations) == {"shop-prod/asia-east1": [], "shop-prod/us-east1": ["users"]}
    assert not observations.discoveries
    assert lab.cloud.calls == {"ListStreams": 2}


def test_a_failed_discovery_costs_other_projects_nothing(serve: Serve) -> None:
    """The other project is read; the failed one has its reason, and nothing was found."""
    lab = serve({"projects": [denied(SHOP), BANK]})
    observations = lab.read(DISCOVERED, {"project": "bank-prod"})
    assert seen(observations) == {"bank-prod/europe-west3": ["ledger"]}
    failure = observations.failed_discoveries["shop-prod"]
    assert failure.kind is FailureKind.PERMISSION_DENIED
    assert "datastream.locations.list in project shop-prod" in failure.hint
    assert observations.discoveries["bank-prod"] == ("europe-west3",)
    assert not observations.nothing_read


def test_a_required_streams_location_is_read_though_discovery_fails(serve: Serve) -> None:
    """What must exist is looked for, whatever else is known of its project."""
    lab = serve({"projects": [denied(SHOP)]})
    required = ("projects/shop-prod/locations/us-west1/streams/logs",)
    observations = lab.read(DISCOVERED, required=required)
    assert seen(observations) == {"shop-prod/us-west1": ["logs"]}


def test_a_required_streams_location_is_read_though_nobody_names_it(serve: Serve) -> None:
    """A location that is neither listed nor discovered is read, and once."""
    lab = serve({"projects": [SHOP]})
    required = tuple(
        f"projects/shop-prod/locations/{at}/streams/{stream}"
        for at, stream in (("us-west1", "logs"), ("us-west1", "gone"), ("europe-west1", "orders"))
    )
    listed = {"project": "shop-prod", "locations": ["europe-west1"]}
    observations = lab.read(listed, required=required)
    assert list(seen(observations)) == ["shop-prod/europe-west1", "shop-prod/us-west1"]
    assert lab.cloud.calls == {"ListStreams": 2}

    observations = lab.read(
        DISCOVERED, required=("projects/shop-prod/locations/us-west4/streams/x",)
    )
    unread = failure_of(observations, "shop-prod", "us-west4")
    assert unread.kind is FailureKind.NOT_FOUND
    assert seen(observations) == EVERYWHERE


def test_the_last_known_locations_are_read_where_discovery_fails(serve: Serve) -> None:
    """``fallback`` counts for the project whose discovery failed, and for no other."""
    lab = serve({"projects": [denied(SHOP), BANK]})
    fallback = {"shop-prod": ("us-east1", "europe-west1"), "bank-prod": ("us-east1",)}
    observations = lab.read(DISCOVERED, {"project": "bank-prod"}, fallback=fallback)
    assert list(seen(observations)) == [
        "bank-prod/europe-west3",
        "shop-prod/europe-west1",
        "shop-prod/us-east1",
    ]
    assert list(observations.failed_discoveries) == ["shop-prod"]


def test_a_remembered_discovery_is_not_made_again(serve: Serve) -> None:
    """``known`` saves the call and counts as a discovery that succeeded."""
    lab = serve({"projects": [SHOP]})
    observations = lab.read(DISCOVERED, known={"shop-prod": ("us-east1",)})
    assert seen(observations) == {"shop-prod/us-east1": ["users"]}
    assert observations.discoveries == {"shop-prod": ("us-east1",)}
    assert lab.cloud.calls == {"ListStreams": 1}


def test_several_sources_of_one_project_keep_their_own_globs(serve: Serve) -> None:
    """Each location is read with the globs of the source that lists it."""
    both = project("shop-prod", {"europe-west1": ["a", "b"], "us-east1": ["a", "b"]})
    lab = serve({"projects": [both]})
    observations = lab.read(
        {"project": "shop-prod", "locations": ["europe-west1"], "include": ["a"]},
        {"project": "shop-prod", "locations": ["us-east1"], "exclude": ["a"]},
    )
    assert seen(observations) == {"shop-prod/europe-west1": ["a"], "shop-prod/us-east1": ["b"]}


def test_a_project_without_locations_is_no_failure(serve: Serve) -> None:
    """Nothing to read is not the same as being blind."""
    lab = serve({"projects": [project("shop-prod", {})]})
    observations = lab.read(DISCOVERED)
    assert observations.discoveries == {"shop-prod": ()}
    assert not observations.locations
    assert not observations.nothing_read


def test_locations_come_in_the_order_of_their_names(serve: Serve) -> None:
    """Who answers first changes nothing about what was seen."""
    slow = {"method": "ListStreams", "location": "asia-*", "latency": "50ms"}
    lab = serve({"projects": [SHOP], "faults": [slow]})
    observations = lab.read(DISCOVERED)
    ats = [each.name for each in observations.locations]
    assert ats == sorted(ats)
    assert ats[0] == LocationName("shop-prod", "asia-east1")
