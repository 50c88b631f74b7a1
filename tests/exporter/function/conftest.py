"""The function on its real server, and in this process with a clock of the test's own."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from typing import TYPE_CHECKING, Protocol, TextIO

import pytest

from exporter.function import Function
from lab.emulator.emulator import Emulator
from lab.emulator.world import World
from tests.exporter.function.server import MAIN, Server
from tests.outputs import Printed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from lab.emulator.monitoring import WrittenPoint

CONFIG = """\
metrics: {project: metrics-prod}
sources: [{project: shop-prod}]
"""
WORLD = {
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
"""Three streams in two locations, and a project for metrics."""


class Start(Protocol):
    """Starts the function until the test ends."""

    def __call__(self, environ: Mapping[str, str] | None = None, *, main: Path = MAIN) -> Server:
        """Return its server."""


class Clock:
    """Seconds that pass when a test says so; it is both the unix time and the monotonic one."""

    def __init__(self) -> None:
        """Start at some time."""
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


def on_clock(clock: Clock, environ: Mapping[str, str], log: TextIO | None = None) -> Function:
    """Return the function for this process, whose time is the clock's."""
    deployed = {"DATASTREAM_EXPORTER_CONFIG": CONFIG, **environ}
    # A run that nobody notices to have ended makes the test hang, and fail.
    return Function(deployed, log or Printed(), monotonic=clock, now=clock, patience=1_000)


def written_twice(points: Iterable[WrittenPoint]) -> list[object]:
    """Return the series that have two points of one time."""
    times = Counter(
        (*point[:2], *map(str, point.resource_labels.items()), point.time) for point in points
    )
    return [series for series, count in times.items() if count > 1]


@pytest.fixture
def cloud() -> Iterator[Emulator]:
    """Return an emulator of a small fleet."""
    with Emulator(World.model_validate(WORLD)) as running:
        yield running


@pytest.fixture
def start(cloud: Emulator, tmp_path: Path) -> Iterator[Start]:
    """Return what starts the function as it is deployed, but with the emulator's addresses."""
    with ExitStack() as running:

        def started(environ: Mapping[str, str] | None = None, *, main: Path = MAIN) -> Server:
            deployed = {
                "DATASTREAM_EXPORTER_CONFIG": CONFIG,
                **cloud.environ,
                **(environ or {}),
            }
            log = tmp_path / f"function-{len(list(tmp_path.glob('function-*')))}.log"
            server = Server(deployed, log, main)
            running.callback(server.close)
            return server

        yield started


@pytest.fixture
def clock() -> Clock:
    """Return a clock that the function and the emulator share."""
    return Clock()


@pytest.fixture
def cloud_at(clock: Clock) -> Iterator[Emulator]:
    """Return an emulator of the same fleet, whose time is the clock's."""
    with Emulator(World.model_validate(WORLD), clock=clock) as running:
        yield running
