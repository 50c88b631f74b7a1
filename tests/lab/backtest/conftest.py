"""A served history, and the command."""

from __future__ import annotations

import os
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

import pytest

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
    from collections.abc import Iterator
    from pathlib import Path

    from tests.lab.conftest import Command


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


@pytest.fixture
def backtest(command: Command) -> Command:
    """Return a function that runs ``datastream-lab backtest`` with the project's own policies."""
    return partial(command, "backtest", "--policies", str(POLICIES))
