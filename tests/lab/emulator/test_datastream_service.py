"""The emulator's Datastream, as Google's own client sees it."""

from typing import Any

import pytest
from google.api_core import exceptions

from tests.lab.emulator.conftest import Clock, Serve

EUROPE = "projects/shop/locations/europe-west1"
AMERICA = "projects/shop/locations/us-east1"


def world(**changes: Any) -> dict[str, Any]:
    """Return a small world, with some keys of its project replaced."""
    locations = [
        {"id": "europe-west1", "streams": [{"id": "orders"}]},
        {"id": "us-east1", "streams": [{"id": "many-{:04}", "count": 2300}]},
    ]
    project = {"id": "shop", "number": 12345, "locations": locations}
    return {"projects": [project | changes]}


@pytest.mark.parametrize(
    ("asked", "pages"),
    [
        (0, [50] * 46),
        (1000, [1000, 1000, 300]),
        (5000, [1000, 1000, 300]),
    ],
)
def test_page_sizes_are_googles(
    serve: Serve,
    asked: int,
    pages: list[int],
) -> None:
    """A page holds 50 streams by default and 1000 at most."""
    served = serve(world())
    listed = served.datastream.list_streams(
        request={"parent": AMERICA, "page_size": asked}
    )
    assert [len(page.streams) for page in listed.pages] == pages
    assert served.cloud.calls == {"ListStreams": len(pages)}


def test_a_disabled_api_says_how_to_enable_it(serve: Serve) -> None:
    """SERVICE_DISABLED names service and consumer, and links to where to enable it."""
    served = serve(world(api="disabled"))
    with pytest.raises(
        exceptions.PermissionDenied, match="before or it is disabled"
    ) as caught:
        served.datastream.list_streams(parent=EUROPE)
    assert caught.value.reason == "SERVICE_DISABLED"
    assert caught.value.metadata["service"] == "datastream.googleapis.com"
    assert caught.value.metadata["consumer"] == "projects/12345"
    assert "overview?project=12345" in caught.value.message


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
    """Unknown places are NOT_FOUND, malformed names INVALID_ARGUMENT."""
    with pytest.raises(error):
        serve(world()).datastream.list_streams(parent=parent)


def test_there_are_three_kinds_of_outage(serve: Serve, clock: Clock) -> None:
    """A region fails by status, by an empty answer, or by its first page alone."""
    lost = {"location": "us-east1", "do": "unreachable"}
    events = [
        lost | {"at": "10s", "outage": "unavailable"},
        lost | {"at": "20s", "outage": "listed"},
        lost | {"at": "30s", "outage": "partial"},
        lost | {"at": "40s", "do": "reachable"},
    ]
    served = serve(world() | {"events": events})

    def pages() -> list[tuple[int, list[str]]]:
        request = {"parent": AMERICA, "page_size": 1000}
        listed = served.datastream.list_streams(request=request)
        return [(len(page.streams), list(page.unreachable)) for page in listed.pages]

    clock.pass_(10)
    with pytest.raises(exceptions.ServiceUnavailable):
        pages()
    clock.pass_(10)
    assert pages() == [(0, [AMERICA])]
    clock.pass_(10)
    assert pages() == [
        (0, [AMERICA]),
        (1000, []),
        (300, []),
    ]
    clock.pass_(10)
    assert pages() == [
        (1000, []),
        (1000, []),
        (300, []),
    ]
