"""The command line called as a function, in a folder with three policies and a scenario."""

from __future__ import annotations

import io
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

import pytest

from lab.cli.main import main
from tests.deletion import SCENARIO

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parents[3]
POLICIES = ROOT / "alerting_policies"

RIGHT, WRONG = "deleted", "wrongly-expected"


class Ended(NamedTuple):
    """How a command ended: its exit code, and what it said where."""

    code: int
    out: str
    err: str


class Command(Protocol):
    """Runs a command line."""

    def __call__(self, *argv: str, environ: Mapping[str, str] | None = None) -> Ended:
        """Return how it ended."""


@pytest.fixture
def command() -> Command:
    """Return what runs a command of ``policies`` in this process."""

    def run(*argv: str, environ: Mapping[str, str] | None = None) -> Ended:
        out, err = io.StringIO(), io.StringIO()
        code = main([*argv], environ or {}, out, err)
        return Ended(code, out.getvalue(), err.getvalue())

    return run


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder, the working one, whose alerting_policies hold three policies."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "alerting_policies" / "scenarios").mkdir(parents=True)
    for name in ("exporter-losing-points", "stream-changed", "stream-missing"):
        shutil.copy(POLICIES / f"{name}.yaml", tmp_path / "alerting_policies")
    return tmp_path


@pytest.fixture
def scenarios(folder: Path) -> Path:
    """Return the folder of two scenarios: one that is right, one that expects what is not so."""
    held = folder / "alerting_policies" / "scenarios"
    (held / f"{RIGHT}.yaml").write_text(SCENARIO)
    # Too late, too early, and not at all; and one that it does not expect.
    wrong = SCENARIO.replace("{after: 5m, by: 5m10s}", "{after: 6m, by: 7m}")
    wrong = wrong.replace("{after: 5m40s, by: 8m10s}", "{after: 1m, by: 2m}")
    wrong = wrong.replace("stream: orders, do", "stream: '*', do").replace("\nexpect:", NEVER)
    (held / f"{WRONG}.yaml").write_text(wrong)
    return held


NEVER = """
    - {at: 8m, location: europe-west1, do: unreachable}
expect:
  - policy: stream-missing
    of: shop-prod
    opens: {after: 1m, by: 2m}\
"""
