"""The command line called as a function, against worlds that an emulator serves."""

from __future__ import annotations

import copy
import json
import os
import threading
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import pytest

from exporter.cli import main
from lab.emulator import world
from lab.emulator.emulator import Emulator
from tests.outputs import Printed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

CONFIG = """\
metrics: {project: metrics-prod}
sources:
  - project: shop-prod
    locations: [europe-west1, us-east1]
"""

_SHOP: World = {
    "projects": [
        {"id": "metrics-prod", "number": 1},
        {
            "id": "shop-prod",
            "number": 2,
            "locations": [
                {
                    "id": "europe-west1",
                    "streams": [
                        {"id": "orders", "objects": [{"table": "shop.orders_{}", "count": 3}]},
                        {"id": "carts", "state": "PAUSED"},
                    ],
                },
                {"id": "us-east1", "streams": [{"id": "stock"}]},
            ],
        },
    ]
}


World = dict[str, Any]
"""A world as it would stand in a file."""


class Ended(NamedTuple):
    """How a command ended: its exit code, stdout and stderr."""

    code: int
    out: str
    err: str

    @property
    def log(self) -> list[dict[str, Any]]:
        """The log lines of a run on Cloud Run, which are all that stdout may hold."""
        return [json.loads(line) for line in self.out.splitlines()]


class Serve(Protocol):
    """Serves a world until the test ends."""

    def __call__(self, world: World, /) -> tuple[Emulator, dict[str, str]]:
        """Return it, and the environment that leads a command to it."""


class Command(Protocol):
    """Runs a command line."""

    def __call__(self, *argv: str, environ: Mapping[str, str] | None = None) -> Ended:
        """Return how it ended."""


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Leave no credentials to be found, and ask no metadata server for any."""
    for name in list(os.environ):
        if name.startswith(("GOOGLE_", "CLOUDSDK_", "GCE_", "CLOUD_RUN_", "DATASTREAM_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("CLOUD_SDK_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def shop() -> World:
    """Return a small world: three streams in two locations, and a project for metrics."""
    return copy.deepcopy(_SHOP)


@pytest.fixture
def command() -> Command:
    """Return what runs a command line in this process, with an environment of its own."""

    def run(*argv: str, environ: Mapping[str, str] | None = None) -> Ended:
        out, err = Printed(), Printed()
        code = main(argv, environ or {}, out, err)
        return Ended(code, out.getvalue(), err.getvalue())

    return run


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Return what serves a world, and gives the environment that leads to it."""
    with ExitStack() as running:

        def serve(served: World) -> tuple[Emulator, dict[str, str]]:
            cloud = running.enter_context(Emulator(world.World.model_validate(served)))
            return cloud, {
                "DATASTREAM_EMULATOR_HOST": cloud.datastream,
                "MONITORING_EMULATOR_HOST": cloud.monitoring,
                "DATASTREAM_EXPORTER_CONFIG": CONFIG,
            }

        yield serve


@pytest.fixture
def on_cloud_run() -> Iterator[dict[str, str]]:
    """Give the variables of a Cloud Run job, with a metadata server that tells its region."""

    class Metadata(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"projects/2/regions/europe-west1")

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Metadata) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        yield {
            "CLOUD_RUN_JOB": "exporter",
            "CLOUD_RUN_EXECUTION": "exporter-x7k2p",
            "CLOUD_RUN_TASK_INDEX": "0",
            "CLOUD_RUN_TASK_COUNT": "1",
            "CLOUD_RUN_TASK_ATTEMPT": "0",
            "GCE_METADATA_HOST": f"127.0.0.1:{server.server_port}",
        }
        server.shutdown()
