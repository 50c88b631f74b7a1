"""What is read of a location's streams, from every page, and when it is not clean."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from exporter.google.calls import Deadline
from exporter.google.errors import CallError, FailureKind
from exporter.names import LocationName
from exporter.measure import Stream
from lab.emulator.world import Fault
from tests.exporter.read.worlds import PLENTY, failure_of, project, seen

if TYPE_CHECKING:
    from tests.exporter.conftest import Lab, Serve

EUROPE = LocationName("shop-prod", "europe-west1")
SOURCE = {"project": "shop-prod", "locations": ["europe-west1", "us-east1"]}


def world(streams: list[dict[str, Any]], **location: Any) -> dict[str, Any]:
    """Return a world whose ``europe-west1`` is as said; ``us-east1`` is always well."""
    europe = {"streams": streams, **location}
    return {"projects": [project("shop-prod", {"europe-west1": europe, "us-east1": ["well"]})]}


def read_europe(lab: Lab, **source: Any) -> tuple[Stream, ...]:
    """Return the streams of ``europe-west1``, which must have been read cleanly."""
    read = {location.name: location for location in lab.read(SOURCE | source).read}
    return read[EUROPE].streams


def test_every_page_of_a_location_is_read(serve: Serve) -> None:
    """Five streams in pages of two are three calls and five streams."""
    lab = serve(
        world([{"id": "s-{:02}", "count": 5}]) | {"largest_page": {"ListStreams": 2}},
    )
    assert [each.id for each in read_europe(lab)] == ["s-01", "s-02", "s-03", "s-04", "s-05"]
    assert lab.cloud.calls == {"ListStreams": 4}


def test_a_page_holds_a_thousand_streams(serve: Serve) -> None:
    """The largest page that the API gives is asked for, so that 1001 streams are two calls."""
    lab = serve(world([{"id": "s-{:04}", "count": 1001}]))
    assert len(read_europe(lab)) == 1001
    assert lab.cloud.calls == {"ListStreams": 3}


def test_unreachable_in_the_first_of_several_pages_makes_the_location_unclean(
    serve: Serve,
) -> None:
    """An outage that only the first page tells of must not look like deletions."""
    lab = serve(
        world([{"id": "s-{:02}", "count": 5}], outage="partial")
        | {"largest_page": {"ListStreams": 2}}
    )
    observations = lab.read(SOURCE)
    failure = failure_of(observations, "shop-prod", "europe-west1")
    assert failure.kind is FailureKind.UNREACHABLE
    assert str(EUROPE) in failure.message
    assert seen(observations) == {"shop-prod/us-east1": ["well"]}


def test_an_answer_that_names_its_location_unreachable_is_unclean(serve: Serve) -> None:
    """Success without a stream, but with ``unreachable``, is no empty location."""
    lab = serve(world([{"id": "orders"}], outage="listed"))
    failure = failure_of(lab.read(SOURCE), "shop-prod", "europe-west1")
    assert failure.kind is FailureKind.UNREACHABLE


def test_a_stream_in_a_page_before_the_one_that_fails_is_not_reported(serve: Serve) -> None:
    """A location is read whole or not at all."""
    lab = serve(
        world([{"id": "s-{:02}", "count": 4}]) | {"largest_page": {"ListStreams": 2}},
    )
    looked_at: list[str] = []

    def wants(stream: str) -> bool:
        if not looked_at:
            lab.cloud.add_fault(Fault(method="ListStreams", code="FAILED_PRECONDITION"))
        looked_at.append(stream)
        return True

    with pytest.raises(CallError) as caught:
        lab.api.streams(EUROPE, wants, Deadline.after(PLENTY))
    assert looked_at == ["s-01", "s-02"]
    assert caught.value.failure.kind is FailureKind.REFUSED
    assert lab.cloud.calls == {"ListStreams": 2}


def test_a_failing_later_page_is_asked_for_again_and_no_earlier_one(serve: Serve) -> None:
    """A retry costs one page, and no stream is read twice."""
    lab = serve(
        world([{"id": "s-{:02}", "count": 4}]) | {"largest_page": {"ListStreams": 2}},
    )

    def wants(stream: str) -> bool:
        if stream == "s-02":
            lab.cloud.add_fault(Fault(method="ListStreams", code="UNAVAILABLE", times=1))
        return True

    found = lab.api.streams(EUROPE, wants, Deadline.after(PLENTY))
    assert [each.id for each in found] == ["s-01", "s-02", "s-03", "s-04"]
    assert lab.cloud.calls == {"ListStreams": 3}


@pytest.mark.parametrize(
    ("globs", "ids"),
    [
        ({}, ["orders-eu", "orders-us", "test-orders"]),
        ({"include": ["orders-*"]}, ["orders-eu", "orders-us"]),
        ({"exclude": ["test-*"]}, ["orders-eu", "orders-us"]),
        ({"include": ["*orders*"], "exclude": ["*-us", "test-*"]}, ["orders-eu"]),
        ({"include": ["nothing"]}, []),
    ],
)
def test_globs_choose_among_the_streams(
    serve: Serve, globs: dict[str, list[str]], ids: list[str]
) -> None:
    """A stream is read if an include matches, or there is none, and no exclude does."""
    lab = serve(world([{"id": each} for each in ("orders-eu", "orders-us", "test-orders")]))
    assert [each.id for each in read_europe(lab, **globs)] == ids


def test_names_that_carry_the_projects_number_are_understood(serve: Serve) -> None:
    """The project keeps the id that config has, however an answer spells its streams' names."""
    written = world([{"id": "orders"}])
    written["projects"][0]["names"] = "by_number"
    lab = serve(written)
    observations = lab.read({"project": "shop-prod"})
    assert seen(observations) == {
        "shop-prod/europe-west1": ["orders"],
        "shop-prod/us-east1": ["well"],
    }
    assert observations.discoveries == {"shop-prod": ("europe-west1", "us-east1")}


@pytest.mark.parametrize("state", [*range(10), 4711])
def test_a_state_is_kept_as_the_number_that_came(serve: Serve, state: int) -> None:
    """A number that the client does not know is neither an error nor 0."""
    (stream,) = read_europe(serve(world([{"id": "orders", "state": state}])))
    assert stream == Stream("orders", state)


@pytest.mark.parametrize(
    ("errors", "reason", "text"),
    [
        ([], None, None),
        ([{"reason": "SLOT_LOST"}], "SLOT_LOST", ""),
        ([{"reason": f"R{n}", "message": f"It is {n}."} for n in range(50)], "R0", "It is 0."),
        ([{"reason": "R", "message": "x" * 1_000_000}], "R", "x" * 8192),
    ],
)
def test_errors_are_counted_and_the_first_is_told(
    serve: Serve, errors: list[dict[str, str]], reason: str | None, text: str | None
) -> None:
    """None or fifty, whatever the state: how many there are, and the first one's words."""
    (stream,) = read_europe(serve(world([{"id": "orders", "errors": errors}])))
    assert (stream.state, stream.errors) == (2, len(errors))
    assert (stream.reason, stream.error) == (reason, text)


def test_only_the_label_that_says_what_is_expected_is_kept(serve: Serve) -> None:
    """Its value comes as it is written; a stream without it has none."""
    lab = serve(
        world([{"id": "a", "labels": {"expected-state": "paused", "team": "x"}}, {"id": "b"}])
    )
    assert [each.label for each in read_europe(lab)] == ["paused", None]
