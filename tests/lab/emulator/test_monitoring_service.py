"""The emulator's Cloud Monitoring, as Google's own client sees it."""

import pytest
from google.api_core import exceptions
from google.cloud.monitoring_v3 import MetricServiceClient, TimeSeries

from exporter.config import Endpoints
from exporter.google.clients import Clients
from lab.emulator.emulator import Emulator
from lab.emulator.world import World
from tests.tables import rows

WORLD = World.model_validate({"projects": [{"id": "ops", "number": 77}]})
NOW = 1_767_225_600.0
NODE = {"location": "europe-west1", "namespace": "shop", "node_id": "n"}


def write(client: MetricServiceClient, at: float) -> None:
    """Write a point with a unix time."""
    seconds = int(at // 1)
    end = {"seconds": seconds, "nanos": round((at - seconds) * 1e9)}
    point = {"interval": {"end_time": end}, "value": {"int64_value": 2}}
    series = TimeSeries(
        metric={"type": "custom.googleapis.com/datastream/stream/state"},
        resource={"type": "generic_node", "labels": NODE | {"project_id": "ops"}},
        points=[point],
    )
    client.create_time_series(name="projects/ops", time_series=[series])


@rows
def test_points_come_in_order_five_seconds_apart_and_in_time(
    seconds: float, text: str | None, *, written: bool
) -> None:
    """Which time is taken follows from the series' youngest point and the clock."""
    with (
        Emulator(WORLD, clock=lambda: NOW) as emulator,
        Clients(Endpoints(), emulator.environ) as clients,
    ):
        if written:
            write(clients.monitoring, NOW)
        if text is None:
            write(clients.monitoring, NOW + seconds)
        else:
            with pytest.raises(exceptions.InvalidArgument, match=text):
                write(clients.monitoring, NOW + seconds)
