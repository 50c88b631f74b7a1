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

from exporter import measure
from exporter.states import StreamState
from lab.policies import promql
from lab.prove.engine import start_engine
from lab.simulate.scenario_files import parse_scenario
from lab.simulate.simulation import simulate
from tests.terraform.conftest import PlanModule
from tests.terraform.terraform_cli import REPOSITORY

VARIABLE = re.compile(r"\$\{(\w+)\.value\}")
FILTERS = {"namespace": "project", "location": "location", "stream_id": "stream"}
"""The variable that filters each label of the exporter's series."""

ATTENTION = (
    "Streams that need attention: state, and for how long (of a group: since it formed)"
)

Widgets = dict[str, dict[str, Any]]


@pytest.fixture(scope="session")
def dashboard(plan_module: PlanModule) -> dict[str, Any]:
    """Return the planned dashboard."""
    (planned,) = plan_module().of("google_monitoring_dashboard")
    content: dict[str, Any] = json.loads(planned["dashboard_json"])
    return content


@pytest.fixture(scope="session")
def widgets(dashboard: dict[str, Any]) -> Widgets:
    """Return the dashboard's widgets by their titles."""
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
    """Tiles fit into 48 columns; only a group overlaps the tiles it holds."""
    layout = dashboard["mosaicLayout"]
    assert layout["columns"] == 48
    taken: dict[bool, set[tuple[int, int]]] = {True: set(), False: set()}
    for tile in layout["tiles"]:
        left = tile.get("xPos", 0)
        top = tile.get("yPos", 0)
        columns = range(left, left + tile["width"])
        rows = range(top, top + tile["height"])
        cells = set(product(columns, rows))
        is_group = "collapsibleGroup" in tile["widget"]
        assert columns.stop <= 48
        assert not cells & taken[is_group]
        taken[is_group] |= cells


def test_a_query_uses_existing_metrics_and_labels(dashboard: dict[str, Any]) -> None:
    """Queries are valid, their metrics and labels exist, and no metric is left out."""
    shown = set()
    for query in _queries(dashboard):
        assert not promql.read(_promql(query)).errors, query
        assert "\n" not in query
        shown |= {selector.name for selector in _selectors(query)}
    written = measure.metrics().values()
    assert shown >= {promql.promql_name(metric.type) for metric in written}


def test_filters_apply_to_every_series_of_streams_and_locations(
    dashboard: dict[str, Any],
) -> None:
    """Each filter narrows all series with its label, except the exporter's own."""
    filters = {}
    for each in dashboard["dashboardFilters"]:
        filters[each["labelKey"]] = each["templateVariable"]
    assert filters == FILTERS
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


def test_queries_name_states_by_their_numbers(
    dashboard: dict[str, Any], widgets: Widgets
) -> None:
    """Queries and the legend name each state; an unknown number stays a number."""
    states = [(state.name, str(state.value)) for state in StreamState]
    named = 0
    for query in _queries(dashboard):
        replaced = re.findall(r'"state", "([^"]+)", "code", "([^"]+)"\)', query)
        if not replaced:
            continue
        named += 1
        assert replaced == [("state $1", "(.+)"), *states]
    assert named == 4
    content = widgets["States"]["text"]["content"]
    legend = re.findall(r"^- `(\d+)` \*\*(\w+)\*\*", content, re.MULTILINE)
    assert [(name, number) for number, name in legend] == states


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
        if "scorecard" in widget and title != "Exporter: since its last run":
            (query,) = _queries(widget)
            count: Any = promql_parser.parse(_promql(query))
            zero = count.rhs
            assert str(count.op) == "or", title
            assert (str(zero.op), zero.lhs.val) == ("*", 0), title
            ranges = [node.range for node in _nodes(zero) if hasattr(node, "range")]
            assert ranges == [timedelta(minutes=5)], title


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


def test_streams_that_need_attention_have_their_state_and_since_when(
    widgets: Widgets,
) -> None:
    """The table lists failed, unexpected, missing and unseen streams with minutes."""
    text = """\
title: t
what: w
lasts: 45m
world:
  config:
    metrics: {project: shop-prod}
    sources: [{project: shop-prod, locations: [europe-west1, us-east1]}]
    grouping: {streams: 2}
  projects:
    - id: shop-prod
      number: 1
      locations:
        - {id: europe-west1, streams: [{id: a}, {id: b}, {id: c}, {id: d}, {id: e}]}
        - {id: us-east1, streams: [{id: f}]}
  events:
    - {at: 10m, stream: a, do: fail, reason: ORACLE_LISTENER_DOWN}
    - {at: 20m, stream: b, do: pause}
    - {at: 25m, stream: c, do: delete}
    - {at: 10m, stream: d, do: fail, reason: ORACLE_LISTENER_DOWN}
    - {at: 15m, stream: d, do: heal}
    - {at: 30m, location: us-east1, do: unreachable}
"""
    scenario = parse_scenario(
        text,
        "scenario.yaml",
        set(),
        name="attention",
    )
    recording = simulate(scenario, 1_767_571_200.0)
    query = VARIABLE.sub(".*", _queries(widgets[ATTENTION])[0])
    end = recording.start + 44 * 60
    kept = "stream_id, state, problem"
    minutes = f'count_values by ({kept}) ("minutes", round(({query}) / 60))'
    with start_engine(recording.series) as engine:
        rows = set()
        for each in engine.query_range(
            minutes,
            end,
            end,
            60,
        ):
            labels = each.labels
            state = " ".join([labels.get("problem", "?"), labels["state"]])
            rows.add((labels["stream_id"], state, labels["minutes"]))
    assert rows == {
        ("a", "in a group FAILED", "34"),
        ("b", "alone PAUSED", "24"),
        ("c", "? (missing)", "20"),
        ("f", "? (not seen for 5 minutes)", "15"),
    }
