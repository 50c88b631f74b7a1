"""The recorded history of ``datastream-lab backtest --recorded``, and what that prints.

``python -m tools.lab_backtest`` records it again, as a new metric or policy needs.
"""

import gzip
from datetime import UTC, datetime
from pathlib import Path

from lab.backtest.history import RECORDED, series_line
from lab.policies.files import read_policies
from lab.simulate.scenario import Scenario
from lab.simulate.scenario_files import parse_scenario
from lab.simulate.simulation import simulate
from tools import lab
from tools.policies import FOLDER, ROOT

TRANSCRIPT = ROOT / "docs" / "policies-backtest.txt"
SHOWN = ("backtest", "--recorded")
_SCENARIO = Path(__file__).with_name("recorded.yaml")
_STARTS = datetime(2026, 1, 5, 6, tzinfo=UTC)


def backtest() -> str:
    """Return the command and its output."""
    return lab.console(SHOWN, TRANSCRIPT.read_text("utf-8"))


def scenario() -> Scenario:
    """Return what is recorded: a morning of a small fleet."""
    names = {policy.name for policy in read_policies(FOLDER)}
    return parse_scenario(
        _SCENARIO.read_text("utf-8"), _SCENARIO.name, names, name="recorded"
    )


def record() -> bytes:
    """Simulate the scenario; return its history."""
    recording = simulate(scenario(), _STARTS.timestamp())
    lines = sorted(map(series_line, recording.series))
    return gzip.compress("".join(lines).encode(), mtime=0)


if __name__ == "__main__":
    (ROOT / "lab" / "backtest" / RECORDED).write_bytes(record())
