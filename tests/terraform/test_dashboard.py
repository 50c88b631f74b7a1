"""The dashboard's layout and queries. Lifecycle tests check that the API's message accepts it."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import promql_parser
import pytest
import yaml

from exporter.measure import definitions
from exporter.states import StreamState
from lab.policies import promql
from lab.prove.scenarios import engine_for
from lab.simulate.scenario_files import parse_scenario
from lab.simulate.simulation import simulate
from tests.terraform.dashboard_tiles import dashboard_tiles
from tests.terraform.terraform_cli import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.terraform.conftest import PlanModule

TILES = dashboard_tiles()
WIDGETS = {tile["widget"]["title"]: tile["widget"] for tile in TILES}
VARIABLE = re.compile(r"\$\{(\w+)\.value\}")
FILTERS = {"namespace": "project", "location": "location", "stream_id": "stream"}
"""The variable that filters each label of the exporter's series."""

ATTENTION = "Streams that need attention: state, and for how long (a day: as long or longer)"

Box = tuple[int, int, int, int]


def _values(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield every value inside a JSON value, with its key."""
    pairs = value.items() if isinstance(value, dict) else (("", each) for each in value)
    for key, each in pairs:
        yield key, each
        if isinstance(each, (dict, list)):
            yield from _values(each)


def _queries(widget: Any) -> list[str]:
    return [value for key, value in _values(widget) if key == "prometheusQuery"]


def _promql(query: str) -> str:
    """Return a query as valid PromQL: a variable becomes its name, the interval a minute."""
    return VARIABLE.sub(r"\1", query).replace("${__interval}", "1m")


def _nodes(expression: promql_parser.Expr) -> list[promql_parser.Expr]:
    """Return an expression and its subexpressions."""
    found: list[promql_parser.Expr] = []
    promql_parser.walk(expression, found.append)
    return found


def _parse(query: str) -> promql_parser.Expr:
    expression: promql_parser.Expr = promql_parser.parse(_promql(query))
    return expression


def _selectors(query: str) -> list[promql_parser.VectorSelector]:
    return [
        each for each in _nodes(_parse(query)) if isinstance(each, promql_parser.VectorSelector)
    ]


def _box(tile: Any) -> Box:
    """Return a tile's left, top, right and bottom edge."""
    left, top = tile.get("xPos", 0), tile.get("yPos", 0)
    return left, top, left + tile["width"], top + tile["height"]


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _within(inner: Box, outer: Box) -> bool:
    return all(inner[i] >= outer[i] for i in (0, 1)) and all(inner[i] <= outer[i] for i in (2, 3))


QUERIES = [
    pytest.param(query, id=title) for title, widget in WIDGETS.items() for query in _queries(widget)
]
COUNTS = [
    pytest.param(_queries(widget)[0], id=title)
    for title, widget in WIDGETS.items()
    if "scorecard" in widget and title != "Exporter: since its last run"
]


def test_the_files_have_no_value_that_the_api_drops() -> None:
    """A value that the API leaves out or rewrites would be a change in every plan."""
    for key, value in _values(TILES):
        assert value not in ("", None, 0, []), key
        assert value != {} or key in {"blankView", "incidentList"}, key
        if key in {"minAlignmentPeriod", "timeshiftDuration"}:
            assert re.fullmatch(r"[1-9]\d*s", value), key


def test_what_needs_attention_comes_first() -> None:
    """Counts, incidents and unhealthy streams come first, then history, lag, exporter, logs."""
    headers = [tile for tile in TILES if "sectionHeader" in tile["widget"]]
    titles = [each["widget"]["title"] for each in sorted(headers, key=lambda each: _box(each)[1])]
    assert titles == [
        "Needs attention",
        "State over time",
        "All streams",
        "Freshness and throughput",
        "Errors",
        "Locations",
        "Exporter",
        "Logs",
    ]
    first = {tile["widget"]["title"] for tile in TILES if _box(tile)[3] <= _box(headers[1])[1]} - {
        "Needs attention"
    }
    assert first == {
        "Failed",
        "Not as expected, not failed",
        "Missing",
        "Not seen for 5 minutes",
        "Locations not readable",
        "Exporter: since its last run",
        "Open incidents",
        ATTENTION,
    }


def test_tiles_do_not_overlap() -> None:
    """Tiles fit into 48 columns; only a group overlaps the tiles it holds."""
    boxes = [(_box(tile), "collapsibleGroup" in tile["widget"]) for tile in TILES]
    for i, (box, group) in enumerate(boxes):
        assert box[2] <= 48
        for other, other_group in boxes[i + 1 :]:
            assert not _overlap(box, other) or group != other_group


def test_a_group_holds_whole_tiles() -> None:
    """A collapsible group holds at least one tile, and cuts none."""
    groups = [_box(tile) for tile in TILES if "collapsibleGroup" in tile["widget"]]
    boxes = [_box(tile) for tile in TILES if "collapsibleGroup" not in tile["widget"]]
    assert groups
    for group in groups:
        members = [box for box in boxes if _overlap(box, group)]
        assert members
        assert all(_within(box, group) for box in members)


def test_every_widget_has_its_own_title() -> None:
    """No title is empty or used twice."""
    assert all(WIDGETS)
    assert len(WIDGETS) == len(TILES)


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_uses_existing_metrics_and_labels(query: str) -> None:
    """A query is valid PromQL, and its series have the metrics and labels it names."""
    assert not promql.read(_promql(query)).errors


@pytest.mark.parametrize("query", QUERIES)
def test_filters_apply_to_every_series_of_streams_and_locations(query: str) -> None:
    """Each filter narrows every series that has its label, except the exporter's own."""
    for selector in _selectors(query):
        name = str(selector.name)
        matchers = {each.name: each.value for each in selector.matchers.matchers}
        project = "namespace" if name.startswith("custom_") else "project_id"
        wanted = {project: "project", "location": "location", "stream_id": "stream"}
        if ":datastream_exporter_" in name or name.startswith("run_"):
            wanted = {}
        elif "stream_id" not in promql.known_series()[name].labels:
            del wanted["stream_id"]
        assert {label: matchers.get(label) for label in wanted} == wanted


def test_every_filter_is_used(plan_module: PlanModule) -> None:
    """Each filter's label is one of the exporter's, and queries use exactly its variable."""
    (planned,) = plan_module().of("google_monitoring_dashboard")
    dashboard = json.loads(planned["dashboard_json"])
    assert dashboard.keys() == {"displayName", "dashboardFilters", "mosaicLayout"}
    assert dashboard["mosaicLayout"]["columns"] == 48
    filters = {each["labelKey"]: each["templateVariable"] for each in dashboard["dashboardFilters"]}
    assert filters == FILTERS
    assert any(filters.keys() <= each.labels for each in promql.known_series().values())
    texts = "\n".join(value for _, value in _values(TILES) if isinstance(value, str))
    assert set(VARIABLE.findall(texts)) == set(FILTERS.values())


def test_every_metric_is_shown() -> None:
    """Every metric that the exporter writes is on the dashboard."""
    shown = {selector.name for query in QUERIES for selector in _selectors(str(query.values[0]))}
    assert shown >= {promql.promql_name(metric.type) for metric in definitions.metrics().values()}


def test_the_legend_has_every_state() -> None:
    """The legend lists the API's number and name of each state."""
    content = WIDGETS["States"]["text"]["content"]
    legend = re.findall(r"^- `(\d+)` \*\*(\w+)\*\*", content, re.MULTILINE)
    assert legend == [(str(state.value), state.name) for state in StreamState]


def test_queries_name_states_by_their_numbers() -> None:
    """A query that names states maps each number to its name, and keeps an unknown number."""
    named = 0
    for param in QUERIES:
        replaced = re.findall(r'"state", "(.+?)", "code", "(.+?)"\)', str(param.values[0]))
        if replaced:
            named += 1
            assert replaced[0] == ("state $1", "(.+)")
            assert replaced[1:] == [(state.name, str(state.value)) for state in StreamState]
    assert named == 4


@pytest.mark.parametrize("query", COUNTS)
def test_a_count_is_zero_only_with_recent_data(query: str) -> None:
    """A count is 0 if something was read within five minutes; otherwise it has no data."""
    count = _parse(query)
    assert isinstance(count, promql_parser.BinaryExpr)
    assert str(count.op) == "or"
    zero = count.rhs
    assert isinstance(zero, promql_parser.BinaryExpr)
    assert isinstance(zero.lhs, promql_parser.NumberLiteral)
    assert (zero.lhs.val, str(zero.op)) == (0, "*")
    ranges = [each.range for each in _nodes(zero) if isinstance(each, promql_parser.MatrixSelector)]
    assert ranges == [timedelta(minutes=5)]


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_without_series_has_no_value(query: str) -> None:
    """No query invents a value, so a dead exporter doesn't look like a healthy fleet."""
    calls = {
        each.func.name for each in _nodes(_parse(query)) if isinstance(each, promql_parser.Call)
    }
    assert not calls & {"vector", "absent", "absent_over_time"}


def test_a_single_value_is_the_latest() -> None:
    """A scorecard or table shows the latest value, not one from the page's time range."""
    for title, widget in WIDGETS.items():
        if "scorecard" in widget or "timeSeriesTable" in widget:
            sources = [value for key, value in _values(widget) if key == "timeSeriesQuery"]
            assert all(each["outputFullDuration"] for each in sources), title


@pytest.mark.parametrize("title", ["Missing", ATTENTION, "Streams by state"])
def test_missing_means_what_its_policy_means(title: str) -> None:
    """The dashboard's query for missing streams is the policy's condition plus the filters."""
    path = REPOSITORY / "alerting_policies" / "stream-missing.yaml"
    policy = yaml.safe_load(path.read_text("utf-8"))
    condition = policy["conditions"][0]["conditionPrometheusQueryLanguage"]["query"]
    unfiltered = re.sub(r', \w+=~"\$\{\w+\.value\}"', "", _queries(WIDGETS[title])[0])
    assert " ".join(condition.split()) in " ".join(unfiltered.split())


def test_streams_that_need_attention_have_their_state_and_since_when() -> None:
    """Failed, unexpected, missing and unseen streams are listed with their seconds, others not."""
    world = {
        "config": {
            "metrics": {"project": "shop-prod"},
            "sources": [{"project": "shop-prod", "locations": ["europe-west1", "us-east1"]}],
        },
        "projects": [
            {
                "id": "shop-prod",
                "number": 1,
                "locations": [
                    {
                        "id": "europe-west1",
                        "streams": [{"id": each} for each in ("a", "b", "c", "d", "e")],
                    },
                    {"id": "us-east1", "streams": [{"id": "f"}]},
                ],
            }
        ],
        "events": [
            {"at": "10m", "stream": "a", "do": "fail", "reason": "ORACLE_LISTENER_DOWN"},
            {"at": "20m", "stream": "b", "do": "pause"},
            {"at": "25m", "stream": "c", "do": "delete"},
            {"at": "5m", "stream": "d", "do": "fail", "reason": "ORACLE_LISTENER_DOWN"},
            {"at": "15m", "stream": "d", "do": "heal"},
            {"at": "30m", "location": "us-east1", "do": "unreachable"},
        ],
    }
    text = yaml.safe_dump({"title": "t", "what": "w", "lasts": "45m", "world": world})
    scenario = parse_scenario(text, "scenario.yaml", set(), name="attention")
    recording = simulate(scenario, 1_767_571_200.0)
    query = VARIABLE.sub(".*", _queries(WIDGETS[ATTENTION])[0])
    end = recording.start + 44 * 60
    minutes = f'count_values by (stream_id, state) ("minutes", round(({query}) / 60))'
    with engine_for([recording]) as engine:
        rows = {
            (each.labels["stream_id"], each.labels["state"], each.labels["minutes"])
            for each in engine.query_range(minutes, end, end, 60)
        }
    assert rows == {
        ("a", "FAILED", "34"),
        ("b", "PAUSED", "24"),
        ("c", "(missing)", "20"),
        ("f", "(not seen for 5 minutes)", "15"),
    }
