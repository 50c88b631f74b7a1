"""Series that two things could share: a stream on two pages, a location called global."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest
from google.cloud import datastream_v1

from exporter.google.calls import Deadline
from exporter.google.errors import FailureKind
from exporter.names import LocationName
from exporter.read import MOST_PAGES
from exporter.measure import Stream
from tests.exporter.read.worlds import PLENTY, failure_of, project, seen

if TYPE_CHECKING:
    from tests.exporter.conftest import Serve


def list_streams(request: Any) -> Any:
    """Answer with two pages of a list that shifted by one in between."""
    pages = {"": (["a", "b"], "more"), "more": (["b", "c"], "")}
    ids, token = pages[request.page_token]
    state = {"": 2, "more": 3}[request.page_token]
    answer = datastream_v1.ListStreamsResponse.pb()(next_page_token=token)
    for each in ids:
        answer.streams.add(name=f"{request.parent}/streams/{each}", state=state)
    return answer


def test_a_stream_on_two_pages_is_seen_once_as_it_was_seen_last(serve: Serve) -> None:
    """A list that shifts while it is paged repeats a stream, whose series take one point a run."""
    lab = serve({"projects": [project("shop-prod", {"us-east1": []})]})
    lab.cloud.answer("ListStreams", list_streams)
    streams = lab.api.streams(
        LocationName("shop-prod", "us-east1"), lambda _id: True, Deadline.after(PLENTY)
    )
    assert streams == (Stream("a", 2), Stream("b", 3), Stream("c", 3))


@pytest.mark.parametrize(("token", "calls"), [("the same", 2), (None, MOST_PAGES)])
def test_a_list_that_never_ends_costs_a_bounded_number_of_calls(
    serve: Serve, token: str | None, calls: int
) -> None:
    """Its location is not read, since nobody knows what else it holds, and the reason says so."""
    lab = serve({"projects": [project("shop-prod", {"us-east1": []})]})
    numbers = itertools.count()

    def answer(_request: Any) -> Any:
        return datastream_v1.ListStreamsResponse.pb()(
            next_page_token=token or f"page-{next(numbers)}"
        )

    lab.cloud.answer("ListStreams", answer)
    observations = lab.read({"project": "shop-prod", "locations": ["us-east1"]})
    failure = failure_of(observations, "shop-prod", "us-east1")
    assert failure.kind is FailureKind.REFUSED
    assert "page" in failure.message
    assert lab.cloud.calls == {"ListStreams": calls}


def test_a_discovered_location_called_global_is_left_to_discovery(serve: Serve) -> None:
    """`location/up` of global tells of the discovery: a location of that name is not read."""
    lab = serve({"projects": [project("shop-prod", {"us-east1": ["orders"], "global": ["x"]})]})
    observations = lab.read({"project": "shop-prod"})
    assert seen(observations) == {"shop-prod/us-east1": ["orders"]}
    assert lab.cloud.calls == {"ListLocations": 1, "ListStreams": 1}


def test_knowing_the_locations_without_reading_any_is_blind(serve: Serve) -> None:
    """Discovery alone is no reading: where every location then fails, nothing was read."""
    shop = project("shop-prod", {"us-east1": ["orders"]})
    lab = serve({"projects": [shop | {"denied": ["datastream.streams.list"]}]})
    observations = lab.read({"project": "shop-prod"})
    assert observations.discoveries == {"shop-prod": ("us-east1",)}
    assert observations.nothing_read
