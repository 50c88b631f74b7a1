"""The history of ``datastream-lab backtest --recorded``, and what the docs show of it.

``python -m tools.lab_backtest`` records it again, as a new metric or policy needs.
"""

import gzip
import json
from pathlib import Path
from threading import Event

from lab.history.history import RECORDED
from lab.policies.files import read_policies
from lab.prove.scenarios import play_all
from lab.prove.scenarios import record as play
from lab.simulate.scenario import Scenario
from lab.simulate.scenario_files import parse_scenario
from lab.timeline.charts import chart, picture
from lab.timeline.spans import Period, Spans
from tools import POLICIES, ROOT, lab

TRANSCRIPT = ROOT / "docs" / "policies-backtest.txt"
PICTURE = ROOT / "docs" / "timeline.svg"
SHOWN = ("backtest", "--recorded")
_SCENARIO = Path(__file__).with_name("recorded.yaml")


def backtest() -> str:
    """Return the command and its output, without the policies that did not alert."""
    printed = TRANSCRIPT.read_text("utf-8").rstrip()
    incidents, _, others = printed.partition("Would not have alerted")
    summary = others.splitlines()[-1]
    return lab.console(SHOWN, f"{incidents}…\n{summary}")


def scenario() -> Scenario:
    """Return what is recorded: a morning of a small fleet."""
    names = {policy.name for policy in read_policies(POLICIES)}
    return parse_scenario(
        _SCENARIO.read_text("utf-8"), _SCENARIO.name, names, name="recorded"
    )


def record() -> bytes:
    """Simulate the scenario; return its history."""
    lines = []
    for series in play(scenario()).series:
        points = [(point.time, point.value) for point in series.samples]
        line = json.dumps([series.name, dict(series.labels), points])
        lines.append(f"{line}\n")
    text = "".join(sorted(lines))
    return gzip.compress(text.encode(), mtime=0)


def svg() -> str:
    """Return the timeline of the scenario.

    Raises:
        NotInstalledError: Prometheus is not installed.
    """
    policies = read_policies(POLICIES)
    (result,) = play_all([scenario()], policies, Event())
    recording = result.recording
    spans = Spans()
    spans.add(recording.series)
    period = Period(recording.start, recording.start + recording.lasts)
    # One phase of the evaluations shows what opens.
    incidents = [each for each in result.incidents if not each.phase]
    drawn = chart(period, spans, incidents, policies)
    return picture(drawn, result.scenario.title)


if __name__ == "__main__":
    history = ROOT / "lab" / "history"
    (history / RECORDED).write_bytes(record())
