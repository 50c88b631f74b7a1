"""The command line called as a function, against worlds that an emulator serves."""

import copy
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeAlias

import pytest
from google.auth.compute_engine import _metadata

from exporter.cli import main
from lab.emulator.emulator import Emulator
from tests.exporter.conftest import Serve

ROOT = Path(__file__).parents[3]
CONFIG = """\
metrics: {project: metrics-prod}
sources:
  - project: shop-prod
    locations: [europe-west1, us-east1]
"""
DISCOVERING = "metrics: {project: metrics-prod}\nsources: [{project: shop-prod}]\n"
JOB = {
    "CLOUD_RUN_JOB": "exporter",
    "CLOUD_RUN_EXECUTION": "exporter-x7k2p",
    "CLOUD_RUN_TASK_INDEX": "0",
    "CLOUD_RUN_TASK_COUNT": "1",
    "CLOUD_RUN_TASK_ATTEMPT": "0",
}
PREFIX = "custom.googleapis.com/datastream/"
CARTS = "projects/shop-prod/locations/europe-west1/streams/carts"
CARTS_PAUSED = f"{CARTS} is PAUSED, which config does not expect."

World: TypeAlias = dict[str, Any]
Environ: TypeAlias = dict[str, str]
ServeShop: TypeAlias = Callable[[World], tuple[Emulator, Environ]]

_SHOP: World = {
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


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Return that it is one."""
        return True


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def log(self) -> list[dict[str, Any]]:
        """The log lines of a run on Cloud Run, which are all that stdout may hold."""
        assert self.err == ""
        return [json.loads(line) for line in self.out.splitlines()]


class Command(Protocol):
    """Runs a command line."""

    def __call__(self, *argv: str, environ: Mapping[str, str] | None = None) -> Ended:
        """Return how it ended."""


@pytest.fixture(autouse=True)
def _nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Leave no credentials to be found, and ask no metadata server for any."""
    for name in list(os.environ):
        if name.startswith(("GOOGLE_", "CLOUDSDK_", "GCE_", "CLOUD_RUN_", "DATASTREAM_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    # In this process it was read when the module was imported.
    monkeypatch.setattr(_metadata, "_NO_GCE_CHECK", True)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def shop() -> World:
    """Return a small world: three streams in two locations, and a project for metrics."""
    return copy.deepcopy(_SHOP)


@pytest.fixture
def served(serve: Serve) -> ServeShop:
    """Return what serves a world, and gives the environment that leads to it."""

    def served(world: World) -> tuple[Emulator, Environ]:
        cloud = serve(world).cloud
        return cloud, {**cloud.environ, "DATASTREAM_EXPORTER_CONFIG": CONFIG}

    return served


@pytest.fixture
def command() -> Command:
    """Return what runs a command line in this process, with an environment of its own."""

    def run(*argv: str, environ: Mapping[str, str] | None = None) -> Ended:
        out, err = io.StringIO(), io.StringIO()
        code = main(argv, environ or {}, out, err)
        return Ended(code, out.getvalue(), err.getvalue())

    return run


def start(environ: Mapping[str, str], *argv: str, **streams: Any) -> subprocess.Popen[str]:
    """Start the command line as a process; what isn't given of its output is a pipe."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(
        argv if "/" in argv[0] else [sys.executable, "-m", "exporter", *argv],
        cwd=ROOT,
        env={**os.environ, **environ},
        text=True,
        **(pipes | streams),
    )


def shell(script: str, environ: Mapping[str, str]) -> Ended:
    """Run a shell's command line, in which ``$0`` is this Python, to its end."""
    with start(environ, "/bin/sh", "-c", script, sys.executable) as process:
        out, err = process.communicate(timeout=60)
    return Ended(process.returncode, out, err)
