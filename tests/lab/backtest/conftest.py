"""A served history, the policies, and the command."""

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
    """Exit code and output of a command."""

    code: int
    out: str
    err: str


class Command(Protocol):
    """Runs ``datastream-lab backtest``."""

    def __call__(self, *argv: str, environ: Mapping[str, str] | None = None) -> Ended:
        """Return its exit code and output."""


class SignalWhen(Protocol):
    """Sends this process SIGINT as soon as a condition is true."""

    def __call__(self, case: Callable[[], bool], /) -> None:
        """Wait for the condition in a thread."""


@pytest.fixture(autouse=True)
def no_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Remove all credentials, and disable the metadata server."""
    for name in list(os.environ):
        if name.startswith(("GOOGLE_", "CLOUDSDK_", "GCE_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """Return two hours of history."""
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
    """Return a function that runs ``datastream-lab backtest``."""

    def call(*argv: str, environ: Mapping[str, str] | None = None) -> Ended:
        out, err = io.StringIO(), io.StringIO()
        whole = ["backtest", "--policies", str(POLICIES), *argv]
        return Ended(main(whole, environ or {}, out, err), out.getvalue(), err.getvalue())

    return call


@pytest.fixture
def interrupt_when() -> Iterator[SignalWhen]:
    """Return a function that sends this process SIGINT as soon as a condition is true."""
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
