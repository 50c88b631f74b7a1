"""A served world whose clock stands still, and Google's own clients for it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, NamedTuple

import grpc
import pytest
from google.cloud import datastream_v1, monitoring_v3
from google.cloud.datastream_v1.services.datastream.transports import (
    DatastreamGrpcTransport,
)
from google.cloud.monitoring_v3.services.metric_service.transports import (
    MetricServiceGrpcTransport,
)

from lab.emulator.emulator import Emulator
from lab.emulator.world import World

START = 1_767_225_600.0
"""The time in the worlds of these tests: the turn of 2026, in unix seconds."""


class Served(NamedTuple):
    """A served world and clients that know nothing of it but an address."""

    cloud: Emulator
    datastream: datastream_v1.DatastreamClient
    monitoring: monitoring_v3.MetricServiceClient


Serve = Callable[[dict[str, Any]], Served]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Return what serves a world, written as in a file, until the test ends."""
    with ExitStack() as running:

        def served(world: dict[str, Any]) -> Served:
            cloud = running.enter_context(
                Emulator(World.model_validate(world), clock=lambda: START)
            )
            to_datastream = running.enter_context(
                grpc.insecure_channel(cloud.datastream)
            )
            to_monitoring = running.enter_context(
                grpc.insecure_channel(
                    cloud.monitoring,
                    options=[("grpc.absolute_max_metadata_size", 1 << 20)],
                )
            )
            return Served(
                cloud,
                datastream_v1.DatastreamClient(
                    transport=DatastreamGrpcTransport(channel=to_datastream)
                ),
                monitoring_v3.MetricServiceClient(
                    transport=MetricServiceGrpcTransport(channel=to_monitoring)
                ),
            )

        yield served
