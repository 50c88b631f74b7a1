"""Draws the dashboard as it shows the demo's fleet: Prometheus evaluates its queries.

The tiles are the Terraform module's. The template decides which are shown, and how.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from string import Template
from typing import Any

import yaml

from lab.policies.files import read_policies
from lab.prove.engine import Engine, start_engine
from lab.prove.scenarios import evaluate, record
from lab.simulate.scenario_files import parse_scenario
from tools import POLICIES, ROOT, pictures

_TILES = ROOT / "terraform/dashboard"
_WORLD = ROOT / "lab/emulator/worlds/default.yaml"
_DAY = Path(__file__).with_suffix(".yaml")
_CHART_SECONDS = 7200


def picture() -> dict[Path, str]:
    """Return the text of the picture by its file."""
    day = _read(_DAY)
    world = _read(_WORLD)
    world["events"] += day["world"]["events"]
    day["world"] = world
    scenario = parse_scenario(yaml.safe_dump(day), _DAY.name, set())
    recording = record(scenario)
    # Between two minutes, when Datastream's own metrics have samples: whether a range
    # holds a sample at its start depends on Prometheus's version.
    now = recording.start + recording.lasts - 30
    policies = read_policies(POLICIES)
    with start_engine(recording.series) as engine:
        played = evaluate(scenario, recording, policies, engine)
        tiles = list(_tiles(engine, now))
    content = {"tiles": tiles, "policies": policies, "played": played}
    return pictures.drawn("dashboard", "dashboard.svg.j2", content)


def _tiles(engine: Engine, now: float) -> Iterator[Any]:
    """Yield the dashboard's first tiles, each query with the series that it finds."""
    parts = _read(_TILES / "parts.yaml") | {"mutes": "None.", "watched_projects": ""}
    for section in ("attention", "fleet", "lag"):
        text = (_TILES / f"{section}.yaml.tftpl").read_text("utf-8")
        for tile in yaml.safe_load(Template(text).safe_substitute(parts)):
            widget = tile["widget"]
            _title, view = widget.values()
            (source,) = view.get("dataSets", [view])
            asked = source.get("timeSeriesQuery")
            if asked:
                query = re.sub(r"\$\{\w+\.value\}", ".*", asked["prometheusQuery"])
                query = query.replace("${__interval}", "5m")
                start = now - _CHART_SECONDS if "xyChart" in widget else now
                asked["series"] = engine.query_range(query, start, now, 300)
                widget["asked"] = asked
            yield tile


def _read(path: Path) -> Any:
    return yaml.safe_load(path.read_text("utf-8"))
