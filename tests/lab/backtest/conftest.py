"""The history that is served, the policies, and the command."""

from __future__ import annotations

import io
import os
import signal
import threading
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, NamedTuple, Protocol

import pytest

from lab.cli.main import main
from lab.policies.files import Policy, read_policies
from tests.lab.backtest.fleet_history import (
    FRESHNESS,
    MINUTE,
    MINUTES,
    POLICIES,
    SILENT,
    UNSUPPORTED,
    WORLD,
    Lab,
    native,
    play,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


class Command(Protocol):
    """Calls ``datastream-lab backtest``."""

    def __call__(self, *argv: str, environ: Mapping[str, str] | None = None) -> Ended:
        """Return how it ended."""


class SignalWhen(Protocol):
    """Sends this process SIGINT as soon as something is the case."""

    def __call__(self, case: Callable[[], bool], /) -> None:
        """Wait for it beside the test."""


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Leave no credentials to be found, and ask no metadata server for any."""
    for name in list(os.environ):
        if name.startswith(("GOOGLE_", "CLOUDSDK_", "GCE_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """Return the two hours."""
    with ExitStack() as running:
        lab = play(WORLD, (minute for minute in range(MINUTES) if minute not in SILENT), running)
        fresh = {(at, at): 5 for at in map(float, range(0, MINUTES * MINUTE, MINUTE))}
        dropped = {(1200.0, 1260.0): 3, (1260.0, 1320.0): 1}
        lab.cloud.seed_series(
            "ops-prod",
            [
                native(FRESHNESS, fresh),
                native(FRESHNESS, fresh, stream="stock"),
                native(UNSUPPORTED, dropped, read_method="cdc", object_name="a", error_code="b"),
            ],
        )
        yield lab


@pytest.fixture(scope="session")
def policies() -> tuple[Policy, ...]:
    """Return the project's own policies."""
    return read_policies(POLICIES)


@pytest.fixture
def command() -> Command:
    """Return what calls ``datastream-lab backtest`` with some arguments."""

    def call(*argv: str, environ: Mapping[str, str] | None = None) -> Ended:
        out, err = io.StringIO(), io.StringIO()
        whole = ["backtest", "--policies", str(POLICIES), *argv]
        return Ended(main(whole, environ or {}, out, err), out.getvalue(), err.getvalue())

    return call


@pytest.fixture
def interrupt_when() -> Iterator[SignalWhen]:
    """Return what sends this process SIGINT as soon as something is the case."""
    waiting: list[threading.Thread] = []
    over = threading.Event()

    def watch(case: Callable[[], bool]) -> None:
        def wait() -> None:
            while not over.is_set() and not case():
                time.sleep(0.002)
            if not over.is_set():
                os.kill(os.getpid(), signal.SIGINT)

        waiting.append(threading.Thread(target=wait))
        waiting[-1].start()

    yield watch
    over.set()
    for thread in waiting:
        thread.join()
