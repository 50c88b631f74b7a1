"""Reads the Datastream API: complete answers, or the reason why there is none."""

from collections.abc import Callable
from functools import partial
from threading import Event
from typing import Any

import pytest
from google.cloud import datastream_v1
from google.oauth2.credentials import Credentials

from exporter.google.calls import Calls, Deadline
from exporter.google.errors import Caller, CallError, Failure, FailureKind
from exporter.steps.read import Datastream, Objects, Stream
from tests.exporter.conftest import PLENTY, Lab, Serve
from tests.exporter.worlds import EUROPE, ORDERS, USERS, refusal, world
from tests.tables import beside, rows

COLLECTED = world(beside(__file__, "collected.yaml"))


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


@rows
def test_every_page_of_a_location_is_read(
    serve: Serve, count: int, largest: dict[str, int], calls: int
) -> None:
    """The largest page that the API gives is requested, of a thousand streams."""
    lab = serve(europe({"id": "s-{:04}", "count": count}) | {"largest_page": largest})
    assert [one.id for one in streams(lab)] == [
        f"s-{n:04}" for n in range(1, count + 1)
    ]
    assert lab.calls.made == lab.cloud.calls["ListStreams"] == calls


@pytest.mark.parametrize("outage", ["partial", "listed"])
def test_an_answer_that_names_its_location_unreachable_is_no_answer(
    serve: Serve, outage: str
) -> None:
    """Success with ``unreachable`` in any page is no deletion."""
    lab = serve(
        europe({"id": "s-{:02}", "count": 5}, outage=outage)
        | {"largest_page": {"ListStreams": 2}}
    )
    why = failure(partial(lab.api.streams, EUROPE, soon()))
    assert why.kind is FailureKind.UNREACHABLE
    assert str(EUROPE) in why.message


def test_a_list_is_read_whole_or_not_at_all(serve: Serve) -> None:
    """A page that fails in passing is requested again, and no earlier one."""
    lab = serve(world())
    # Of each request of the second page
    failures = iter([refusal("UNAVAILABLE"), None, refusal("UNKNOWN")])

    def answer(request: Any) -> Any:
        if not request.page_token:
            return page(request, "a", token="more")  # noqa: S106 - a page's
        if error := next(failures):
            raise error
        return page(request, "b")

    lab.cloud.answer("ListStreams", answer)
    assert [one.id for one in streams(lab)] == ["a", "b"]
    assert lab.cloud.calls == {"ListStreams": 3}
    assert failure(lambda: streams(lab)).kind is FailureKind.REFUSED
    assert lab.cloud.calls == {"ListStreams": 5}


def test_a_stream_on_two_pages_is_there_once_as_it_was_seen_last(serve: Serve) -> None:
    """A stream that two pages repeat, as the list shifted, counts once."""
    lab = serve(world())

    def answer(request: Any) -> Any:
        if request.page_token:
            return page(request, "b", "c", state=3)
        return page(
            request,
            "a",
            "b",
            token="more",  # noqa: S106 - a page's
        )

    lab.cloud.answer("ListStreams", answer)
    assert streams(lab) == [Stream("a", 2), Stream("b", 3), Stream("c", 3)]


# Streams as they are.


def test_streams_are_read_as_they_are(serve: Serve) -> None:
    """Unknown states are kept, errors counted, one label read, and numbers are ids."""
    states = [*range(10), 4711]
    listed: list[dict[str, Any]] = [
        {"id": f"s{state}", "state": state} for state in states
    ]
    expected = [Stream(f"s{state}", state) for state in states]
    listed[3]["labels"] = {"expected-state": "paused", "team": "x"}
    expected[3] = expected[3]._replace(label="paused")
    # How many errors there are, and the words of the newest, bounded.
    fifty = [{"reason": f"R{n}", "message": f"It is {n}."} for n in range(50)]
    for state, errors, reason, text in (
        (2, [{"reason": "SLOT_LOST"}], "SLOT_LOST", ""),
        (5, fifty, "R0", "It is 0."),
        (6, [{"reason": "R", "message": "x" * 1_000_000}], "R", "x" * 8192),
    ):
        listed[state]["errors"] = errors
        expected[state] = Stream(
            f"s{state}", state, len(errors), reason=reason, error=text
        )
    numbered = europe(*listed)
    numbered["projects"][0]["names"] = "by_number"
    assert streams(serve(numbered)) == expected


def test_the_newest_of_several_errors_is_read(serve: Serve) -> None:
    """Its reason is that of the stream; an error without a time is the oldest."""
    answer = datastream_v1.ListStreamsResponse.pb()()
    errors = answer.streams.add(name=str(ORDERS)).errors
    for reason, seconds in (("OLD", 1), ("NEW", 3), ("TIMELESS", 0), ("OLDER", 2)):
        errors.add(reason=reason).error_time.seconds = seconds
    lab = serve(europe())
    lab.cloud.answer("ListStreams", lambda _request: answer)
    (stream,) = streams(lab)
    assert stream.reason == "NEW"


def test_an_error_is_read_without_credentials(serve: Serve) -> None:
    """Its reason, a metric's label, and its text name no token and no password."""
    told = {"reason": "HTTPS://a:b@C", "message": "ya29.token at //a:b@db:5432"}
    lab = serve(europe({"id": "s", "errors": [told]}))
    made: Any = Credentials
    calls = Calls(Caller(made("ya29.token")))
    (stream,) = Datastream(lab.clients, calls).streams(EUROPE, soon())
    assert (stream.reason, stream.error) == ("HTTPS://C", "… at //db:5432")


# Collectors.


def test_objects_are_counted_by_state_over_every_page(serve: Serve) -> None:
    """Objects are counted by state, also an unknown one, and errors by object."""
    lab = serve(COLLECTED | {"largest_page": {"ListStreamObjects": 2}})
    found = lab.api.objects(ORDERS, soon())
    completed = 6
    failed = 5
    unsupported = 7
    assert found == Objects({completed: 3, failed: 1, unsupported: 1, 9: 1}, 2)
    assert lab.api.objects(USERS, soon()) == Objects({}, 0)
    assert lab.cloud.calls == {"ListStreamObjects": 3 + 1}


# Reasons.


def test_an_answer_that_cannot_be_parsed_is_a_failure_after_retries(
    serve: Serve,
) -> None:
    """Bytes that are not a protobuf are no bug of the exporter."""
    lab = serve(world())
    stop = Event()

    def answer(_request: object) -> bytes:
        if lab.cloud.calls["ListStreams"] > 1:
            stop.set()
        return b"\xff"

    lab.cloud.answer("ListStreams", answer)
    why = failure(lambda: lab.api.streams(EUROPE, Deadline.after(PLENTY, stop)))
    assert lab.cloud.calls["ListStreams"] > 1
    assert why.kind is FailureKind.UNAVAILABLE
    assert "deserializing response" in why.message
