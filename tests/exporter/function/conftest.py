"""The function on its real server, and in this process with a clock of the test's own."""

import io
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from exporter.function import Function
from lab.emulator.emulator import Emulator
from lab.emulator.world import World
from tests.exporter.function.server import MAIN, Server

CONFIG = """\
metrics: {project: metrics-prod}
sources: [{project: shop-prod}]
"""
# Three streams in two locations, and a project for metrics
WORLD: dict[str, Any] = {
    "projects": [
        {"id": "metrics-prod", "number": 1},
        {
            "id": "shop-prod",
            "number": 2,
            "locations": [
                {
                    "id": "europe-west1",
                    "streams": [{"id": "orders"}, {"id": "carts", "state": "PAUSED"}],
                },
                {"id": "us-east1", "streams": [{"id": "stock"}]},
            ],
        },
    ]
}
POINTS = 27  # what a complete run of it writes
PREFIX = "custom.googleapis.com/datastream/"
PLENTY = 60.0  # seconds that nothing takes

# Starts the function, with these variables and this ``main.py``, until the test ends
Start: TypeAlias = Callable[..., Server]


class Clock:
    """Seconds that pass when a test says so; it is both the unix time and the monotonic one."""

    def __init__(self) -> None:
        self.now = self.start = 1_800_000_000.0
        self._asked = threading.Condition()
        self._callers: set[str] = set()

    def __call__(self) -> float:
        """Return the time."""
        with self._asked:
            self._callers.add(threading.current_thread().name)
            self._asked.notify_all()
            return self.now

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds

    def wait_for_callers(self, count: int) -> None:
        """Wait until so many threads whose name begins with ``caller`` have asked for the time."""
        with self._asked:
            assert self._asked.wait_for(
                lambda: sum(name.startswith("caller") for name in self._callers) >= count, PLENTY
            )


def on_clock(clock: Clock, environ: Mapping[str, str], log: io.StringIO) -> Function:
    """Return the function for this process, whose time is the clock's."""
    deployed = {"DATASTREAM_EXPORTER_CONFIG": CONFIG, **environ}
    return Function(deployed, log, monotonic=clock, now=clock, sleep=clock.sleep)


def values(cloud: Emulator, metric: str) -> dict[tuple[str, str], Any]:
    """Return the last value of each series of a metric, by location and node."""
    return {
        (point.resource_labels["location"], point.resource_labels["node_id"]): point.value
        for point in cloud.points(PREFIX + metric)
    }


@pytest.fixture
def clock() -> Clock:
    """Return a clock that the function and the emulator share."""
    return Clock()


@pytest.fixture
def cloud_at(clock: Clock) -> Iterator[Emulator]:
    """Return an emulator of the small fleet, whose time is the clock's."""
    with Emulator(World.model_validate(WORLD), clock=clock) as running:
        yield running


@pytest.fixture
def log() -> io.StringIO:
    """Return what the function in this process logs to."""
    return io.StringIO()


@pytest.fixture
def function(cloud_at: Emulator, clock: Clock, log: io.StringIO) -> Iterator[Function]:
    """Return the function in this process, on the clock."""
    with closing(on_clock(clock, cloud_at.environ, log)) as running:
        yield running


@pytest.fixture
def cloud() -> Iterator[Emulator]:
    """Return an emulator of the small fleet, in real time."""
    with Emulator(World.model_validate(WORLD)) as running:
        yield running


@pytest.fixture
def start(cloud: Emulator, tmp_path: Path) -> Iterator[Start]:
    """Return what starts the function as it is deployed, but with the emulator's addresses."""
    with ExitStack() as running:

        def started(environ: Mapping[str, str] | None = None, *, main: Path = MAIN) -> Server:
            deployed = {"DATASTREAM_EXPORTER_CONFIG": CONFIG, **cloud.environ, **(environ or {})}
            server = Server(deployed, tmp_path / "function.log", main)
            running.callback(server.close)
            return server

        yield started
