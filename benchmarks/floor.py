"""Makes the calls of a whole run with raw stubs, and nothing else: the least that a run can cost.

It has no config, no retries and no checks. It discovers one project's locations. Then
each location goes its own way, as in the exporter: its streams are listed, and its
counts, the points of its streams and its ``last_read`` are written. It prints how many
calls it made.
"""

import json
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from google.cloud import datastream_v1, monitoring_v3
from google.cloud.location import locations_pb2
from google.protobuf import empty_pb2

_PREFIX = "custom.googleapis.com/datastream"
_BATCH = 200  # series in a request, the most that the API takes
_LIST = datastream_v1.ListStreamsRequest.pb()
_WRITE = monitoring_v3.CreateTimeSeriesRequest.pb()

Point = tuple[str, str, str, int]  # a metric, a location, a node and a value


class Floor:
    """The calls of one run, which reads one project and writes into another."""

    def __init__(self, project: str, metrics: str) -> None:
        self._project = project
        self._metrics = metrics
        self._at = int(time.time())
        options = [("grpc.enable_http_proxy", 0)]
        datastream = grpc.insecure_channel(
            os.environ["DATASTREAM_EMULATOR_HOST"], options
        )
        monitoring = grpc.insecure_channel(
            os.environ["MONITORING_EMULATOR_HOST"], options
        )
        self._discover = datastream.unary_unary(
            "/google.cloud.location.Locations/ListLocations",
            locations_pb2.ListLocationsRequest.SerializeToString,
            locations_pb2.ListLocationsResponse.FromString,
        )
        self._list = datastream.unary_unary(
            "/google.cloud.datastream.v1.Datastream/ListStreams",
            _LIST.SerializeToString,
            datastream_v1.ListStreamsResponse.pb().FromString,
        )
        self._create = monitoring.unary_unary(
            "/google.monitoring.v3.MetricService/CreateTimeSeries",
            _WRITE.SerializeToString,
            empty_pb2.Empty.FromString,
        )

    def run(self) -> int:
        """Make every call; return how many they were."""
        parent = f"projects/{self._project}"
        request = locations_pb2.ListLocationsRequest(name=parent, page_size=1000)
        locations = [one.location_id for one in self._discover(request).locations]
        with ThreadPoolExecutor(len(locations)) as pool:
            calls = sum(pool.map(self._handle, locations))
        calls += self._write([("location/up", "global", "datastream", 1)])
        own = ("last_run", "streams", "run_seconds", "points_lost")
        calls += self._write([(f"exporter/{name}", "global", "0", 1) for name in own])
        return calls + 1

    def _handle(self, location: str) -> int:
        """Make the calls of a location; return how many they were."""
        parent = f"projects/{self._project}/locations/{location}"
        streams = self._list(_LIST(parent=parent, page_size=1000)).streams
        names = (
            "up",
            "failed_streams",
            "permanently_failed_streams",
            "unexpected_streams",
        )
        calls = self._write(
            [(f"location/{name}", location, "datastream", 1) for name in names]
        )
        calls += self._write(
            [point for one in streams for point in self._points(location, one)]
        )
        last_read = ("location/last_read", location, "datastream", self._at)
        return 1 + calls + self._write([last_read])

    def _points(self, location: str, stream: Any) -> Iterator[Point]:
        node = (location, stream.name.rsplit("/", 1)[-1])
        yield "stream/state", *node, stream.state
        yield "stream/expected", *node, 1
        yield "stream/last_seen", *node, self._at
        yield "stream/errors", *node, len(stream.errors)

    def _write(self, points: list[Point]) -> int:
        batches = [
            points[start : start + _BATCH] for start in range(0, len(points), _BATCH)
        ]
        for batch in batches:
            request = _WRITE(name=f"projects/{self._metrics}")
            for point in batch:
                self._add(request.time_series.add(), *point)
            self._create(request)
        return len(batches)

    def _add(
        self, series: Any, metric: str, location: str, node: str, value: int
    ) -> None:
        series.metric.type = f"{_PREFIX}/{metric}"
        if metric.startswith("stream/"):
            series.metric.labels["stream_id"] = node
        series.resource.type = "generic_node"
        labels = series.resource.labels
        labels["project_id"] = self._metrics
        labels["namespace"] = self._project
        labels["location"] = location
        labels["node_id"] = node
        point = series.points.add()
        point.interval.end_time.seconds = self._at
        point.value.int64_value = value


if __name__ == "__main__":
    print(json.dumps({"calls": Floor(*sys.argv[1:]).run()}))
