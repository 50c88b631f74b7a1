"""The recorded history that ``datastream-lab backtest --recorded`` evaluates, and its result."""

import gzip
from datetime import UTC, datetime
from pathlib import Path

from lab.backtest.history import RECORDED, series_line
from lab.markdown import fenced
from lab.policies.files import read_policies
from lab.simulate.scenario_files import parse_scenario
from lab.simulate.simulation import simulate
from tools.policies import FOLDER, ROOT

TRANSCRIPT = ROOT / "docs" / "policies-backtest.txt"
SHOWN = ("backtest", "--recorded")

_SCENARIO = Path(__file__).with_name("recorded.yaml")
_STARTS = datetime(2026, 1, 5, 6, tzinfo=UTC)


def backtest() -> str:
    """Return the command and its output."""
    shown = f"$ .venv/bin/datastream-lab {' '.join(SHOWN)}"
    return fenced("console", f"{shown}\n{TRANSCRIPT.read_text('utf-8').rstrip()}")


def record() -> bytes:
    """Return a new recorded history: a simulated morning of a small fleet."""
    names = {policy.name for policy in read_policies(FOLDER)}
    scenario = parse_scenario(_SCENARIO.read_text("utf-8"), _SCENARIO.name, names, name="recorded")
    recording = simulate(scenario, _STARTS.timestamp())
    lines = sorted(map(series_line, recording.series))
    return gzip.compress("".join(lines).encode(), mtime=0)


if __name__ == "__main__":
    (ROOT / "lab" / "backtest" / RECORDED).write_bytes(record())
