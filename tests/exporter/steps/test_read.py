"""Reads the Datastream API: complete answers, or the reason why there is none."""

import itertools
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from google.cloud import datastream_v1

from exporter.google.calls import MOST_PAGES, Deadline
from exporter.google.errors import CallError, Failure, FailureKind
from exporter.steps.read import Objects, Stream
from tests.exporter.conftest import PLENTY, Lab, Serve
from tests.exporter.worlds import AMERICA, EUROPE, ORDERS, USERS, refusal, world

PROBLEM = {
    "reason": "UNSUPPORTED_TYPE",
    "message": "A column is too wide.",
}
OBJECTS = [
    {"table": "shop.done_{}", "count": 3},
    {
        "table": "shop.stuck",
        "backfill": "FAILED",
        "errors": [PROBLEM, PROBLEM],
    },
    {
        "table": "shop.odd",
        "backfill": "UNSUPPORTED",
        "errors": [PROBLEM],
    },
    {"table": "shop.new", "backfill": 9},
]
COLLECTED = world(
    {
        "europe-west1": {
            "streams": [{"id": "orders", "objects": OBJECTS}],
            "private_connections": [
                {"id": "peering", "state": "FAILED"},
                {"id": "new", "state": 77},
            ],
        },
        "us-east1": ["users"],
    }
)


def soon() -> Deadline:
    """Return a deadline that no test comes near."""
    return Deadline.after(PLENTY)


def europe(*streams: dict[str, Any], **location: Any) -> dict[str, Any]:
    """Return a world with these streams in ``europe-west1``."""
    return world({"europe-west1": {"streams": streams, **location}})


def streams(lab: Lab) -> list[Stream]:
    """Return the streams of ``europe-west1``."""
    return list(lab.api.streams(EUROPE, soon()))


def failure(call: Callable[[], object]) -> Failure:
    """Return why a call has no answer."""
    with pytest.raises(CallError) as caught:
        call()
    return caught.value.failure


def page(request: Any, *ids: str, state: int = 2, token: str = "") -> Any:
    """Return a raw page of streams."""
    answer = datastream_v1.ListStreamsResponse.pb()(next_page_token=token)
    for one in ids:
        answer.streams.add(name=f"{request.parent}/streams/{one}", state=state)
    return answer


# Whole lists.


def test_every_page_of_locations_is_read(serve: Serve) -> None:
    """The token of each page of ListLocations leads to the next."""
    lab = serve(world({at: [] for at in "abc"}, largest_page={"ListLocations": 1}))
    assert lab.api.locations("shop-prod", soon()) == ("a", "b", "c")
    assert lab.cloud.calls == {"ListLocations": 3}


@pytest.mark.parametrize(
    ("count", "largest", "calls"), [(5, {"ListStreams": 2}, 3), (1001, {}, 2)]
)
def test_every_page_of_a_location_is_read(
    serve: Serve, count: int, largest: dict[str, int], calls: int
) -> None:
    """The largest page that the API gives is requested, of a thousand streams."""
    lab = serve(europe({"id": "s-{:04}", "count": count}) | {"largest_page": largest})
    assert [one.id for one in streams(lab)] == [
        f"s-{n:04}" for n in range(1, count + 1)
    ]
    assert len(lab.calls) == lab.cloud.calls["ListStreams"] == calls


@pytest.mark.parametrize("outage", ["partial", "listed"])
def test_an_answer_that_names_its_location_unreachable_is_no_answer(
    serve: Serve, outage: str
) -> None:
    """Success with ``unreachable`` in any page is no deletion."""
    lab = serve(
        europe({"id": "s-{:02}", "count": 5}, outage=outage)
        | {"largest_page": {"ListStreams": 2}}
    )
    for call in (lab.api.streams, lab.api.connections):
        why = failure(partial(call, EUROPE, soon()))
        assert why.kind is FailureKind.UNREACHABLE
        assert str(EUROPE) in why.message


@pytest.mark.parametrize(
    ("code", "read_on"), [("UNAVAILABLE", True), ("UNKNOWN", False)]
)
def test_a_list_is_read_whole_or_not_at_all(
    serve: Serve, code: str, *, read_on: bool
) -> None:
    """A page that fails in passing is requested again, and no earlier one."""
    lab = serve(world())
    failures = iter([refusal(code)])

    def answer(request: Any) -> Any:
        if not request.page_token:
            return page(request, "a", token="more")  # noqa: S106 - a page's
        if error := next(failures, None):
            raise error
        return page(request, "b")

    lab.cloud.answer("ListStreams", answer)
    if read_on:
        assert [one.id for one in streams(lab)] == ["a", "b"]
    else:
        assert failure(lambda: streams(lab)).kind is FailureKind.REFUSED
    assert lab.cloud.calls == {"ListStreams": 3 if read_on else 2}


def test_a_stream_on_two_pages_is_there_once_as_it_was_seen_last(serve: Serve) -> None:
    """A stream that two pages repeat, as the list shifted, counts once."""
    lab = serve(world())

    def answer(request: Any) -> Any:
        if request.page_token:
            return page(
                request,
                "b",
                "c",
                state=3,
            )
        return page(
            request,
            "a",
            "b",
            token="more",  # noqa: S106 - a page's
        )

    lab.cloud.answer("ListStreams", answer)
    assert streams(lab) == [
        Stream("a", 2),
        Stream("b", 3),
        Stream("c", 3),
    ]


@pytest.mark.parametrize(("token", "calls"), [("the same", 2), (None, MOST_PAGES)])
def test_a_list_that_never_ends_costs_a_bounded_number_of_calls(
    serve: Serve, token: str | None, calls: int
) -> None:
    """Nobody knows what else it holds, so it is not read, and the reason says so."""
    lab = serve(world())
    numbers = itertools.count()
    lab.cloud.answer(
        "ListStreams",
        lambda request: page(request, token=token or f"page-{next(numbers)}"),
    )
    why = failure(lambda: streams(lab))
    assert why.kind is FailureKind.REFUSED
    assert "page" in why.message
    assert lab.cloud.calls == {"ListStreams": calls}


# Streams as they are.


def test_streams_are_read_as_they_are(serve: Serve) -> None:
    """A state that nobody knows is neither an error nor 0; of the labels one counts.

    The names of the answer carry the number of the project in place of its id.
    """
    states = [*range(10), 4711]
    listed: list[dict[str, Any]] = [
        {"id": f"s{state}", "state": state} for state in states
    ]
    listed[3]["labels"] = {"expected-state": "paused", "team": "x"}
    numbered = europe(*listed)
    numbered["projects"][0]["names"] = "by_number"
    labels = {3: "paused"}
    assert streams(serve(numbered)) == [
        Stream(f"s{state}", state, label=labels.get(state, "")) for state in states
    ]


@pytest.mark.parametrize(
    ("errors", "reason", "text"),
    [
        ([], "", ""),
        ([{"reason": "SLOT_LOST"}], "SLOT_LOST", ""),
        (
            [{"reason": f"R{n}", "message": f"It is {n}."} for n in range(50)],
            "R0",
            "It is 0.",
        ),
        ([{"reason": "R", "message": "x" * 1_000_000}], "R", "x" * 8192),
    ],
    ids=["none", "without a text", "fifty", "a megabyte"],
)
def test_errors_are_counted_and_the_first_is_kept(
    serve: Serve, errors: list[dict[str, str]], reason: str, text: str
) -> None:
    """Whatever the state: how many there are, and the words of the first, bounded."""
    expected = Stream(
        "orders",
        2,
        len(errors),
        reason=reason,
        error=text,
    )
    assert streams(serve(europe({"id": "orders", "errors": errors}))) == [expected]


# Collectors.


@pytest.mark.parametrize(("size", "calls"), [(1000, 1), (2, 3)])
def test_objects_are_counted_by_state_over_every_page(
    serve: Serve, size: int, calls: int
) -> None:
    """By state, also an unknown one; objects with errors count, not their errors."""
    lab = serve(COLLECTED | {"largest_page": {"ListStreamObjects": size}})
    found = lab.api.objects(ORDERS, soon())
    completed, failed, unsupported = 6, 5, 7
    assert found == Objects(
        {
            completed: 3,
            failed: 1,
            unsupported: 1,
            9: 1,
        },
        2,
    )
    assert lab.api.objects(USERS, soon()) == Objects({}, 0)
    assert lab.cloud.calls == {"ListStreamObjects": calls + 1}


def test_private_connections_are_read_from_every_page(serve: Serve) -> None:
    """Each state is the number that came; a location without any has none."""
    lab = serve(COLLECTED | {"largest_page": {"ListPrivateConnections": 1}})
    assert lab.api.connections(EUROPE, soon()) == {"peering": 3, "new": 77}
    assert lab.api.connections(AMERICA, soon()) == {}


# Reasons.


@pytest.mark.parametrize(
    ("permission", "call"),
    [
        ("datastream.locations.list", lambda api: api.locations("shop-prod", soon())),
        ("datastream.streams.list", lambda api: api.streams(EUROPE, soon())),
        ("datastream.objects.list", lambda api: api.objects(ORDERS, soon())),
        (
            "datastream.privateConnections.list",
            lambda api: api.connections(EUROPE, soon()),
        ),
    ],
)
def test_a_missing_permission_is_named(
    serve: Serve, permission: str, call: Callable[[Any], object]
) -> None:
    """The sentence has the permission, its project and the command, after one call."""
    denied = world()
    denied["projects"][0]["denied"] = [permission]
    lab = serve(denied)
    why = failure(lambda: call(lab.api))
    assert why.kind is FailureKind.PERMISSION_DENIED
    assert f"needs {permission} in project shop-prod" in why.hint
    assert "gcloud projects add-iam-policy-binding shop-prod" in why.hint
    assert len(lab.calls) == 1


def test_an_answer_that_cannot_be_parsed_is_a_failure_after_retries(
    serve: Serve,
) -> None:
    """Bytes that are not a protobuf are no bug of the exporter."""
    lab = serve(world())
    lab.cloud.answer("ListStreams", lambda _request: b"\xff")
    why = failure(lambda: lab.api.streams(EUROPE, Deadline.after(0.5)))
    assert why.kind is FailureKind.UNAVAILABLE
    assert "deserializing response" in why.message
