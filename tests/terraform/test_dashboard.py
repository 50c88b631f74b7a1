"""The dashboard's layout and queries; the examples' lives check its form."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from itertools import product
from typing import Any

import promql_parser
import pytest
import yaml

from lab.policies import promql
from lab.prove.engine import Engine, start_engine
from lab.simulate.scenario_files import parse_scenario
from lab.simulate.series import Series
from lab.simulate.simulation import simulate
from tests.terraform.conftest import PlanModule
from tests.terraform.module_inputs import CONFIG, FUNCTION, MODULE
from tests.terraform.terraform_cli import REPOSITORY, Plan

VARIABLE = re.compile(r"\$\{(\w+)\.value\}")
ATTENTION = "What has a problem, and for how long (a group: since it formed)"
MUTES = "Mutes in config.yaml, by their ends"
COLLECTED = f"""{CONFIG}
collect: {{objects: true}}
mutes:
  - {{match: "projects/*/[a]", until: 2030-01-02, timezone: UTC, reason: "`*${{a}}\\n"}}
  - {{match: projects/*/d, until: 2029-12-24T22:00:00+01:00}}
"""

Widgets = dict[str, dict[str, Any]]


@pytest.fixture(scope="session")
def dashboard(plan_module: PlanModule) -> dict[str, Any]:
    """Return the planned dashboard, with all that can be collected and switched on."""
    overrides = {"stream-lagging": {"threshold": "1200"}}
    return _planned(plan_module(config_yaml=COLLECTED, policy_overrides=overrides))


@pytest.fixture(scope="session")
def widgets(dashboard: dict[str, Any]) -> Widgets:
    """Return the dashboard's widgets by their titles."""
    return _widgets(dashboard)


def _planned(plan: Plan) -> dict[str, Any]:
    (planned,) = plan.of("google_monitoring_dashboard")
    content: dict[str, Any] = json.loads(planned["dashboard_json"])
    return content


def _widgets(dashboard: dict[str, Any]) -> Widgets:
    return {
        tile["widget"]["title"]: tile["widget"]
        for tile in dashboard["mosaicLayout"]["tiles"]
    }


def _values(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield every value inside a JSON value, with its key."""
    pairs = value.items() if isinstance(value, dict) else [("", each) for each in value]
    for key, each in pairs:
        yield key, each
        if isinstance(each, (dict, list)):
            yield from _values(each)


def _queries(content: Any) -> list[str]:
    return [value for key, value in _values(content) if key == "prometheusQuery"]


def _promql(query: str) -> str:
    """Return a query as valid PromQL, with names for variables, and a minute."""
    return VARIABLE.sub(r"\1", query).replace("${__interval}", "1m")


def _nodes(expression: Any) -> list[Any]:
    """Return an expression with all of its parts."""
    found: list[Any] = []
    promql_parser.walk(expression, found.append)
    return found


def _selectors(query: str) -> list[promql_parser.VectorSelector]:
    nodes = _nodes(promql_parser.parse(_promql(query)))
    return [each for each in nodes if isinstance(each, promql_parser.VectorSelector)]


def test_tiles_do_not_overlap(dashboard: dict[str, Any]) -> None:
    """Tiles fit into 48 columns, and none overlaps another."""
    layout = dashboard["mosaicLayout"]
    assert layout["columns"] == 48
    taken: set[tuple[int, int]] = set()
    for tile in layout["tiles"]:
        left = tile.get("xPos", 0)
        top = tile.get("yPos", 0)
        columns = range(left, left + tile["width"])
        cells = set(product(columns, range(top, top + tile["height"])))
        assert columns.stop <= 48
        assert not cells & taken
        taken |= cells


def test_a_tile_that_stays_empty_is_left_out(
    plan_module: PlanModule, widgets: Widgets
) -> None:
    """What isn't collected, and the other mode, have no tiles."""
    function = _widgets(_planned(plan_module(**FUNCTION)))
    left_out = set()
    for file in ("job", "objects"):
        path = REPOSITORY / MODULE / f"dashboard/{file}.yaml"
        tiles = yaml.safe_load(path.read_text("utf-8"))
        left_out |= {tile["widget"]["title"] for tile in tiles}
    assert widgets.keys() - function.keys() == left_out
    added = "Answers of the Cloud Run function", "Cloud Run function"
    assert function.keys() - widgets.keys() == {*added}
    assert function[MUTES]["text"]["content"] == "None."


def test_a_query_uses_existing_metrics_and_labels(dashboard: dict[str, Any]) -> None:
    """Queries are valid, and their metrics and labels exist."""
    for query in _queries(dashboard):
        assert not promql.read(_promql(query)).errors, query
        assert "\n" not in query


def test_filters_apply_to_every_series_of_streams_and_locations(
    dashboard: dict[str, Any],
) -> None:
    """Each filter narrows all series with its label, except the exporter's own."""
    selectors = []
    for query in _queries(dashboard):
        selectors += _selectors(query)
    for selector in selectors:
        name = str(selector.name)
        matchers = {each.name: each.value for each in selector.matchers.matchers}
        if ":datastream_exporter_" in name or name.startswith("run_"):
            continue
        wanted = {"namespace": "project", "location": "location"}
        if not name.startswith("custom_"):
            del wanted["namespace"]
            wanted["resource_container"] = "(projects/)?(project)"
        if "stream_id" in promql.known_series()[name].labels:
            wanted["stream_id"] = "stream"
        assert matchers.items() >= wanted.items(), name


def test_no_query_invents_a_value(dashboard: dict[str, Any], widgets: Widgets) -> None:
    """A dead exporter never looks like a healthy fleet: counts need recent points."""
    for query in _queries(dashboard):
        for node in _nodes(promql_parser.parse(_promql(query))):
            if isinstance(node, promql_parser.Call):
                assert node.func.name not in {"vector", "absent", "absent_over_time"}
    for title, widget in widgets.items():
        if "scorecard" not in widget and "timeSeriesTable" not in widget:
            continue
        for key, value in _values(widget):
            if key == "timeSeriesQuery":
                # The latest value, not one from the page's time range
                assert value["outputFullDuration"], title
    zeros = [query for query in _queries(dashboard) if "0 * count(" in query]
    assert len(zeros) == 7
    for query in zeros:
        count: Any = promql_parser.parse(_promql(query))
        ranges = [node.range for node in _nodes(count.rhs) if hasattr(node, "range")]
        assert ranges == [timedelta(minutes=5)], query


@pytest.mark.parametrize("title", ["Missing", ATTENTION, "Streams by state"])
def test_missing_means_what_its_policy_means(widgets: Widgets, title: str) -> None:
    """The query for missing streams is the policy's condition plus the filters."""
    path = REPOSITORY / "alerting_policies" / "stream-missing.yaml"
    policy = yaml.safe_load(path.read_text("utf-8"))
    condition = policy["conditions"][0]["conditionPrometheusQueryLanguage"]["query"]
    condition = condition.replace(', project_id="metrics-project"', "")
    query = _queries(widgets[title])[0]
    unfiltered = re.sub(r', \w+=~"\$\{\w+\.value\}"', "", query)
    assert " ".join(condition.split()) in " ".join(unfiltered.split())


WORLD = """\
title: t
what: w
lasts: 45m
world:
  config:
    metrics: {project: shop-prod}
    sources: [{project: shop-prod, locations: [europe-west1, us-east1], exclude: [x]}]
    grouping: {streams: 2}
  projects:
    - id: shop-prod
      number: 1
      locations:
        - id: europe-west1
          streams: [{id: a}, {id: b}, {id: c}, {id: d}, {id: e}, {id: x}]
        - {id: us-east1, streams: [{id: f}, {id: g}]}
  events:
    - {at: 10m, stream: a, do: fail, reason: ORACLE_LISTENER_DOWN}
    - {at: 20m, stream: b, do: pause}
    - {at: 25m, stream: c, do: delete}
    - {at: 25m, stream: g, do: delete}
    - {at: 10m, stream: d, do: fail, reason: ORACLE_LISTENER_DOWN}
    - {at: 15m, stream: d, do: heal}
    - {at: 30m, location: us-east1, do: unreachable}
"""
START = 1_767_571_200.0
END = START + 44 * 60
MORE = """\
- [custom_googleapis_com:datastream_stream_problem, &drill {namespace: shop-prod,
    monitored_resource: generic_node, location: global, stream_id: alert-drill},
    {2580: 106}]
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
"What has a problem, and for how long (a group: since it formed)": |-
  project, location, stream, state, problem, seconds
  shop-prod, europe-west1, a, FAILED, in a group, 2022
  shop-prod, europe-west1, b, PAUSED, alone, 1423
  shop-prod, europe-west1, c, (missing), ?, 1171
  shop-prod, global, alert-drill, FAILED_PERMANENTLY, a drill, 60
  shop-prod, us-east1, f, (not seen for 5 minutes), ?, 892
  shop-prod, us-east1, g, (missing), ?, 1171
Streams watched: "4"
Streams not watched: "1"
# A missing stream has a problem while its location is read.
"Availability: % of the known time without a problem, over 28 days": |-
  project, location, stream, % over 7 days, known hours, % over 28 days
  shop-prod, europe-west1, a, 25, 0.7, 25
  shop-prod, europe-west1, b, 50, 0.7, 50
  shop-prod, europe-west1, c, 62.5, 0.7, 62.5
  shop-prod, europe-west1, d, 87.5, 0.7, 87.5
  shop-prod, europe-west1, e, 100, 0.7, 100
  shop-prod, us-east1, f, 100, 0.5, 100
  shop-prod, us-east1, g, 83.33, 0.5, 83.33
Errors, by stream: |-
  (all others), 0
  europe-west1, shop-prod, a, 1
Bytes in 30 days, by stream and read method: |-
  project, location, stream, read method, bytes
  shop-prod, europe-west1, a, postgresql-backfill, 7e+09
  shop-prod, europe-west1, a, postgresql-cdc, 4.4e+10
"CDC of all streams in 30 days (without backfills; free tier: 500 GiB of sources on\
 Google Cloud)": "4.4e+10"
Not readable, by location: |-
  (all others), 0
  us-east1, shop-prod, 1
""")
"""Columns and rows at the end, by the title of the tile."""


@pytest.mark.parametrize("title", SHOWN)
def test_a_tile_shows_the_fleet(widgets: Widgets, engine: Engine, title: str) -> None:
    """A table has words above its columns, and states, problems and places by name."""
    query = VARIABLE.sub(".*", _queries(widgets[title])[0])
    settings = widgets[title].get("timeSeriesTable", {}).get("columnSettings", [])
    head = ", ".join(each.get("displayName", each["column"]) for each in settings)
    rows = []
    for each in engine.query_range(query.replace("${__interval}", "1m"), END, END, 60):
        (value,) = each.values.values()
        labels = {**each.labels, "value": f"{round(float(value), 2):g}"}
        keys = [column["column"] for column in settings] or sorted(labels)
        rows.append(", ".join(labels.get(key, "?") for key in keys))
    assert "\n".join([head, *sorted(rows)]).strip() == SHOWN[title]


def test_mutes_and_a_threshold_are_those_of_the_inputs(widgets: Widgets) -> None:
    """Mutes have their ends, and no Markdown; Freshness has a line at the threshold."""
    assert widgets[MUTES]["text"]["content"].splitlines() == [
        "- 2029-12-24T22:00:00+01:00: `projects/*/d`",
        "- 2030-01-02 UTC: `projects/*/[a]`, ` * a} `",
    ]
    (line,) = widgets["Freshness, by stream"]["xyChart"]["thresholds"]
    assert line == {"label": "stream-lagging", "targetAxis": "Y1", "value": 1200}
