"""A folder with three policies and two scenarios."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.deletion import SCENARIO

ROOT = Path(__file__).parents[3]
POLICIES = ROOT / "alerting_policies"

PASSING, FAILING = "deleted", "wrongly-expected"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the working folder, whose alerting_policies holds three policies."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "alerting_policies" / "scenarios").mkdir(parents=True)
    for name in ("exporter-losing-points", "stream-changed", "stream-missing"):
        shutil.copy(POLICIES / f"{name}.yaml", tmp_path / "alerting_policies")
    return tmp_path


@pytest.fixture
def scenarios(folder: Path) -> Path:
    """Return the folder of two scenarios: one passes, one expects what doesn't happen."""
    scenarios = folder / "alerting_policies" / "scenarios"
    (scenarios / f"{PASSING}.yaml").write_text(SCENARIO)
    # Alerts that are expected too late, too early and not at all, and one that never comes.
    failing = SCENARIO.replace("{after: 5m, by: 5m10s}", "{after: 6m, by: 7m}")
    failing = failing.replace("{after: 5m40s, by: 8m10s}", "{after: 1m, by: 2m}")
    failing = failing.replace("stream: orders, do", "stream: '*', do").replace("\nexpect:", NEVER)
    (scenarios / f"{FAILING}.yaml").write_text(failing)
    return scenarios


NEVER = """
    - {at: 8m, location: europe-west1, do: unreachable}
expect:
  - policy: stream-missing
    of: shop-prod
    opens: {after: 1m, by: 2m}\
"""
