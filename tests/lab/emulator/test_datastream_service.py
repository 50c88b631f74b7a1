"""The emulator's Datastream, as Google's own client sees it."""

from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import datastream_v1

from tests.lab.emulator.conftest import Clock, Serve

EUROPE = "projects/shop/locations/europe-west1"
AMERICA = "projects/shop/locations/us-east1"


def world(**changes: Any) -> dict[str, Any]:
    """Return a small world, with some keys of its project replaced."""
    broken = {"reason": "UNREACHABLE", "message": "No answer."}
    orders = {
        "id": "orders",
        "labels": {"team": "data"},
        "state": 9,
        "errors": [broken],
    }
    locations = [
        {"id": "europe-west1", "streams": [orders]},
        {"id": "us-east1", "streams": [{"id": "many-{:04}", "count": 2300}]},
    ]
    return {
        "projects": [{"id": "shop", "number": 12345, "locations": locations, **changes}]
    }


def test_streams_have_the_fields_of_the_world_file(serve: Serve) -> None:
    """A stream's name, labels, state and errors arrive as the world file has them."""
    (orders,) = serve(world()).datastream.list_streams(parent=EUROPE)
    assert (orders.name, dict(orders.labels)) == (
        f"{EUROPE}/streams/orders",
        {"team": "data"},
    )
    assert datastream_v1.Stream.pb(orders).state == 9
    (error,) = orders.errors
    assert (error.reason, error.message) == ("UNREACHABLE", "No answer.")


@pytest.mark.parametrize(
    ("asked", "pages"),
    [(0, [50] * 46), (1000, [1000, 1000, 300]), (5000, [1000, 1000, 300])],
)
def test_page_sizes_are_googles(serve: Serve, asked: int, pages: list[int]) -> None:
    """A page holds 50 streams by default and 1000 at most."""
    served = serve(world())
    listed = served.datastream.list_streams(
        request={"parent": AMERICA, "page_size": asked}
    )
    assert [len(page.streams) for page in listed.pages] == pages
    assert served.cloud.calls == {"ListStreams": len(pages)}


@pytest.mark.parametrize("token", ["nonsense", f"50 {EUROPE}", f"x {AMERICA}", "é"])
def test_a_token_of_another_request_is_refused(serve: Serve, token: str) -> None:
    """A page token that this listing did not give is INVALID_ARGUMENT."""
    served = serve(world())
    with pytest.raises(exceptions.InvalidArgument, match="page token"):
        served.datastream.list_streams(request={"parent": AMERICA, "page_token": token})


def test_a_disabled_api_says_how_to_enable_it(serve: Serve) -> None:
    """SERVICE_DISABLED names the service and the consumer, and links to where it is enabled."""
    served = serve(world(api="disabled"))
    with pytest.raises(
        exceptions.PermissionDenied, match="before or it is disabled"
    ) as caught:
        served.datastream.list_streams(parent=EUROPE)
    assert caught.value.reason == "SERVICE_DISABLED"
    assert caught.value.metadata["service"] == "datastream.googleapis.com"
    assert caught.value.metadata["consumer"] == "projects/12345"
    assert "overview?project=12345" in caught.value.message


def test_a_missing_permission_is_named(serve: Serve) -> None:
    """IAM_PERMISSION_DENIED names the permission and the resource; other calls go on."""
    served = serve(world(denied=["datastream.streams.list"]))
    with pytest.raises(exceptions.PermissionDenied) as caught:
        served.datastream.list_streams(parent=EUROPE)
    assert caught.value.reason == "IAM_PERMISSION_DENIED"
    assert caught.value.metadata == {
        "permission": "datastream.streams.list",
        "resource": EUROPE,
    }
    assert not list(served.datastream.list_private_connections(parent=EUROPE))


@pytest.mark.parametrize(
    ("parent", "error"),
    [
        ("projects/shop/locations/nowhere", exceptions.NotFound),
        ("projects/nobody/locations/europe-west1", exceptions.NotFound),
        ("shop", exceptions.InvalidArgument),
        ("projects/shop", exceptions.InvalidArgument),
    ],
)
def test_unknown_and_malformed_names_are_refused(
    serve: Serve, parent: str, error: type[Exception]
) -> None:
    """Unknown projects and locations are NOT_FOUND, malformed names INVALID_ARGUMENT."""
    with pytest.raises(error):
        serve(world()).datastream.list_streams(parent=parent)


def test_there_are_three_kinds_of_outage(serve: Serve, clock: Clock) -> None:
    """A region fails by status, by an empty answer that says so, or by its first page alone."""
    outages = [
        {"at": f"{at}s", "location": "us-east1", "do": "unreachable", "outage": outage}
        for at, outage in ((10, "unavailable"), (20, "listed"), (30, "partial"))
    ]
    back = {"at": "40s", "location": "us-east1", "do": "reachable"}
    served = serve(world() | {"events": [*outages, back]})

    def pages() -> list[tuple[int, list[str]]]:
        listed = served.datastream.list_streams(
            request={"parent": AMERICA, "page_size": 1000}
        )
        return [(len(page.streams), list(page.unreachable)) for page in listed.pages]

    clock.pass_(10)
    with pytest.raises(exceptions.ServiceUnavailable):
        pages()
    clock.pass_(10)
    assert pages() == [(0, [AMERICA])]
    clock.pass_(10)
    assert pages() == [(0, [AMERICA]), (1000, []), (300, [])]
    clock.pass_(10)
    assert pages() == [(1000, []), (1000, []), (300, [])]
