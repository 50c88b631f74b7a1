"""The command line as a function, against a small world that an emulator serves."""

import os
import subprocess
import sys
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from exporter.command.cli import main
from lab.emulator.emulator import Emulator
from tests.conftest import Ended, run_main
from tests.exporter.conftest import Serve

ROOT = Path(__file__).parents[3]
LISTING = """\
metrics: {project: metrics-prod}
sources:
  - project: shop-prod
    locations: [europe-west1, us-east1]
"""
DISCOVERING = "metrics: {project: metrics-prod}\nsources: [{project: shop-prod}]\n"
CONFIG = "DATASTREAM_EXPORTER_CONFIG"
JOB = {"CLOUD_RUN_JOB": "exporter", "CLOUD_RUN_TASK_COUNT": "1"}
PREFIX = "custom.googleapis.com/datastream/"
EUROPE = "projects/shop-prod/locations/europe-west1"
CARTS = f"{EUROPE}/streams/carts"
CARTS_PAUSED = f"{CARTS} is PAUSED, which config does not expect."
CARTS_PENDING = f"{CARTS_PAUSED} Its problem: pages in 2 min."


def command(*argv: str, **environ: str) -> Ended:
    """Run a command line in this process, with an environment of its own."""
    return run_main(main, argv, environ)


class Shop:
    """A project with three streams in two locations, and another one for metrics.

    Attributes:
        project: The project, to be changed before the first command.
        europe: The first of its locations; the second is ``us-east1``.
        faults: What goes wrong.
        config: The text of config.yaml.
    """

    def __init__(self, serve: Serve) -> None:
        self._serve = serve
        self.europe: dict[str, Any] = {
            "id": "europe-west1",
            "streams": [{"id": "orders"}, {"id": "carts", "state": "PAUSED"}],
        }
        america = {"id": "us-east1", "streams": [{"id": "stock"}]}
        self.project: dict[str, Any] = {
            "id": "shop-prod",
            "number": 2,
            "locations": [self.europe, america],
        }
        self.metrics_project: dict[str, Any] = {"id": "metrics-prod", "number": 1}
        self.faults: list[dict[str, Any]] = []
        self.config = LISTING

    @cached_property
    def cloud(self) -> Emulator:
        """What serves it, from its first use on."""
        projects = [self.metrics_project, self.project]
        return self._serve({"projects": projects, "faults": self.faults}).cloud

    @property
    def environ(self) -> dict[str, str]:
        """What leads a command to it."""
        return {**self.cloud.environ, CONFIG: self.config}

    def command(self, *argv: str, **environ: str) -> Ended:
        """Run a command line in this process, as on a person's machine."""
        return command(*argv, **{**self.environ, **environ})

    def job(self, *argv: str, **environ: str) -> Ended:
        """Run a command line in this process, as on Cloud Run."""
        return command(*argv, **{**self.environ, **JOB, **environ})

    def start(self, *argv: str) -> subprocess.Popen[str]:
        """Start a command line, or another program, with its output in pipes."""
        return subprocess.Popen(
            argv if "/" in argv[0] else [sys.executable, "-m", "exporter", *argv],
            cwd=ROOT,
            env={**os.environ, **self.environ},
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def shell(self, script: str) -> Ended:
        """Run a shell's command line, in which ``$0`` is this Python, to its end."""
        with self.start("/bin/sh", "-c", script, sys.executable) as process:
            out, err = process.communicate(timeout=60)
        return Ended(process.returncode, out, err)


@pytest.fixture
def shop(serve: Serve) -> Shop:
    """Return a small world."""
    return Shop(serve)


@pytest.fixture(autouse=True)
def _nobody(nobody: None) -> None:
    """Leave no credentials to be found."""


@pytest.fixture(autouse=True)
def _nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing say that this is Cloud Run."""
    for name in list(os.environ):
        if name.startswith(("CLOUD_RUN_", "DATASTREAM_")):
            monkeypatch.delenv(name)
