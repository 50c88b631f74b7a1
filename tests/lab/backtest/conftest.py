"""The command, back-testing the history that an emulator serves."""

from functools import partial
from types import SimpleNamespace

import pytest

from lab.cli import backtest as command_module
from tests.lab.conftest import POLICIES, Command
from tests.lab.history.conftest import END, empty_lab, lab

__all__ = ["empty_lab", "lab"]


@pytest.fixture(autouse=True)
def _nobody(nobody: None) -> None:
    """Remove all credentials, and disable the metadata server."""


@pytest.fixture(autouse=True)
def _as_the_history_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """Back-test until the end of the history, however long ago it was made."""
    monkeypatch.setattr(command_module, "time", SimpleNamespace(time=lambda: END))


@pytest.fixture
def backtest(command: Command) -> Command:
    """Return a function that runs ``backtest`` with the project's own policies."""
    return partial(command, "backtest", "--policies", str(POLICIES))
