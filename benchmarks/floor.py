"""The least that a run can cost: the same calls, made with raw stubs, and nothing else.

No config, no retries, no checks, no order kept beyond what the calls need: one project is
discovered, its locations are listed, and every stream gets its four points.
"""

from __future__ import annotations

import itertools
import os
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import grpc
from google.cloud import datastream_v1, monitoring_v3
from google.cloud.location import locations_pb2
from google.protobuf import empty_pb2

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PROJECT = "benchmark-project"
WORKERS = 16
PREFIX = "custom.googleapis.com/datastream"

_STREAMS = datastream_v1.ListStreamsRequest.pb()
_STREAMS_ANSWER = datastream_v1.ListStreamsResponse.pb()
_WRITE = monitoring_v3.CreateTimeSeriesRequest.pb()

Point = tuple[str, str, str, int]


def main() -> None:
    """Make every call of one run."""
    at = int(time.time())
    options = [("grpc.max_receive_message_length", -1), ("grpc.enable_http_proxy", 0)]
    datastream = grpc.insecure_channel(os.environ["DATASTREAM_EMULATOR_HOST"], options=options)
    monitoring = grpc.insecure_channel(os.environ["MONITORING_EMULATOR_HOST"], options=options)
    discover = datastream.unary_unary(
        "/google.cloud.location.Locations/ListLocations",
        locations_pb2.ListLocationsRequest.SerializeToString,
        locations_pb2.ListLocationsResponse.FromString,
    )
    list_streams = datastream.unary_unary(
        "/google.cloud.datastream.v1.Datastream/ListStreams",
        _STREAMS.SerializeToString,
        _STREAMS_ANSWER.FromString,
    )
    write = monitoring.unary_unary(
        "/google.monitoring.v3.MetricService/CreateTimeSeries",
        _WRITE.SerializeToString,
        empty_pb2.Empty.FromString,
    )

    def read(location: str) -> list[tuple[str, str, int]]:
        request = _STREAMS(parent=f"projects/{PROJECT}/locations/{location}", page_size=1000)
        found: list[tuple[str, str, int]] = []
        while True:
            answer = list_streams(request)
            found += [
                (location, stream.name.rsplit("/", 1)[-1], stream.state)
                for stream in answer.streams
            ]
            if not answer.next_page_token:
                return found
            request.page_token = answer.next_page_token

    def send(points: Iterable[Point]) -> None:
        request = _WRITE(name=f"projects/{PROJECT}")
        for metric, location, node, value in points:
            series = request.time_series.add()
            series.metric.type = f"{PREFIX}/{metric}"
            if metric.startswith("stream/"):
                series.metric.labels["stream_id"] = node
            series.resource.type = "generic_node"
            labels = series.resource.labels
            labels["project_id"] = labels["namespace"] = PROJECT
            labels["location"] = location
            labels["node_id"] = node
            point = series.points.add()
            point.interval.end_time.seconds = at
            point.value.int64_value = value
        write(request)

    answer = discover(locations_pb2.ListLocationsRequest(name=f"projects/{PROJECT}"))
    locations = [location.location_id for location in answer.locations]
    with ThreadPoolExecutor(WORKERS) as pool:
        streams = list(itertools.chain.from_iterable(pool.map(read, locations)))
        for phase in (
            _location_points(locations),
            _stream_points(streams, at),
            _last_reads(locations, at),
            _exporter_points(at),
        ):
            list(pool.map(send, _batches(phase)))


def _location_points(locations: list[str]) -> Iterator[Point]:
    yield "location/up", "global", "datastream", 1
    for location in locations:
        yield "location/up", location, "datastream", 1
        yield "location/failed_streams", location, "datastream", 0
        yield "location/unexpected_streams", location, "datastream", 0


def _stream_points(streams: list[tuple[str, str, int]], at: int) -> Iterator[Point]:
    for location, stream, state in streams:
        yield "stream/state", location, stream, state
        yield "stream/expected", location, stream, 1
        yield "stream/last_seen", location, stream, at
        yield "stream/errors", location, stream, 0


def _last_reads(locations: list[str], at: int) -> Iterator[Point]:
    for location in locations:
        yield "location/last_read", location, "datastream", at


def _exporter_points(at: int) -> Iterator[Point]:
    for metric, value in (("last_run", at), ("streams", 0), ("points_lost", 0)):
        yield f"exporter/{metric}", "global", "0", value


def _batches(points: Iterator[Point]) -> Iterator[list[Any]]:
    while batch := list(itertools.islice(points, 200)):
        yield batch


if __name__ == "__main__":
    main()
