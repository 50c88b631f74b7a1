"""Series that two things could shard: a stream on two pages, a location called global."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import grpc
from google.cloud import datastream_v1

from exporter.config import Endpoints
from exporter.gcp.clients import Identity, connect
from exporter.gcp.deadline import Deadline
from exporter.gcp.retry import Calls
from exporter.names import LocationName
from exporter.read.datastream import Datastream
from exporter.read.observations import Stream
from tests.exporter.read.worlds import PLENTY, project, seen

if TYPE_CHECKING:
    from tests.exporter.conftest import Serve

SERVICE = "google.cloud.datastream.v1.Datastream"


def list_streams(request: Any, _context: grpc.ServicerContext) -> Any:
    """Answer with two pages of a list that shifted by one in between."""
    pages = {"": (["a", "b"], "more"), "more": (["b", "c"], "")}
    ids, token = pages[request.page_token]
    state = {"": 2, "more": 3}[request.page_token]
    answer = datastream_v1.ListStreamsResponse.pb()(next_page_token=token)
    for each in ids:
        answer.streams.add(name=f"{request.parent}/streams/{each}", state=state)
    return answer


def test_a_stream_on_two_pages_is_seen_once_as_it_was_seen_last() -> None:
    """A list that shifts while it is paged repeats a stream, whose series take one point a run."""
    handler = grpc.unary_unary_rpc_method_handler(
        list_streams,
        request_deserializer=datastream_v1.ListStreamsRequest.pb().FromString,
        response_serializer=datastream_v1.ListStreamsResponse.pb().SerializeToString,
    )
    with ThreadPoolExecutor(1) as pool:
        server = grpc.server(pool)
        server.add_generic_rpc_handlers(
            [grpc.method_handlers_generic_handler(SERVICE, {"ListStreams": handler})]
        )
        address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
        server.start()
        named = {"DATASTREAM_EMULATOR_HOST": address, "MONITORING_EMULATOR_HOST": address}
        clients, _ = connect(Endpoints(), named, Identity())
        with clients:
            streams = Datastream(clients.datastream, Calls()).streams(
                LocationName("shop-prod", "us-east1"), lambda _id: True, Deadline.after(PLENTY)
            )
        server.stop(None).wait()
    assert streams == (Stream("a", 2), Stream("b", 3), Stream("c", 3))


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
