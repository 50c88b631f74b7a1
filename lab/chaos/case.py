"""One run of the exporter's own command line while one fault is in the way."""

from __future__ import annotations

import io
import time
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib import resources
from threading import Lock
from typing import TYPE_CHECKING

from google.cloud import datastream_v1
from google.cloud.location import locations_pb2

from exporter.cli import main
from exporter.google.clients import DATASTREAM_EMULATOR, MONITORING_EMULATOR
from lab.chaos.faults import BrokenConnection, Fault
from lab.chaos.front import Front, Plan
from lab.emulator.emulator import Emulator
from lab.emulator.world import config_environ, parse_world

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lab.emulator.world import World

_WORLD = "world.yaml"

DEADLINE_SECONDS = 6.0
_CONNECTION_DEADLINE_SECONDS = 50.0
"""A silent connection is given up after 5 s, so that a run needs its usual deadline."""

Series = tuple[str, str, str, str, tuple[tuple[str, str], ...]]
"""A series: metric type, namespace, location, node_id, metric labels."""

_LISTS = {
    "ListLocations": locations_pb2.ListLocationsRequest,
    "ListStreams": datastream_v1.ListStreamsRequest.pb(),
    "ListPrivateConnections": datastream_v1.ListPrivateConnectionsRequest.pb(),
    "ListStreamObjects": datastream_v1.ListStreamObjectsRequest.pb(),
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one run did.

    Attributes:
        exit_code: Of the command.
        seconds: How long it took.
        deadline: The run's deadline in seconds.
        points: The values that Cloud Monitoring accepted.
        answered: What was listed to its end without a fault: method and parent.
        log: What the command said.
    """

    exit_code: int
    seconds: float
    deadline: float
    points: dict[Series, float]
    answered: frozenset[tuple[str, str]]
    log: str


@cache
def world() -> World:
    """Return the fleet that each fault meets."""
    text = (resources.files("lab.chaos") / _WORLD).read_text(encoding="utf-8")
    return parse_world(text, _WORLD)


@cache
def undisturbed() -> Outcome:
    """Return the outcome of a run without a fault: the truth about the fleet."""
    return run_with(None)


@contextmanager
def fronted(
    plan: Plan, relayed: Callable[[str, bytes, bytes], None]
) -> Iterator[tuple[Emulator, dict[str, str]]]:
    """Serve the fleet while a fault is in the way.

    Args:
        plan: The fault.
        relayed: Gets each call whose answer was relayed as it is; see Front.

    Yields:
        The emulator, and the environment that leads the exporter to the servers in front of it.
    """
    with (
        Emulator(world()) as emulator,
        Front("Datastream", emulator.datastream, plan, relayed) as datastream,
        Front("Monitoring", emulator.monitoring, plan, relayed) as monitoring,
    ):
        addresses = {
            DATASTREAM_EMULATOR: datastream.address,
            MONITORING_EMULATOR: monitoring.address,
        }
        yield emulator, addresses | world_config()


def world_config() -> dict[str, str]:
    """Return the variable with the fleet's config."""
    return config_environ(world(), _WORLD)


def run_with(fault: Fault | None) -> Outcome:
    """Run ``datastream-exporter run`` once, against the emulator, while a fault is in the way."""
    connection = fault is not None and isinstance(fault.kind, BrokenConnection)
    deadline = _CONNECTION_DEADLINE_SECONDS if connection else DEADLINE_SECONDS
    answered = _Answered()
    err = io.StringIO()
    with fronted(Plan(fault), answered.add) as (emulator, environ):
        environ["DATASTREAM_EXPORTER_RUN__DEADLINE"] = f"{deadline:g}s"
        started = time.monotonic()
        exit_code = main(["run"], environ, io.StringIO(), err)
        seconds = time.monotonic() - started
        points = {
            (
                point.metric_type.removeprefix("custom.googleapis.com/datastream/"),
                point.resource_labels["namespace"],
                point.resource_labels["location"],
                point.resource_labels["node_id"],
                tuple(sorted(point.metric_labels.items())),
            ): float(point.value)
            for point in emulator.points()
        }
    return Outcome(exit_code, seconds, deadline, points, answered.lists(), err.getvalue())


class _Answered:
    """Collects the lists that were answered to their last page. Safe for threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._lists: set[tuple[str, str]] = set()

    def add(self, method: str, request: bytes, _response: bytes) -> None:
        """Take a relayed call. Every list of this fleet has one page."""
        if method in _LISTS:
            listed = _LISTS[method].FromString(request)
            parent = listed.name if method == "ListLocations" else listed.parent
            with self._lock:
                self._lists.add((method, parent))

    def lists(self) -> frozenset[tuple[str, str]]:
        """Return what was listed."""
        with self._lock:
            return frozenset(self._lists)
