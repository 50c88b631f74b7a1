"""A served world whose clock stands still, and Google's own client for it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, NamedTuple

import pytest
from google.cloud import monitoring_v3

from exporter.config import Endpoints
from exporter.google.clients import Clients
from lab.emulator.emulator import Emulator
from lab.emulator.world import World

START = 1_767_225_600.0
"""The time in the worlds of these tests: the turn of 2026, in unix seconds."""


class Served(NamedTuple):
    """A served world, and a client of its Cloud Monitoring."""

    cloud: Emulator
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
            clients = running.enter_context(Clients(Endpoints(), cloud.environ))
            return Served(cloud, clients.monitoring)

        yield served
