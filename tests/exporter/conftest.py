"""A served world, and what reads it: the exporter's own seam to Google and nothing else."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from exporter.config import Config, Endpoints
from exporter.gcp.clients import Clients, Identity, connect
from exporter.gcp.deadline import Deadline
from exporter.gcp.retry import Calls
from exporter.read.datastream import Datastream
from exporter.read.reader import Reader
from lab.emulator.emulator import Emulator
from lab.emulator.world import World
from tests.exporter.gcp.loopback import HttpServer
from tests.exporter.read.worlds import PLENTY

if TYPE_CHECKING:
    from exporter.read.observations import Observations


@dataclass(frozen=True)
class Lab:
    """One world, its servers, and a reader of it."""

    cloud: Emulator
    clients: Clients
    calls: Calls = field(default_factory=Calls)

    @property
    def api(self) -> Datastream:
        """Return the API as the exporter reads it."""
        return Datastream(self.clients.datastream, self.calls)

    def read(self, *sources: dict[str, Any], **how: Any) -> Observations:
        """Read some sources completely; see :meth:`reader`."""
        return self.reader(*sources, **how).everything()

    def reader(
        self,
        *sources: dict[str, Any],
        seconds: float = PLENTY,
        stop: threading.Event | None = None,
        required: tuple[str, ...] = (),
        concurrency: int = 16,
        **how: Any,
    ) -> Reader:
        """Return what reads some sources as config.yaml would name them; ``how`` is passed on."""
        config = Config.model_validate(
            {
                "metrics": {"project": "metrics-project"},
                "sources": sources,
                "required": required,
                "run": {"concurrency": concurrency},
            }
        )
        return Reader(self.api, config, Deadline.after(seconds, stop), **how)


Serve = Callable[[dict[str, Any]], Lab]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Return what serves a world, written as in a file, until the test ends."""
    with ExitStack() as running:

        def served(world: dict[str, Any]) -> Lab:
            cloud = running.enter_context(Emulator(World.model_validate(world)))
            named = {
                "DATASTREAM_EMULATOR_HOST": cloud.datastream,
                "MONITORING_EMULATOR_HOST": cloud.monitoring,
            }
            clients, _ = connect(Endpoints(), named, Identity())
            return Lab(cloud, running.enter_context(clients))

        yield served


@pytest.fixture
def http_server() -> Iterator[HttpServer]:
    """Return an HTTP server that runs until the test ends."""
    with HttpServer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


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
