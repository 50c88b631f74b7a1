"""The dashboard's layout and queries; the examples' lives check its form."""

import json
import re
from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest
import yaml

from lab.policies import promql
from lab.policies.deployment import LOCATION_TEXT, STREAM_TEXT
from lab.prove.engine import Engine, start_engine
from lab.simulate.scenario_files import parse_scenario
from lab.simulate.series import Series
from lab.simulate.simulation import simulate
from tests.terraform.conftest import PlanModule
from tests.terraform.module_inputs import CONFIG, FUNCTION, MODULE
from tests.terraform.terraform_cli import REPOSITORY, Plan

VARIABLE = re.compile(r"\$\{(\w+)\.value\}")
MUTES = "Mutes in config.yaml, by their ends"
COLLECTED = f"""{CONFIG}
collect: {{objects: true}}
mutes:
  - {{match: "projects/*/[a]", until: 2030-01-02, timezone: UTC, reason: "`*${{a}}\\n"}}
  - {{match: projects/*/d, until: 2029-12-24T22:00:00+01:00}}
"""

Tiles = dict[str, dict[str, Any]]
"""Tiles by their titles."""


@pytest.fixture(scope="session")
def tiles(plan_module: PlanModule) -> Tiles:
    """Return the planned tiles, with all that can be collected."""
    return _planned(plan_module(config_yaml=COLLECTED))


def _planned(plan: Plan) -> Tiles:
    (planned,) = plan.of("google_monitoring_dashboard")
    layout = json.loads(planned["dashboard_json"])["mosaicLayout"]
    assert layout["columns"] == 48
    return {tile["widget"]["title"]: tile for tile in layout["tiles"]}


def _queries(tile: Any, variable: str = r"\1") -> list[str]:
    """Return the queries of a tile as valid PromQL, with names for variables."""
    found = re.findall(r'"prometheusQuery": ("(?:[^"\\]|\\.)*")', json.dumps(tile))
    return [
        VARIABLE.sub(variable, json.loads(each)).replace("${__interval}", "1m")
        for each in found
    ]


def test_tiles_do_not_overlap(tiles: Tiles) -> None:
    """Tiles fit into 48 columns, and none overlaps another."""
    taken: set[tuple[int, int]] = set()
    for tile in tiles.values():
        left = tile.get("xPos", 0)
        top = tile.get("yPos", 0)
        columns = range(left, left + tile["width"])
        cells = set(product(columns, range(top, top + tile["height"])))
        assert columns.stop <= 48
        assert not cells & taken
        taken |= cells


def test_a_tile_that_stays_empty_is_left_out(
    plan_module: PlanModule, tiles: Tiles
) -> None:
    """What isn't collected, and the other mode, have no tiles."""
    function = _planned(plan_module(**FUNCTION))
    left_out = set()
    for file in ("job", "objects"):
        path = REPOSITORY / MODULE / f"dashboard/{file}.yaml.tftpl"
        section = yaml.safe_load(path.read_text("utf-8"))
        left_out |= {tile["widget"]["title"] for tile in section}
    assert tiles.keys() - function.keys() == left_out
    added = "Answers of the Cloud Run function", "Cloud Run function"
    assert function.keys() - tiles.keys() == {*added}
    assert function[MUTES]["widget"]["text"]["content"] == "None."


def test_a_query_uses_existing_metrics_and_labels(tiles: Tiles) -> None:
    """Queries are valid, and their metrics and labels exist."""
    for query in _queries(tiles):
        assert not promql.read(query).errors, query
        assert "\n" not in query


def test_filters_apply_to_every_series_of_streams_and_locations(tiles: Tiles) -> None:
    """Each filter narrows all series with its label, except the exporter's own."""
    selectors = re.findall(r"(\w+:\w+)\{([^{}]*)\}", " ".join(_queries(tiles)))
    assert len(selectors) > 30
    for name, matchers in selectors:
        if ":datastream_exporter_" in name or name.startswith("run_"):
            continue
        project = 'resource_container=~"(projects/)?(project)"'
        if name.startswith("custom_"):
            project = 'namespace=~"project"'
        assert project in matchers
        assert 'location=~"location"' in matchers
        if "stream_id" in promql.known_series()[name].labels:
            assert 'stream_id=~"stream"' in matchers


def test_no_query_invents_a_value(tiles: Tiles) -> None:
    """A dead exporter never looks like a healthy fleet: counts need recent points."""
    for title, tile in tiles.items():
        text = json.dumps(tile)
        assert not re.search(r"\b(vector|absent|absent_over_time)\(", text), title
        if "scorecard" in text or "timeSeriesTable" in text:
            # The latest value, not one from the page's time range
            assert text.count("outputFullDuration") == text.count("prometheusQuery")
    zeros = [each for each in _queries(tiles) if "0 * count(" in each]
    assert len(zeros) == 7
    for query in zeros:
        counted = query.partition("0 * count(")[2]
        assert re.findall(r"\[(\w+)\]", counted) == ["13m"], query


def test_missing_means_what_its_policy_means(tiles: Tiles) -> None:
    """The query for missing streams is the policy's condition plus the filters."""
    path = REPOSITORY / "alerting_policies" / "stream-missing.yaml"
    policy = yaml.safe_load(path.read_text("utf-8"))
    condition = policy["conditions"][0]["conditionPrometheusQueryLanguage"]["query"]
    condition = condition.replace(', project_id="METRICS_PROJECT"', "")
    condition = condition.replace(STREAM_TEXT, "").replace(LOCATION_TEXT, "")
    (query,) = _queries(tiles["Missing"])
    unfiltered = re.sub(r', \w+=~"\w+"', "", query)
    assert " ".join(condition.split()) in unfiltered


WORLD = """\
title: t
what: w
lasts: 45m
world:
  config:
    metrics: {project: shop-prod}
    sources: [{project: shop-prod, locations: [europe-west1, us-east1], exclude: [x]}]
    grouping: {streams: 2}
    expectations: [{match: "*/b", owner: Payments}]
  projects:
    - {id: shop-prod, number: 1, locations: [
        {id: us-east1, streams: [{id: f}, {id: g}]}, {id: europe-west1, streams:
          [{id: a}, {id: b}, {id: c}, {id: d}, {id: e}, {id: x}]}]}
  events:
    - {at: 10m, stream: a, do: fail, reason: ORACLE_LISTENER_DOWN}
    - {at: 20m, stream: b, do: pause}
    - {at: 25m, stream: c, do: delete}
    - {at: 25m, stream: g, do: delete}
    - {at: 10m, stream: d, do: fail, reason: ORACLE_LISTENER_DOWN}
    - {at: 15m, stream: d, do: set_state, state: STARTING}
    - {at: 20m, stream: d, do: heal}
    - {at: 30m, location: us-east1, do: unreachable}
    - {at: 0s, lasts: 40m, stream: e, do: checkpoint, position: 8511439237608}
"""
START = 1_767_571_200.0
END = START + 44 * 60
MORE = """\
- [custom_googleapis_com:datastream_stream_problem_state, &drill {namespace: shop-prod,
    monitored_resource: generic_node, location: global, stream_id: this-is-a-drill,
    kind: failed_permanently}, {2340: 1, 2580: 1}]
- [custom_googleapis_com:datastream_stream_problem_since, *drill, {2580: 1767573780}]
- [datastream_googleapis_com:stream_bytes_count, &copied {location: europe-west1,
    monitored_resource: datastream.googleapis.com/Stream, resource_container: shop-prod,
    stream_id: a, read_method: postgresql-cdc}, {0: 0, 2640: 44_000_000_000}]
- [datastream_googleapis_com:stream_bytes_count,
    {<<: *copied, read_method: postgresql-backfill}, {0: 0, 2640: 7_000_000_000}]
"""
"""A drill and what was copied; points by seconds after the start."""


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    """Run Prometheus on a fleet with problems, a drill, and copied bytes."""
    scenario = parse_scenario(WORLD, "scenario.yaml", set(), name="attention")
    series = list(simulate(scenario, START).series)
    for name, labels, points in yaml.safe_load(MORE):
        added = Series(name, tuple(sorted(labels.items())))
        for at, value in points.items():
            added.add(START + at, START + at, value)
        series.append(added)
    with start_engine(series) as running:
        yield running


SHOWN: dict[str, str] = yaml.safe_load("""\
Streams with a problem: "2"
What has a problem, and for how long: |-
  project, location, stream, kind, state, reason, owner, group of, seconds
  shop-prod, europe-west1, a, failed, told, ORACLE_LISTENER_DOWN, ?, a, d, 2022
  shop-prod, europe-west1, b, unexpected, told, PAUSED, Payments, ?, 1423
  shop-prod, europe-west1, c, missing, ?, ?, ?, ?, 1171
  shop-prod, global, this-is-a-drill, a drill, told, ?, ?, ?, 60
  shop-prod, us-east1, f, not seen for 13 minutes, ?, ?, ?, ?, 892
  shop-prod, us-east1, g, missing, ?, ?, ?, ?, 1171
Streams by state: |-
  (missing), 2
  (not seen for 13 minutes), 1
  FAILED, 1
  PAUSED, 1
  RUNNING, 2
Streams watched: "4"
Streams not watched: "1"
# A problem: missing while its location is read, too, and starting after a failure.
"Availability: % of the known time without a problem, over 28 days": |-
  project, location, stream, % over 7 days, known hours, % over 28 days
  shop-prod, europe-west1, a, 25, 0.7, 25
  shop-prod, europe-west1, b, 50, 0.7, 50
  shop-prod, europe-west1, c, 62.5, 0.7, 62.5
  shop-prod, europe-west1, d, 75, 0.7, 75
  shop-prod, europe-west1, e, 100, 0.7, 100
  shop-prod, us-east1, f, 100, 0.7, 100
  shop-prod, us-east1, g, 62.5, 0.7, 62.5
Errors, by stream: |-
  (all others), 0
  europe-west1, shop-prod, a, 1
Bytes in 30 days, by stream and read method: |-
  project, location, stream, read method, bytes
  shop-prod, europe-west1, a, postgresql-backfill, 7e+09
  shop-prod, europe-west1, a, postgresql-cdc, 4.4e+10
"CDC of all streams in 30 days (without backfills; free tier: 500 GiB of sources on\
 Google Cloud)": "4.4e+10"
"PostgreSQL: positions logged in 35 minutes": europe-west1, shop-prod, e, 1
Not readable, by location: |-
  (all others), 0
  us-east1, shop-prod, 1
""")
"""Columns and rows at the end, by the title of the tile."""


@pytest.mark.parametrize("title", SHOWN)
def test_a_tile_shows_the_fleet(tiles: Tiles, engine: Engine, title: str) -> None:
    """A table has words above its columns, and states, problems and places by name."""
    (query,) = _queries(tiles[title], ".*")
    table = tiles[title]["widget"].get("timeSeriesTable", {})
    settings = table.get("columnSettings", [])
    head = ", ".join(each.get("displayName", each["column"]) for each in settings)
    rows = []
    for each in engine.query_range(query, END, END, 60):
        (value,) = each.values.values()
        labels = {**each.labels, "value": f"{round(float(value), 2):g}"}
        keys = [column["column"] for column in settings] or sorted(labels)
        rows.append(", ".join(labels.get(key, "?") for key in keys))
    assert "\n".join([head, *sorted(rows)]).strip() == SHOWN[title]


def test_a_dead_exporter_stays_overdue(tiles: Tiles, engine: Engine) -> None:
    """A week after the last run, the next one is overdue by a week."""
    (query,) = _queries(tiles["Exporter: its next run is overdue by"])
    after = END + 7 * 86400
    (overdue,) = engine.query_range(query, after, after, 60)
    (seconds,) = overdue.values.values()
    assert 7 * 86400 - 600 < float(seconds) <= 7 * 86400


def test_mutes_are_those_of_config(tiles: Tiles) -> None:
    """Mutes have their ends, and no Markdown."""
    assert tiles[MUTES]["widget"]["text"]["content"].splitlines() == [
        "- 2029-12-24T22:00:00+01:00: `projects/*/d`",
        "- 2030-01-02 UTC: `projects/*/[a]`, ` * a} `",
    ]
