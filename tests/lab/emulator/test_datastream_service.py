"""The emulator's Datastream, as Google's own client sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from google.api_core import exceptions
from google.cloud import datastream_v1
from google.cloud.location import locations_pb2
from google.rpc import error_details_pb2

if TYPE_CHECKING:
    from tests.lab.emulator.conftest import Clock, Serve, Served

EUROPE = "projects/shop/locations/europe-west1"
AMERICA = "projects/shop/locations/us-east1"


def world(**changes: Any) -> dict[str, Any]:
    """Return a small world, with some keys of its project replaced."""
    project = {
        "id": "shop",
        "number": 12345,
        "locations": [
            {
                "id": "europe-west1",
                "streams": [
                    {"id": "orders", "labels": {"team": "data"}},
                    {"id": "future", "state": 9},
                    {
                        "id": "customers",
                        "state": "FAILED",
                        "errors": [{"reason": "UNREACHABLE", "message": "No answer."}],
                        "objects": [
                            {"table": "public.t{:03}", "count": 120},
                            {"table": "public.odd", "backfill": "FAILED"},
                        ],
                    },
                ],
                "private_connections": [
                    {"id": "peering", "state": "FAILED", "error": {"reason": "ROUTE"}}
                ],
            },
            {"id": "us-east1", "streams": [{"id": "many-{:04}", "count": 2300}]},
        ],
    }
    return {"projects": [project | changes]}


def states(served: Served, parent: str = EUROPE) -> dict[str, int]:
    """Return the numbers of the states by stream id."""
    return {
        stream.name.rpartition("/")[2]: datastream_v1.Stream.pb(stream).state
        for stream in served.datastream.list_streams(parent=parent)
    }


def _created(served: Served) -> float:
    """Return when the stream of the script was created, unix seconds."""
    stream = served.datastream.get_stream(name=f"{EUROPE}/streams/orders")
    return float(datastream_v1.Stream.pb(stream).create_time.seconds)


def test_streams_have_the_fields_of_the_world_file(serve: Serve) -> None:
    """A stream's name, labels, state and errors arrive as the world file has them."""
    served = serve(world())
    orders, future, customers = served.datastream.list_streams(parent=EUROPE)
    assert orders.name == f"{EUROPE}/streams/orders"
    assert dict(orders.labels) == {"team": "data"}
    assert orders.state == datastream_v1.Stream.State.RUNNING
    assert datastream_v1.Stream.pb(future).state == 9
    assert [(each.reason, each.message) for each in customers.errors] == [
        ("UNREACHABLE", "No answer.")
    ]


def test_locations_are_listed_in_pages(serve: Serve) -> None:
    """ListLocations gives a token as long as there is more, and names every location once."""
    served = serve(world())
    request = locations_pb2.ListLocationsRequest(name="projects/shop", page_size=1)
    first = served.datastream.list_locations(request)
    request.page_token = first.next_page_token
    second = served.datastream.list_locations(request)
    assert [each.location_id for each in first.locations] == ["europe-west1"]
    assert [each.name for each in second.locations] == [AMERICA]
    assert not second.next_page_token


@pytest.mark.parametrize(
    ("asked", "pages"), [(0, [50] * 46), (1000, [1000, 1000, 300]), (5000, [1000, 1000, 300])]
)
def test_page_sizes_are_googles(serve: Serve, asked: int, pages: list[int]) -> None:
    """A page holds 50 streams by default and 1000 at most."""
    served = serve(world())
    listed = served.datastream.list_streams(request={"parent": AMERICA, "page_size": asked})
    assert [len(page.streams) for page in listed.pages] == pages
    assert served.cloud.calls == {"ListStreams": len(pages)}


def test_a_world_may_make_pages_shorter(serve: Serve) -> None:
    """A server may give fewer than asked for; the world says how few."""
    served = serve(world() | {"largest_page": {"ListStreams": 2}})
    listed = served.datastream.list_streams(request={"parent": EUROPE, "page_size": 1000})
    assert [len(page.streams) for page in listed.pages] == [2, 1]


@pytest.mark.parametrize("token", ["nonsense", "bnVsbA==", "WzEsICJvdGhlciJd", "é"])
def test_a_token_of_another_request_is_refused(serve: Serve, token: str) -> None:
    """A page token that this listing did not give is INVALID_ARGUMENT."""
    served = serve(world())
    with pytest.raises(exceptions.InvalidArgument, match="page token"):
        served.datastream.list_streams(request={"parent": EUROPE, "page_token": token})


def test_a_stream_is_got_by_its_name(serve: Serve) -> None:
    """GetStream finds a stream, and says NOT_FOUND of one that is not there."""
    served = serve(world())
    assert served.datastream.get_stream(name=f"{EUROPE}/streams/orders").display_name == "orders"
    with pytest.raises(exceptions.NotFound, match="was not found"):
        served.datastream.get_stream(name=f"{EUROPE}/streams/gone")


def test_objects_and_private_connections_are_listed(serve: Serve) -> None:
    """A stream's objects come in pages with their backfill states; connections with theirs."""
    served = serve(world())
    objects = list(served.datastream.list_stream_objects(parent=f"{EUROPE}/streams/customers"))
    assert len({each.name for each in objects}) == 121
    assert objects[0].source_object.postgresql_identifier.table == "t001"
    assert objects[-1].backfill_job.state == datastream_v1.BackfillJob.State.FAILED
    (connection,) = served.datastream.list_private_connections(parent=EUROPE)
    assert connection.state == datastream_v1.PrivateConnection.State.FAILED
    assert connection.error.reason == "ROUTE"


def test_names_may_carry_the_projects_number(serve: Serve) -> None:
    """A world can make answers spell the project as its number, whichever way it was asked."""
    served = serve(world(names="by_number"))
    for asked in (EUROPE, "projects/12345/locations/europe-west1"):
        first = next(iter(served.datastream.list_streams(parent=asked)))
        assert first.name == "projects/12345/locations/europe-west1/streams/orders"


def test_a_disabled_api_says_how_to_enable_it(serve: Serve) -> None:
    """SERVICE_DISABLED names the service and the consumer, and links to where it is enabled."""
    served = serve(world(api="disabled"))
    with pytest.raises(exceptions.PermissionDenied, match="before or it is disabled") as caught:
        served.datastream.list_streams(parent=EUROPE)
    assert caught.value.reason == "SERVICE_DISABLED"
    assert caught.value.metadata["service"] == "datastream.googleapis.com"
    assert caught.value.metadata["consumer"] == "projects/12345"
    (help_,) = [each for each in caught.value.details if isinstance(each, error_details_pb2.Help)]
    assert help_.links[0].url.endswith("?project=12345")


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
    assert list(served.datastream.list_private_connections(parent=EUROPE))


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
        listed = served.datastream.list_streams(request={"parent": AMERICA, "page_size": 1000})
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


def test_states_follow_the_script(serve: Serve, clock: Clock) -> None:
    """A listing shows each event from its time on, and what follows from it by itself."""
    events = [
        {"at": "10s", "stream": "orders", "do": "pause", "draining": "20s"},
        {"at": "1m", "stream": "orders", "do": "delete"},
        {"at": "2m", "stream": "orders", "do": "appear", "starting": "30s"},
    ]
    served = serve(world() | {"events": events})
    seen = []
    created = _created(served)
    for seconds in (9, 1, 20, 30, 60, 30):
        clock.pass_(seconds)
        seen.append(states(served).get("orders"))
    assert seen == [2, 8, 3, None, 7, 2]
    assert _created(served) > created


def test_a_project_loses_and_regains_its_api_and_permissions(serve: Serve, clock: Clock) -> None:
    """What a caller may do changes with the script."""
    events = [
        {"at": "10s", "project": "shop", "do": "disable_api"},
        {"at": "20s", "project": "shop", "do": "enable_api"},
        {
            "at": "20s",
            "project": "shop",
            "do": "revoke",
            "permission": "datastream.streams.list",
        },
        {"at": "30s", "project": "shop", "do": "grant", "permission": "datastream.streams.list"},
    ]
    served = serve(world() | {"events": events})
    reasons: list[str | None] = []
    for _ in range(4):
        try:
            states(served)
            reasons.append(None)
        except exceptions.PermissionDenied as error:
            reasons.append(error.reason)
        clock.pass_(10)
    assert reasons == [None, "SERVICE_DISABLED", "IAM_PERMISSION_DENIED", None]
