"""A folder with three policies and two scenarios."""

import shutil
from pathlib import Path

import pytest

from tests.lab.conftest import POLICIES

PASSING = "deleted"
FAILING = "wrongly-expected"
SCENARIO = """\
title: A stream is deleted
what: It pages as missing, and the log tells who did it.
lasts: 15m
switched_on: [stream-changed]
world:
  config:
    metrics: {project: shop-prod}
    sources: [{project: shop-prod, locations: [europe-west1]}]
  projects:
    - id: shop-prod
      number: 1
      locations:
        - {id: europe-west1, streams: [{id: orders}, {id: stock}]}
  events:
    - {at: 5m, stream: orders, do: delete}
expect:
  - policy: stream-changed
    of: orders
    opens: {after: 5m, by: 5m10s}
  - policy: stream-missing
    of: orders
    opens: {after: 5m40s, by: 8m10s}
    stays: true
"""
NEVER = """
    - {at: 8m, location: europe-west1, do: unreachable}
expect:
  - policy: stream-missing
    of: shop-prod
    opens: {after: 1m, by: 2m}\
"""


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
    """Return the folder of two scenarios: one passes, one fails."""
    scenarios = folder / "alerting_policies" / "scenarios"
    (scenarios / f"{PASSING}.yaml").write_text(SCENARIO)
    # Alerts that are expected too late, too early and not at all, and one that never
    # comes.
    failing = SCENARIO.replace("{after: 5m, by: 5m10s}", "{after: 6m, by: 7m}")
    failing = failing.replace("{after: 5m40s, by: 8m10s}", "{after: 1m, by: 2m}")
    failing = failing.replace("stream: orders, do", "stream: '*', do").replace(
        "\nexpect:", NEVER
    )
    (scenarios / f"{FAILING}.yaml").write_text(failing)
    return scenarios
