"""Two hours of a fleet's history in an emulator."""

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from google.cloud import monitoring_v3

from exporter.config import Endpoints
from exporter.google.clients import Clients
from lab.emulator.emulator import Emulator
from lab.emulator.stored_series import StoredSeries
from lab.emulator.world import World
from lab.policies.promql import known_series
from lab.simulate.scenario_files import parse_scenario
from lab.simulate.series import Series
from lab.simulate.simulation import simulate
from tests.exporter.conftest import Lab

MINUTE = 60.0
MINUTES = 120
START = (time.time() // 300 - 25) * 300
"""About two hours ago, a multiple of 5 min: older points are not kept for ever."""
END = START + MINUTES * MINUTE
FRESHNESS = "datastream.googleapis.com/stream/freshness"
UNSUPPORTED = "datastream.googleapis.com/stream/unsupported_event_count"


def seed(cloud: Emulator, *given: Any) -> None:
    """Add raw TimeSeries that nobody writes, of any resource and kind."""
    for each in given:
        value = each.points[0].value.WhichOneof("value")
        stored = StoredSeries(type(each)(), value)
        stored.header.CopyFrom(each)
        del stored.header.points[:]
        ends = {one.interval.end_time.ToNanoseconds(): one for one in each.points}
        for end, point in sorted(ends.items()):
            start = point.interval.start_time.ToNanoseconds()
            stored.add(start, end, getattr(point.value, value))
        cloud.metrics_project("ops-prod").seeded.append(stored)


def serve(running: ExitStack, *series: Any) -> Lab:
    """Serve raw TimeSeries in the metrics project."""
    world = {"projects": [{"id": "ops-prod", "number": 1}]}
    cloud = running.enter_context(Emulator(World.model_validate(world)))
    seed(cloud, *series)
    return Lab(cloud, running.enter_context(Clients(Endpoints(), cloud.environ)))


def raw(
    resource: str,
    labels: Mapping[str, str],
    points: Mapping[tuple[float, float], float],
    **keys: Any,
) -> Any:
    """Return a raw TimeSeries of values by when they begin and end, in unix seconds."""
    return monitoring_v3.TimeSeries.pb(
        monitoring_v3.TimeSeries(
            {
                "resource": {"type": resource, "labels": labels},
                "metric_kind": "GAUGE",
                "value_type": "DOUBLE",
                "points": [
                    {
                        "interval": {
                            "start_time": {"seconds": int(start)},
                            "end_time": {"seconds": int(end)},
                        },
                        "value": {"double_value": value},
                    }
                    for (start, end), value in points.items()
                ],
                **keys,
            }
        )
    )


def written(series: Series) -> Any:
    """Return a series of the simulated exporter as Cloud Monitoring has it."""
    labels = dict(series.labels)
    resource = labels.pop("monitored_resource")
    own = {
        key: labels.pop(key)
        for key in ("project_id", "location", "namespace", "node_id")
    }
    type_ = known_series()[series.name].type
    points = {(point.time, point.time): point.value for point in series.samples}
    return raw(resource, own, points, metric={"type": type_, "labels": labels})


def native(
    metric: str, points: Mapping[tuple[float, float], float], stream: str = "orders"
) -> Any:
    """Return one of Datastream's series; times are seconds after the start."""
    labels = {"resource_container": "shop-prod", "location": "europe-west1"}
    kind = "DELTA" if metric == UNSUPPORTED else "GAUGE"
    own = {"read_method": "cdc"} if metric == UNSUPPORTED else {}
    return raw(
        "datastream.googleapis.com/Stream",
        labels | {"stream_id": stream},
        {(START + begin, START + end): value for (begin, end), value in points.items()},
        metric={"type": metric, "labels": own},
        metric_kind=kind,
    )


def text(unix: float) -> str:
    """Return a time as the command line prints it."""
    return f"{datetime.fromtimestamp(unix, UTC):%Y-%m-%dT%H:%M:%SZ}"


@pytest.fixture(autouse=True)
def _nobody(nobody: None) -> None:
    """Remove all credentials, and disable the metadata server."""


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """Return two hours of history, which the simulated exporter wrote."""
    file = Path(__file__).with_name("history.yaml")
    scenario = parse_scenario(file.read_text("utf-8"), file.name, (), name="history")
    own = [
        written(each)
        for each in simulate(scenario, START).series
        if each.name.startswith("custom_")
    ]
    fresh = {
        (at, at): 5.0 for at in map(float, range(0, int(MINUTES * MINUTE), int(MINUTE)))
    }
    dropped = {(1200.0, 1260.0): 3.0, (1260.0, 1320.0): 1.0}
    others = [native(FRESHNESS, fresh), native(FRESHNESS, fresh, "stock")]
    with ExitStack() as running:
        yield serve(running, *own, *others, native(UNSUPPORTED, dropped))


@pytest.fixture
def empty_lab() -> Iterator[Lab]:
    """Return a server without history, for this test only."""
    with ExitStack() as running:
        yield serve(running)
