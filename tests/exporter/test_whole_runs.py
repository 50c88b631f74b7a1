"""Whole runs: nothing that is slow to read delays what has been read."""

from __future__ import annotations

from threading import Event
from typing import TYPE_CHECKING, Any

from google.cloud import datastream_v1

from exporter.config import Config
from exporter.google.calls import Deadline
from exporter.measure import ExporterName
from exporter.read.reader import Collect
from exporter.run import Report, Run
from exporter.task import Task
from tests.exporter.read.worlds import PLENTY, project

if TYPE_CHECKING:
    from lab.emulator.emulator import Emulator
    from tests.exporter.conftest import Lab, Serve

SHOP = project("shop-prod", {"europe-west1": ["orders"], "us-east1": ["users"]})


def run(lab: Lab, *, objects: bool = False, connections: bool = False) -> Report:
    """Run once, with plenty of time."""
    config = Config.model_validate(
        {"metrics": {"project": "shop-prod"}, "sources": [{"project": "shop-prod"}]}
    )
    task = Task(ExporterName("global", "exporter", "0"), collect=Collect(objects, connections))
    once = Run(lab.clients, config, task, Deadline.after(PLENTY))
    return once.write(once.measurements())


def written(cloud: Emulator, metric: str) -> list[str]:
    """Return the nodes with a point of a metric, in the order in which they were accepted."""
    points = cloud.points(f"custom.googleapis.com/datastream/{metric}")
    return [point.resource_labels["node_id"] for point in points]


def until_read(cloud: Emulator, node: str) -> bool:
    """Wait until a stream's location has its ``last_read``; return whether that came in time."""
    over = Event()
    for _ in range(round(PLENTY / 0.02)):
        if written(cloud, "location/last_read") and node in written(cloud, "stream/state"):
            return True
        over.wait(0.02)
    return False


def test_a_location_that_hangs_delays_no_other_ones_points(serve: Serve) -> None:
    """It answers as soon as the other's points are written, and is then written as well."""
    lab = serve({"projects": [SHOP]})
    waited: list[bool] = []

    def answer(request: Any) -> Any:
        stream = "users"
        if request.parent.endswith("europe-west1"):
            waited.append(until_read(lab.cloud, "users"))
            stream = "orders"
        response = datastream_v1.ListStreamsResponse.pb()()
        response.streams.add(name=f"{request.parent}/streams/{stream}", state=2)
        return response

    lab.cloud.answer("ListStreams", answer)
    report = run(lab)
    assert all(waited)
    assert report.complete
    assert written(lab.cloud, "stream/state") == ["users", "orders"]
    assert report.measurement.observations.streams == 2
    (streams,) = lab.cloud.points("custom.googleapis.com/datastream/exporter/streams")
    assert streams.value == 2


def test_states_do_not_wait_for_the_collectors(serve: Serve) -> None:
    """Objects and private connections come as soon as states are written, and are written too."""
    lab = serve({"projects": [SHOP]})
    waited: list[bool] = []

    def objects(_request: Any) -> Any:
        waited.append(until_read(lab.cloud, "orders"))
        return datastream_v1.ListStreamObjectsResponse.pb()()

    def connections(request: Any) -> Any:
        waited.append(until_read(lab.cloud, "orders"))
        response = datastream_v1.ListPrivateConnectionsResponse.pb()()
        response.private_connections.add(
            name=f"{request.parent}/privateConnections/peering", state=2
        )
        return response

    lab.cloud.answer("ListStreamObjects", objects)
    lab.cloud.answer("ListPrivateConnections", connections)
    report = run(lab, objects=True, connections=True)
    assert waited == [True] * 4
    assert report.complete
    assert written(lab.cloud, "private_connection/state") == ["peering"] * 2
    assert written(lab.cloud, "stream/object_errors") == ["orders", "users"]
    assert written(lab.cloud, "location/last_read") == ["datastream"] * 2
