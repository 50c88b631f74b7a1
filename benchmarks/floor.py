"""Makes the calls of a run with raw stubs alone: the least that a run can cost.

It has no config, no retries and no checks. It discovers one project's locations. Then
each location goes its own way, as in the exporter: its streams are listed, and its
points and its ``last_read`` are written. It prints how many
calls it made.
"""

import json
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import grpc
from google.cloud import datastream_v1, monitoring_v3
from google.cloud.location import locations_pb2
from google.protobuf import empty_pb2

_PREFIX = "custom.googleapis.com/datastream"
_BATCH = 200  # series in a request, the most that the API takes
# Calls, far fewer than the 100 that a connection takes: a server that has not closed
# those before refuses the next, and nothing here tries again
_AT_ONCE = 32
_OWN = ("last_run", "streams", "run_seconds", "points_lost", "contract")
_LIST = datastream_v1.ListStreamsRequest.pb()
_READ_BACK = monitoring_v3.ListTimeSeriesRequest.pb()
_WRITE = monitoring_v3.CreateTimeSeriesRequest.pb()


class Point(NamedTuple):
    """A value of one series."""

    metric: str
    location: str
    node: str
    value: int


class Floor:
    """The calls of one run, which reads one project and writes into another."""

    def __init__(self, project: str, metrics: str) -> None:
        self._project = project
        self._metrics = metrics
        self._at = int(time.time())
        datastream = _channel("DATASTREAM_EMULATOR_HOST")
        monitoring = _channel("MONITORING_EMULATOR_HOST")
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
        self._points_of = monitoring.unary_unary(
            "/google.monitoring.v3.MetricService/ListTimeSeries",
            _READ_BACK.SerializeToString,
            monitoring_v3.ListTimeSeriesResponse.pb().FromString,
        )
        self._create = monitoring.unary_unary(
            "/google.monitoring.v3.MetricService/CreateTimeSeries",
            _WRITE.SerializeToString,
            empty_pb2.Empty.FromString,
        )

    def run(self) -> int:
        """Make every call; return how many they were."""
        request = locations_pb2.ListLocationsRequest(
            name=f"projects/{self._project}", page_size=1000
        )
        found = self._discover(request).locations
        calls = self._read_back()
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            calls += sum(pool.map(self._handle, (one.location_id for one in found)))
        calls += self._write([Point("location/up", "global", "datastream", 1)])
        own = [Point(f"exporter/{name}", "global", "0", 1) for name in _OWN]
        return 1 + calls + self._write(own)

    def _read_back(self) -> int:
        """Read back problems, of which there are none; return the number of calls."""
        request = _READ_BACK(
            name=f"projects/{self._metrics}",
            filter=f'metric.type = "{_PREFIX}/stream/problem_state"',
        )
        for _ in range(3):
            self._points_of(request)
        return 3

    def _handle(self, location: str) -> int:
        """Make the calls of a location; return how many they were."""
        parent = f"projects/{self._project}/locations/{location}"
        streams = self._list(_LIST(parent=parent, page_size=1000)).streams
        points = [
            Point("location/up", location, "datastream", 1),
            Point("location/streams", location, "datastream", len(streams)),
            Point("location/unwatched", location, "datastream", 0),
        ]
        for stream in streams:
            points += self._points(location, stream)
        last_read = [Point("location/last_read", location, "datastream", self._at)]
        return 1 + self._write(points) + self._write(last_read)

    def _points(self, location: str, stream: Any) -> Iterator[Point]:
        node = stream.name.rsplit("/", 1)[-1]
        yield Point("stream/state", location, node, stream.state)
        yield Point("stream/expected", location, node, 1)
        yield Point("stream/last_seen", location, node, self._at)
        yield Point("stream/errors", location, node, len(stream.errors))

    def _write(self, points: list[Point]) -> int:
        starts = range(0, len(points), _BATCH)
        for start in starts:
            request = _WRITE(name=f"projects/{self._metrics}")
            for point in points[start : start + _BATCH]:
                self._add(request.time_series.add(), point)
            self._create(request)
        return len(starts)

    def _add(self, series: Any, point: Point) -> None:
        series.metric.type = f"{_PREFIX}/{point.metric}"
        if point.metric.startswith("stream/"):
            series.metric.labels["stream_id"] = point.node
        series.resource.type = "generic_node"
        labels = series.resource.labels
        labels["project_id"] = self._metrics
        labels["namespace"] = self._project
        labels["location"] = point.location
        labels["node_id"] = point.node
        written = series.points.add()
        written.interval.end_time.seconds = self._at
        written.value.int64_value = point.value


def _channel(variable: str) -> grpc.Channel:
    options = [("grpc.enable_http_proxy", 0)]
    return grpc.insecure_channel(os.environ[variable], options)


if __name__ == "__main__":
    project, metrics = sys.argv[1:]
    calls = Floor(project, metrics).run()
    print(json.dumps({"calls": calls}))
