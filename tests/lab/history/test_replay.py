"""Histories for which another config decides."""

import json
from dataclasses import replace
from typing import Any

from exporter.config import from_text
from lab.history.replay import Replay
from lab.simulate.scenario_files import parse_scenario
from lab.simulate.simulation import simulate
from tests.lab.conftest import START
from tests.tables import beside, rows

SCENARIO = beside(__file__, "test_replay.yaml")["scenario"]
CONFIG = SCENARIO["world"]["config"]


def recorded(config: Any) -> Any:
    """Return the series that the exporter writes with a config."""
    world = SCENARIO["world"] | {"config": config}
    text = json.dumps(SCENARIO | {"world": world})
    return simulate(parse_scenario(text, "scenario", ()), START).series


def decided(series: Any) -> Any:
    """Return the values of limits and problems, by series and time."""
    found = {}
    for each in series:
        if "_limit" in each.name or "_problem" in each.name:
            for point in each.samples:
                found[each.name, each.labels, point.time] = point.value
    return found


@rows
def test_a_config_decides_as_the_exporter_would_have(changes: Any) -> None:
    """Part by part, a replay writes what that config does; what others wrote stays."""
    replay = Replay(from_text(json.dumps(CONFIG | changes), "config", {}))
    history, found = recorded(CONFIG | {"run": changes.get("run", {})}), []
    for end in (START + 4000, START + 9000):
        part = []
        for each in history:
            points = [one for one in each.samples if end - 5000 <= one.time <= end]
            part.append(replace(each, samples=points))
        found += replay.series(part)
    wanted = decided(recorded(CONFIG | changes)) or decided(history)
    got = decided(found)
    assert wanted.items() <= got.items()
    assert {key[:2] for key in wanted} == {key[:2] for key in got}
