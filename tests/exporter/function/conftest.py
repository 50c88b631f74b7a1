"""The function in Google's functions-framework, as Cloud Run starts it, against an emulator."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import pytest

from lab.emulator.emulator import Emulator
from lab.emulator.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).parents[3]
MAIN = ROOT / "terraform/function/main.py"
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

_SECONDS = 60.0
"""For whatever a test waits for; many times what it takes."""


class Response(NamedTuple):
    """A response: its status, its headers and its body."""

    status: int
    headers: Mapping[str, str]
    body: Any


class Server:
    """functions-framework in a process of its own, with its worker."""

    def __init__(self, environ: Mapping[str, str], log: Path, main: Path = MAIN) -> None:
        """Start it, and wait until it listens."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self._log = log
        with log.open("wb") as out:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "functions_framework"),
                    *("--target", "run", "--source", str(main), "--port", str(self.port)),
                ],
                env={"PATH": os.environ["PATH"], "NO_GCE_CHECK": "true", **environ},
                cwd=log.parent,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        until = time.monotonic() + _SECONDS
        while not self._listens():
            assert self.process.poll() is None, self.log_text
            assert time.monotonic() < until, self.log_text
            time.sleep(0.02)

    def request(self, path: str = "/", body: Any = None, method: str = "POST") -> Response:
        """Send a request; return the response."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=_SECONDS)
        try:
            connection.request(method, path, body)
            response = connection.getresponse()
            text = response.read()
            return Response(response.status, dict(response.headers), json.loads(text))
        finally:
            connection.close()

    @property
    def log_text(self) -> str:
        """What the process has written to stdout and stderr."""
        return self._log.read_text("utf-8")

    @property
    def log(self) -> list[dict[str, Any]]:
        """The log entries; nothing else may be written."""
        return [json.loads(line) for line in self.log_text.splitlines()]

    def signal(self, number: int) -> None:
        """Send a signal to the server and its worker."""
        os.killpg(self.process.pid, number)

    def close(self) -> None:
        """Kill it, if it still runs."""
        if self.process.poll() is None:
            self.signal(signal.SIGKILL)
        self.process.wait(_SECONDS)

    def _listens(self) -> bool:
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", self.port)) == 0


class Start(Protocol):
    """Starts the function until the test ends."""

    def __call__(self, environ: Mapping[str, str] | None = None, *, main: Path = MAIN) -> Server:
        """Return its server."""


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
