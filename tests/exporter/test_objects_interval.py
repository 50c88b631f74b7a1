"""A process that makes many runs collects objects in some of them only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from exporter.cli import parser
from exporter.config import Config, Endpoints
from exporter.google.clients import Identity, connect
from exporter.measure import ExporterName
from exporter.read.reader import Collect
from exporter.task import Task
from exporter.runs import OBJECTS_SECONDS, Runs
from lab.emulator.emulator import Emulator
from lab.emulator.world import World
from lab.simulate.virtual_sleep import VirtualDeadline

if TYPE_CHECKING:
    from exporter.run import Report

START = 1_800_000_000.0
OBJECTS = "custom.googleapis.com/datastream/stream/objects"


def collected(minutes: int, objects_every: float | None, *faults: dict[str, Any]) -> list[float]:
    """Return the minutes whose runs wrote objects, of a run a minute."""
    stream = {"id": "orders", "objects": [{"table": "shop.orders"}]}
    locations = [{"id": "europe-west1", "streams": [stream]}]
    world = {
        "projects": [{"id": "shop-prod", "number": 1, "locations": locations}],
        "faults": faults,
    }
    config = {
        "metrics": {"project": "shop-prod"},
        "sources": [{"project": "shop-prod", "locations": ["europe-west1"]}],
    }
    now = START

    def log(report: Report) -> None:
        assert report.measurement.observations.streams == 1

    with Emulator(World.model_validate(world), clock=lambda: now) as cloud:
        clients, _ = connect(Endpoints(), cloud.environ, Identity())
        with clients:
            runs = Runs(
                clients,
                Config.model_validate(config),
                Task(ExporterName("global", "exporter", "0"), collect=Collect(objects=True)),
                log,
                objects_every=objects_every,
                monotonic=lambda: now,
                now=lambda: now,
            )
            for minute in range(minutes):
                now = START + 60 * minute
                runs.once(VirtualDeadline(60))
        states = len({str(point.metric_labels) for point in cloud.points(OBJECTS)})
        times = [(point.time - START) / 60 for point in cloud.points(OBJECTS)]
        assert all(times.count(time) == states for time in times)
        return sorted(set(times))


def test_objects_are_collected_every_quarter_of_an_hour() -> None:
    """The first run collects them, and every fifteenth after it; each writes the stream's state."""
    assert collected(32, OBJECTS_SECONDS) == [0, 15, 30]


def test_a_task_without_an_interval_collects_in_each_run() -> None:
    """So does the run of a job that collects objects only."""
    assert collected(3, None) == [0, 1, 2]


@pytest.mark.parametrize("method", ["ListStreamObjects", "CreateTimeSeries"])
def test_a_collection_that_failed_is_made_again(method: str) -> None:
    """The next run tries again, until one is complete: an alert on failing runs stays open."""
    fault = {"method": method, "code": "PERMISSION_DENIED", "until": 150}
    assert collected(20, OBJECTS_SECONDS, fault) == [3, 18]


def test_watch_has_the_same_interval_by_default() -> None:
    """One number for both."""
    default = parser().parse_args(["watch"]).objects_interval
    assert default.total_seconds() == OBJECTS_SECONDS
