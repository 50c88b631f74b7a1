"""The dashboard: the API takes it as it stands, and its queries show what they say."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import promql_parser
import pytest
import yaml
from google.cloud import monitoring_dashboard_v1
from google.protobuf import json_format

from exporter import catalogue
from exporter.policies import native, promql
from exporter.states import StreamState
from tests.terraform.dashboards import (
    EXPORTERS_LOG,
    NAME,
    TERRAFORM,
    VARIABLE,
    everything,
    nodes,
    parsed,
    queries,
    rendered,
    selectors,
    whole,
    widgets,
)

DASHBOARD: Any = rendered(NAME, ("watched-b", "watched-a"), "jobs")
TILES = DASHBOARD["mosaicLayout"]["tiles"]
QUERIES = [
    pytest.param(query, id=widget["title"])
    for widget in widgets(DASHBOARD)
    for query in queries(widget)
]
SINCE_LAST_RUN = "Exporter: since its last run"
COUNTS = [
    pytest.param(queries(widget)[0], id=widget["title"])
    for widget in widgets(DASHBOARD)
    if "scorecard" in widget and widget["title"] != SINCE_LAST_RUN
]

LATELY = timedelta(minutes=5)
FILTERS = {"namespace": "project", "location": "location", "stream_id": "stream"}
"""The variable that narrows each label of the exporter's series."""

Box = tuple[int, int, int, int]


def _box(tile: Any) -> Box:
    """Return a tile's left, top, right and bottom."""
    left, top = tile.get("xPos", 0), tile.get("yPos", 0)
    return left, top, left + tile["width"], top + tile["height"]


def _meet(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _within(inner: Box, outer: Box) -> bool:
    return all(inner[i] >= outer[i] for i in (0, 1)) and all(inner[i] <= outer[i] for i in (2, 3))


def _titled(title: str) -> Any:
    return next(widget for widget in widgets(DASHBOARD) if widget["title"] == title)


def test_the_api_knows_every_field() -> None:
    """The dashboard parses into the API's own message, unknown fields refused."""
    message = monitoring_dashboard_v1.Dashboard.pb(monitoring_dashboard_v1.Dashboard())
    json_format.ParseDict(DASHBOARD, message, ignore_unknown_fields=False)
    assert message.display_name == f"Datastream streams ({NAME})"


def test_a_second_plan_is_empty() -> None:
    """Nothing is said that the API leaves out of its answer or writes in another way."""
    assert not DASHBOARD.keys() & {"name", "etag"}
    for key, value in everything(DASHBOARD):
        assert value not in ("", None, 0, []), key
        assert value != {} or key in {"blankView", "incidentList"}, key
        if key in {"minAlignmentPeriod", "timeshiftDuration"}:
            assert re.fullmatch(r"[1-9]\d*s", value), key


def test_tiles_lie_side_by_side() -> None:
    """Tiles lie within 48 columns and do not overlap, but for groups and what they hold."""
    assert DASHBOARD["mosaicLayout"]["columns"] == 48
    boxes = [(_box(tile), "collapsibleGroup" in tile["widget"]) for tile in TILES]
    for i, (box, group) in enumerate(boxes):
        assert box[2] <= 48
        for other, other_group in boxes[i + 1 :]:
            assert not _meet(box, other) or group != other_group


def test_a_group_holds_whole_tiles() -> None:
    """A group that folds holds some tiles, and each of them whole."""
    groups = [_box(tile) for tile in TILES if "collapsibleGroup" in tile["widget"]]
    boxes = [_box(tile) for tile in TILES if "collapsibleGroup" not in tile["widget"]]
    assert groups
    for group in groups:
        members = [box for box in boxes if _meet(box, group)]
        assert members
        assert all(_within(box, group) for box in members)


def test_every_widget_has_a_title_of_its_own() -> None:
    """Widgets can be told apart by their titles."""
    titles = [widget["title"] for widget in widgets(DASHBOARD)]
    assert all(titles)
    assert len(set(titles)) == len(titles)


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_names_metrics_and_labels_that_exist(query: str) -> None:
    """A query is PromQL, and what it names its series carry."""
    assert not promql.read(whole(query)).mistakes


@pytest.mark.parametrize("query", QUERIES)
def test_filters_reach_every_series_of_streams_and_locations(query: str) -> None:
    """A filter narrows each series that has its label; the exporter's own are never narrowed."""
    for selector in selectors(query):
        name = str(selector.name)
        narrowed = {each.name: each.value for each in selector.matchers.matchers}
        project = "namespace" if name.startswith("custom_") else "project_id"
        wanted = {project: "project", "location": "location", "stream_id": "stream"}
        if ":datastream_exporter_" in name or name.startswith("run_"):
            wanted = {}
        elif "stream_id" not in native.series()[name].labels:
            del wanted["stream_id"]
        assert {label: narrowed.get(label) for label in wanted} == wanted


def test_filters_are_labels_and_each_is_used() -> None:
    """Each filter's label is one of the exporter's series, and no variable is used without one."""
    filters = {each["labelKey"]: each["templateVariable"] for each in DASHBOARD["dashboardFilters"]}
    assert filters == FILTERS
    assert any(filters.keys() <= each.labels.names for each in native.series().values())
    used = set(
        VARIABLE.findall("\n".join(v for _, v in everything(DASHBOARD) if isinstance(v, str)))
    )
    assert used == set(FILTERS.values())


def test_every_metric_is_shown() -> None:
    """Whatever the exporter writes can be seen, without exception."""
    shown = {selector.name for query in QUERIES for selector in selectors(str(query.values[0]))}
    own = {native.promql_name(metric.type) for metric in catalogue.metrics().values()}
    assert shown >= own


def test_the_legend_has_every_state() -> None:
    """The legend says the API's number and name of each state."""
    legend = re.findall(
        r"^- `(\d+)` \*\*(\w+)\*\*", _titled("States")["text"]["content"], re.MULTILINE
    )
    assert legend == [(str(state.value), state.name) for state in StreamState]


def test_states_are_named_by_their_numbers() -> None:
    """A query that names states has the name of each number, and says the number of another."""
    named = 0
    for param in QUERIES:
        replaced = re.findall(r'"state", "(.+?)", "code", "(.+?)"\)', str(param.values[0]))
        if replaced:
            named += 1
            assert replaced[0] == ("state $1", "(.+)")
            assert replaced[1:] == [(state.name, str(state.value)) for state in StreamState]
    assert named == 3


@pytest.mark.parametrize("query", COUNTS)
def test_a_zero_is_shown_only_of_what_was_read_lately(query: str) -> None:
    """A count is 0 where something was read within five minutes, and else without data."""
    counted = parsed(query)
    assert isinstance(counted, promql_parser.BinaryExpr)
    assert str(counted.op) == "or"
    zero = counted.rhs
    assert isinstance(zero, promql_parser.BinaryExpr)
    assert isinstance(zero.lhs, promql_parser.NumberLiteral)
    assert (zero.lhs.val, str(zero.op)) == (0, "*")
    ranges = [each.range for each in nodes(zero) if isinstance(each, promql_parser.MatrixSelector)]
    assert ranges == [LATELY]


@pytest.mark.parametrize("query", QUERIES)
def test_no_number_comes_from_nothing(query: str) -> None:
    """No query has a value where no series has one: a dead exporter looks like no healthy fleet."""
    called = {
        each.func.name for each in nodes(parsed(query)) if isinstance(each, promql_parser.Call)
    }
    assert not called & {"vector", "absent", "absent_over_time"}


def test_a_single_value_is_the_last_one() -> None:
    """A scorecard and a table show what is now, not what was somewhere in the page's time range."""
    for widget in widgets(DASHBOARD):
        if "scorecard" in widget or "timeSeriesTable" in widget:
            asked = [value for key, value in everything(widget) if key == "timeSeriesQuery"]
            assert all(each["outputFullDuration"] for each in asked), widget["title"]


@pytest.mark.parametrize(
    "title", ["Missing", "Missing: since when (a day: as long, or never there)", "Streams by state"]
)
def test_missing_is_what_pages_as_missing(title: str) -> None:
    """What the dashboard calls missing is the condition of the policy, but for the filters."""
    policy = yaml.safe_load(
        TERRAFORM.with_name("alerting_policies").joinpath("stream-missing.yaml").read_text("utf-8")
    )
    condition = policy["conditions"][0]["conditionPrometheusQueryLanguage"]["query"]
    unfiltered = re.sub(r', \w+=~"\$\{\w+\.value\}"', "", queries(_titled(title))[0])
    assert " ".join(condition.split()) in " ".join(unfiltered.split())


def test_each_panel_shows_the_logs_of_its_projects() -> None:
    """Stream logs come from the watched projects, the exporter's from the job's."""
    named = {
        widget["title"]: widget["logsPanel"]["resourceNames"]
        for widget in widgets(DASHBOARD)
        if "logsPanel" in widget
    }
    watched = ["projects/watched-a", "projects/watched-b"]
    assert named.pop(EXPORTERS_LOG) == ["projects/jobs"]
    assert list(named.values()) == [watched, watched]
    assert f'"{EXPORTERS_LOG}"' in TERRAFORM.joinpath("dashboard.tf").read_text("utf-8")


def test_the_deployments_name_is_taken_over() -> None:
    """The title and the job's name follow the deployment's name."""
    document = rendered("cdc-watch", ("watched",), "jobs")
    assert document["displayName"] == "Datastream streams (cdc-watch)"
    texts = [value for _, value in everything(document) if isinstance(value, str)]
    assert not any(NAME in text for text in texts)
    assert any('job_name=~"cdc-watch(-objects)?"' in text for text in texts)
