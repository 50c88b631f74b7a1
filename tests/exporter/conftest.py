"""A served world, and the exporter on its own seam to Google."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest

from exporter.config import Config, Endpoints
from exporter.google.calls import Calls, Deadline
from exporter.google.clients import Clients
from exporter.run.report import Report
from exporter.run.run import run_once
from exporter.run.session import Session
from exporter.steps.read import Datastream
from lab.emulator.emulator import Emulator
from lab.emulator.world import World
from tests.conftest import serving
from tests.exporter.google.loopback import HttpServer

PLENTY = 30.0
"""Seconds that no run takes."""


@dataclass(frozen=True)
class Lab:
    """One world, its servers, and Google's clients on them."""

    cloud: Emulator
    clients: Clients
    calls: Calls = field(default_factory=Calls)

    @property
    def api(self) -> Datastream:
        """Return the API as the exporter reads it."""
        return Datastream(self.clients, self.calls)

    def session(
        self,
        *sources: Any,
        interval: float = 0.0,
        clock: Callable[[], float] = time.time,
        **config: Any,
    ) -> Session:
        """Return a process; ``config`` has config.yaml's other sections."""
        whole = Config.model_validate(
            {"metrics": {"project": "metrics-project"}, "sources": sources, **config}
        )
        return Session(whole, self.clients, interval, monotonic=clock, now=clock)

    def run(
        self,
        *sources: Any,
        writes: bool = True,
        seconds: float = PLENTY,
        stop: threading.Event | None = None,
        **how: Any,
    ) -> Report:
        """Run once in a new process; see :meth:`session`."""
        session = self.session(*sources, **how)
        return run_once(session, Deadline.after(seconds, stop), writes=writes)

    def look(self, *sources: Any, **how: Any) -> Report:
        """Run once and write nothing; see :meth:`run`."""
        return self.run(*sources, writes=False, **how)


Serve = Callable[..., Lab]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Return what serves a world, written as in a file, until the test ends."""
    with ExitStack() as running:

        def served(
            world: dict[str, Any], clock: Callable[[], float] = time.time
        ) -> Lab:
            made = World.model_validate(world)
            cloud = running.enter_context(Emulator(made, clock=clock))
            return Lab(
                cloud, running.enter_context(Clients(Endpoints(), cloud.environ))
            )

        yield served


@pytest.fixture
def http_server() -> Iterator[HttpServer]:
    """Return an HTTP server that runs until the test ends."""
    with serving(HttpServer()) as server:
        yield server


@pytest.fixture
def closed_port() -> int:
    """Return a port of loopback at which nothing listens."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


@pytest.fixture
def silent_port() -> Iterator[int]:
    """Return a port of loopback that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]
