"""The function on its real server, and in this process on the test's own clock."""

import io
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, TextIO, TypeAlias

import pytest

from exporter.config import load
from exporter.function import Function
from lab.emulator.emulator import Emulator
from tests.exporter.conftest import Serve
from tests.exporter.function.server import Server
from tests.exporter.worlds import world

CONFIG_TEXT = "DATASTREAM_EXPORTER_CONFIG"
CONFIG = "metrics: {project: metrics-project}\nsources: [{project: shop-prod}]\n"
WORLD = world({"europe-west1": ["orders", "carts"], "us-east1": ["stock"]})
POINTS = 27  # what a complete run of it writes


class Clock:
    """Seconds that pass when a test says so: the unix time and the monotonic one."""

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
        """Wait until so many threads named ``caller…`` have asked for the time."""
        with self._asked:
            self._asked.wait_for(
                lambda: (
                    sum(name.startswith("caller") for name in self._callers) >= count
                )
            )


def made(environ: Mapping[str, str], log: TextIO, **more: Any) -> Function:
    """Return the function with the config of its environment."""
    return Function(load(None, environ), environ, log, **more)


@pytest.fixture
def clock() -> Clock:
    """Return a clock that the function and the emulator share."""
    return Clock()


@pytest.fixture
def log() -> io.StringIO:
    """Return what the function in this process logs to."""
    return io.StringIO()


@pytest.fixture
def cloud_at(serve: Serve, clock: Clock, request: pytest.FixtureRequest) -> Emulator:
    """Return an emulator of the small fleet, and of what a test adds, on the clock."""
    more = getattr(request, "param", {})
    return serve(WORLD | more, clock).cloud


# Takes the function's environment, and what is not to be the clock's
OnClock: TypeAlias = Callable[..., Function]


@pytest.fixture
def on_clock(clock: Clock, log: io.StringIO) -> OnClock:
    """Return what makes the function in this process, whose time is the clock's."""

    def on_clock(environ: Mapping[str, str], **more: Any) -> Function:
        times = {"monotonic": clock, "now": clock, "sleep": clock.sleep} | more
        return made(environ, log, **times)

    return on_clock


@pytest.fixture
def function(cloud_at: Emulator, on_clock: OnClock) -> Function:
    """Return the function in this process, on the clock."""
    return on_clock({CONFIG_TEXT: CONFIG, **cloud_at.environ})


@pytest.fixture
def cloud(serve: Serve) -> Emulator:
    """Return an emulator of the small fleet, in real time."""
    return serve(WORLD).cloud


@pytest.fixture
def start(cloud: Emulator, tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Return what starts the function as deployed, but against the emulator.

    It listens.
    """
    with ExitStack() as running:

        def start(**environ: str) -> Server:
            deployed = {CONFIG_TEXT: CONFIG, **cloud.environ, **environ}
            server = Server(deployed, tmp_path / "function.log")
            running.enter_context(closing(server))
            server.wait_for(server.listens)
            return server

        yield start
