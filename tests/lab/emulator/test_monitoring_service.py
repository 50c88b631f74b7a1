"""The emulator's Cloud Monitoring, as Google's own client sees it."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from google.api import metric_pb2
from google.api_core import exceptions
from google.cloud.monitoring_v3 import CreateTimeSeriesSummary, ListTimeSeriesRequest, TimeSeries
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lab.emulator.project_metrics import ProjectMetrics

if TYPE_CHECKING:
    from google.protobuf.any_pb2 import Any as PackedMessage

    from tests.lab.emulator.conftest import Clock, Serve, Served

WORLD: dict[str, Any] = {"projects": [{"id": "ops", "number": 77}]}
METRIC = "custom.googleapis.com/datastream/stream/state"
HOUR = 3600


def series(at: float, **changes: Any) -> TimeSeries:
    """Return a good series with one point, with some of its parts replaced.

    Args:
        at: The point's end, unix seconds.
        changes: ``metric``, ``labels``, ``type``, ``resource`` (labels), ``value``, ``kind``,
            ``start`` (unix seconds), ``points``.
    """
    node = changes.get("node", "orders")
    resource = {"project_id": "ops", "location": "europe-west1", "namespace": "shop"}
    interval: dict[str, Any] = {"end_time": _timestamp(at)}
    if "start" in changes:
        interval["start_time"] = _timestamp(changes["start"])
    point = {"interval": interval, "value": changes.get("value", {"int64_value": 2})}
    return TimeSeries(
        metric={
            "type": changes.get("metric", METRIC),
            "labels": changes.get("labels", {"stream_id": node}),
        },
        resource={
            "type": changes.get("type", "generic_node"),
            "labels": changes.get("resource", resource | {"node_id": node}),
        },
        metric_kind=changes.get("kind", 0),
        points=[point] * changes.get("points", 1),
    )


def _timestamp(unix: float) -> dict[str, int]:
    return {"seconds": int(unix // 1), "nanos": int(unix % 1 * 1e9)}


def write(served: Served, *given: TimeSeries) -> None:
    """Write series in one request."""
    served.monitoring.create_time_series(name="projects/ops", time_series=list(given))


def refused(served: Served, *given: TimeSeries) -> exceptions.InvalidArgument:
    """Write series of which some must be refused; return what the client saw."""
    with pytest.raises(exceptions.InvalidArgument) as caught:
        write(served, *given)
    return caught.value


def summary(error: exceptions.GoogleAPICallError) -> tuple[int, int, dict[int, int]]:
    """Return the total, the written, and the refused points by status code, of an answer."""
    raw = CreateTimeSeriesSummary.pb(CreateTimeSeriesSummary())
    packed: PackedMessage = error.details[0]
    assert packed.Unpack(raw)
    return (
        raw.total_point_count,
        raw.success_point_count,
        {each.status.code: each.point_count for each in raw.errors},
    )


def test_written_points_can_be_inspected_and_read(serve: Serve, clock: Clock) -> None:
    """An accepted point is in the cloud's own list and in ListTimeSeries, newest first."""
    served = serve(WORLD)
    write(served, series(clock()))
    clock.pass_(10)
    write(served, series(clock(), value={"int64_value": 5}))
    assert [(each.time, each.value) for each in served.cloud.points(METRIC)] == [
        (clock() - 10, 2),
        (clock(), 5),
    ]
    assert served.cloud.points()[0].metric_labels == {"stream_id": "orders"}
    assert served.cloud.points()[0].resource_labels["node_id"] == "orders"
    assert not served.cloud.points("custom.googleapis.com/other")
    (listed,) = read(served, f'metric.type = "{METRIC}"', clock() - 60, clock())
    assert [point.value.int64_value for point in listed.points] == [5, 2]
    assert listed.resource.labels["project_id"] == "ops"


def test_a_request_without_series_or_with_too_many_is_refused_whole(
    serve: Serve, clock: Clock
) -> None:
    """No series, or more than 200, and nothing of the request is written."""
    served = serve(WORLD)
    with pytest.raises(exceptions.InvalidArgument, match="At least one TimeSeries"):
        write(served)
    many = [series(clock(), node=f"n{number}") for number in range(201)]
    with pytest.raises(exceptions.InvalidArgument, match="A maximum of 200 TimeSeries can be"):
        write(served, *many)
    assert not served.cloud.points()
    write(served, *many[:200])
    assert len(served.cloud.points()) == 200


NODE = {"project_id": "ops", "location": "europe-west1", "namespace": "shop", "node_id": "n"}


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"points": 0}, r"Field timeSeries\[0\]\.points had"),
        ({"points": 2}, "Exactly one point"),
        ({"value": {}}, "A value is required"),
        ({"value": {"string_value": "up"}}, "but is STRING"),
        ({"metric": "datastream.googleapis.com/stream/freshness"}, "Unknown metric: datastream"),
        ({"metric": "custom.googleapis.com/" + "x" * 90}, "longer than 100 characters"),
        ({"labels": {"1st": "x"}}, 'Label key "1st" is not allowed'),
        ({"labels": {"a-b": "x"}}, 'Label key "a-b" is not allowed'),
        ({"labels": {"k" * 101: "x"}}, "limited to 100 characters"),
        ({"labels": {"key": "x" * 1025}}, "limited to 1024 characters"),
        ({"labels": {f"k{n}": "x" for n in range(31)}}, "limited to 30 labels"),
        ({"type": "cloud_run_job"}, "Metrics cannot be written to cloud_run_job"),
        ({"type": "datastream.googleapis.com/Stream"}, "Metrics cannot be written to"),
        ({"type": "generic_nod"}, "Unrecognized resource name"),
        ({"resource": {"location": "global"}}, r"Missing labels: \(namespace node_id\)\."),
        ({"resource": NODE | {"job": "x"}}, "Unrecognized resource label: job"),
        ({"resource": NODE | {"location": "europe-north9"}}, "Unrecognized region or location"),
        ({"resource": NODE | {"location": "eu"}}, "Unrecognized region or location"),
    ],
)
def test_a_malformed_series_is_refused(
    serve: Serve, clock: Clock, changes: dict[str, Any], text: str
) -> None:
    """A series that breaks a rule is refused in Google's words; the one beside it is written."""
    served = serve(WORLD)
    error = refused(served, series(clock(), **changes), series(clock(), node="good"))
    assert error.message.startswith("One or more TimeSeries could not be written: ")
    assert re.search(text, error.message)
    assert [each.resource_labels["node_id"] for each in served.cloud.points()] == ["good"]


@pytest.mark.parametrize("location", ["global", "europe-west4", "us-central1-b"])
def test_a_location_is_a_region_a_zone_or_global(serve: Serve, clock: Clock, location: str) -> None:
    """Real places and ``global`` are accepted."""
    served = serve(WORLD)
    write(served, series(clock(), resource=NODE | {"location": location}))
    assert served.cloud.points()[0].resource_labels["location"] == location


@pytest.mark.parametrize(
    ("after", "text"),
    [
        (-60, "Points must be written in order"),
        (0, "Points must be written in order"),
        (0.001, "more frequently than the maximum sampling period"),
        (4.999, "more frequently than the maximum sampling period"),
        (5, None),
    ],
)
def test_points_come_in_order_and_five_seconds_apart(
    serve: Serve, clock: Clock, after: float, text: str | None
) -> None:
    """A point is taken 5 s after its series' youngest one, and refused before."""
    served = serve(WORLD)
    write(served, series(clock()))
    if text is None:
        write(served, series(clock() + after))
    else:
        error = refused(served, series(clock() + after))
        assert text in error.message
        assert summary(error) == (1, 0, {9: 1})
    assert len(served.cloud.points()) == (2 if text is None else 1)


@pytest.mark.parametrize(
    ("ahead", "text"),
    [
        (-25 * HOUR - 1, "cannot be written more than approximately 24 hours in the past"),
        (-25 * HOUR, None),
        (300, None),
        (301, "cannot be written more than 5 minutes in the future"),
    ],
)
def test_points_are_at_most_25_hours_old_and_5_minutes_ahead(
    serve: Serve, clock: Clock, ahead: int, text: str | None
) -> None:
    """The window is measured against the injected clock."""
    served = serve(WORLD)
    if text is None:
        write(served, series(clock() + ahead))
    else:
        assert text in refused(served, series(clock() + ahead)).message


def test_a_gauge_starts_when_it_ends(serve: Serve, clock: Clock) -> None:
    """A gauge's start time equals its end time, a counter's is before it."""
    served = serve(WORLD)
    write(served, series(clock(), start=clock()))
    error = refused(served, series(clock() + 10, start=clock()))
    assert "must be equal to the end time" in error.message
    counter = {"metric": "custom.googleapis.com/count", "kind": 3}
    write(served, series(clock(), start=clock() - 1, **counter))
    error = refused(served, series(clock() + 10, start=clock() + 10, **counter))
    assert "must be before the end time" in error.message


def test_kind_and_value_type_are_the_descriptors(serve: Serve, clock: Clock) -> None:
    """What the first point or the descriptor said holds for every later point."""
    served = serve(WORLD)
    write(served, series(clock()))
    later = clock() + 10
    error = refused(served, series(later, value={"double_value": 1.5}))
    assert f"Value type for metric {METRIC} must be INT64, but is DOUBLE" in error.message
    said_otherwise = series(later)
    said_otherwise.value_type = metric_pb2.MetricDescriptor.ValueType.DOUBLE
    assert "must be DOUBLE, but is INT64" in refused(served, said_otherwise).message
    error = refused(served, series(later, kind=3, start=clock()))
    assert f"Metric kind for metric {METRIC} must be GAUGE, but is CUMULATIVE" in error.message


def test_a_duplicate_is_refused_and_the_others_written(serve: Serve, clock: Clock) -> None:
    """Of two points of a series in one request the first is written; project_id may be left out."""
    served = serve(WORLD)
    without_project = {key: value for key, value in NODE.items() if key != "project_id"}
    error = refused(
        served,
        series(clock(), resource=NODE),
        series(clock(), node="other"),
        series(clock() + 60, resource=without_project),
    )
    assert (
        "Field timeSeries[2] had an invalid value: Duplicate TimeSeries encountered. Only one"
        " point can be written per TimeSeries per request."
    ) in error.message
    assert summary(error) == (3, 2, {3: 1})
    assert len(served.cloud.points()) == 2


def test_a_series_lives_in_the_project_that_it_is_written_to(serve: Serve, clock: Clock) -> None:
    """Whatever project_id a resource carries, it becomes that of the request."""
    served = serve(WORLD)
    write(served, series(clock(), resource=NODE | {"project_id": "shop"}))
    (point,) = served.cloud.points()
    assert (point.project, point.resource_labels["project_id"]) == ("ops", "ops")


def test_a_writer_needs_the_permission(serve: Serve, clock: Clock) -> None:
    """Without timeSeries.create, or in an unknown project, a write is PERMISSION_DENIED."""
    project = {"id": "ops", "number": 77, "denied": ["monitoring.timeSeries.create"]}
    served = serve({"projects": [project]})
    for name in ("projects/ops", "projects/nobody"):
        with pytest.raises(exceptions.PermissionDenied) as caught:
            served.monitoring.create_time_series(name=name, time_series=[series(clock())])
        assert caught.value.message == (
            "Permission monitoring.timeSeries.create denied (or the resource may not exist)."
        )
        assert caught.value.metadata["permission"] == "monitoring.timeSeries.create"
    with pytest.raises(exceptions.InvalidArgument, match="must begin with"):
        served.monitoring.create_time_series(name="ops", time_series=[series(clock())])


def test_the_newer_wording_gives_an_example_and_the_times(serve: Serve, clock: Clock) -> None:
    """Refused series of one resource and reason are named together, by their indexes."""
    served = serve(WORLD)
    batch = [
        series(clock(), metric=f"{METRIC}_{number}", resource=NODE, labels={"stream_id": "n"})
        for number in range(4)
    ]
    write(served, *batch)
    error = refused(served, batch[0], batch[1], series(clock(), node="new"), batch[3])
    assert error.message == (
        "One or more TimeSeries could not be written: timeSeries[0-1,3] (example"
        f' metric.type="{METRIC}_0", metric.labels={{"stream_id": "n"}}): write for'
        " resource=generic_node{location:europe-west1,namespace:shop,node_id:n,project_id:ops}"
        " failed with: Points must be written in order. One or more of the points specified had"
        f" an older end time than the most recent point. {{Metric: {METRIC}_0, Timestamps:"
        " {Youngest Existing: '2026/01/01-00:00:00.000', New: '2026/01/01-00:00:00.000'}}"
    )


def test_the_older_wording_puts_the_reason_first(serve: Serve, clock: Clock) -> None:
    """The wording of the years before names the reason, then the resource and the indexes."""
    served = serve(WORLD | {"refusals": "older"})
    write(served, series(clock()))
    error = refused(served, series(clock(), node="new"), series(clock()), series(clock(), points=0))
    assert error.message == (
        "One or more TimeSeries could not be written: Points must be written in order. One or"
        " more of the points specified had an older end time than the most recent point.:"
        " generic_node{location:europe-west1,namespace:shop,node_id:orders,project_id:ops}"
        f" timeSeries[1]: {METRIC}{{stream_id:orders}}; Field timeSeries[2].points had an invalid"
        " value: Exactly one point must be written per TimeSeries.: timeSeries[2]"
    )


def test_an_answer_may_name_nothing(serve: Serve, clock: Clock) -> None:
    """A nameless refusal still counts in its summary."""
    served = serve(WORLD | {"refusals": "nameless"})
    write(served, series(clock()))
    error = refused(served, series(clock()), series(clock(), node="new"))
    assert error.message == "One or more TimeSeries could not be written"
    assert summary(error) == (2, 1, {9: 1})


def test_two_hundred_refusals_reach_a_client_that_is_ready_for_them(
    serve: Serve, clock: Clock
) -> None:
    """Refusals of a whole batch, far over 16 KiB, arrive where the client allows it."""
    served = serve(WORLD)
    batch = [series(clock(), node=f"stream-{number}") for number in range(200)]
    write(served, *batch)
    error = refused(served, *batch)
    assert error.message.count("Points must be written in order") == 200
    assert summary(error) == (200, 0, {9: 200})


def read(served: Served, text: str, start: float, end: float, **more: Any) -> list[TimeSeries]:
    """List series by filter and interval."""
    request = {
        "name": "projects/ops",
        "filter": text,
        "interval": {"start_time": _timestamp(start), "end_time": _timestamp(end)},
    }
    return list(served.monitoring.list_time_series(request=request | more))


@pytest.mark.parametrize(
    ("more", "nodes"),
    [
        ("", ["a1", "a2", "b1"]),
        (' AND resource.labels.node_id = "a1"', ["a1"]),
        (' AND resource.label.node_id = "a1"', ["a1"]),
        (' AND resource.labels.node_id = starts_with("a")', ["a1", "a2"]),
        (' AND resource.labels.node_id = ends_with("1")', ["a1", "b1"]),
        (' AND metric.labels."stream_id" != "b1"', ["a1", "a2"]),
        (' AND metric.labels.stream_id = one_of("a2", "b1")', ["a2", "b1"]),
        (' AND metric.label.stream_id = monitoring.regex.full_match("a.")', ["a1", "a2"]),
        (' AND metric.label.stream_id = has_substring("b")', ["b1"]),
        (' AND resource.type = "generic_task"', []),
    ],
)
def test_series_are_filtered(serve: Serve, clock: Clock, more: str, nodes: list[str]) -> None:
    """A filter's comparisons all have to hold."""
    served = serve(WORLD)
    write(served, *(series(clock(), node=node) for node in ("a1", "a2", "b1")))
    write(served, series(clock(), metric="custom.googleapis.com/other"))
    found = read(served, f'metric.type = "{METRIC}"{more}', clock(), clock())
    assert [each.resource.labels["node_id"] for each in found] == nodes


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "The filter must name a metric type"),
        ('resource.type = "generic_node"', "The filter must name a metric type"),
        ("metric.type", '"metric.type" ends too early'),
        (
            'metric.type = "a" OR metric.type = "b"',
            (
                '"OR metric.type = "b"" (line 1, column 19 of the filter) is not supported; write'
                " comparisons joined by AND"
            ),
        ),
        ('metric.type = nearly("a")', '"nearly("a")" (line 1, column 15 of the filter)'),
        ('metric.type > "a"', '"> "a"" (line 1, column 13 of the filter)'),
        ('NOT metric.type = "a"', "is not supported"),
        ('metric.type = "a" resource.type = "b"', "(line 1, column 19 of the filter)"),
    ],
)
def test_a_filter_that_is_not_supported_is_refused(
    serve: Serve, clock: Clock, text: str, message: str
) -> None:
    """The answer says where the filter fails; a filter for series has to name a metric."""
    served = serve(WORLD)
    with pytest.raises(exceptions.InvalidArgument) as caught:
        read(served, text, clock(), clock())
    assert message in caught.value.message


def test_series_come_in_pages_and_by_interval(serve: Serve, clock: Clock) -> None:
    """Pages hold whole series; only points of the closed interval are given; headers have none."""
    served = serve(WORLD)
    started = clock()
    for _ in range(3):
        write(served, *(series(clock(), node=node) for node in "abc"))
        clock.pass_(10)
    text = 'metric.type = starts_with("custom.googleapis.com/")'
    full = read(served, text, started, started + 10, page_size=4)
    assert [(each.resource.labels["node_id"], len(each.points)) for each in full] == [
        ("a", 2),
        ("b", 2),
        ("c", 2),
    ]
    assert served.cloud.calls["ListTimeSeries"] == 2
    headers = ListTimeSeriesRequest.TimeSeriesView.HEADERS
    assert [len(each.points) for each in read(served, text, started, clock(), view=headers)] == [
        0,
        0,
        0,
    ]
    assert not read(served, text, clock() + 1, clock() + 9)


def test_reading_needs_a_permission_of_its_own(serve: Serve, clock: Clock) -> None:
    """Reading series is a permission of its own, and aggregation is not served."""
    served = serve(WORLD)
    with pytest.raises(exceptions.MethodNotImplemented):
        read(served, f'metric.type = "{METRIC}"', 0, 1, aggregation={"alignment_period": "60s"})
    project = {"id": "ops", "number": 77, "denied": ["monitoring.timeSeries.list"]}
    with pytest.raises(exceptions.PermissionDenied):
        read(serve({"projects": [project]}), f'metric.type = "{METRIC}"', 0, clock())


def descriptor(**changes: Any) -> metric_pb2.MetricDescriptor:
    """Return a good descriptor, with some of its parts replaced."""
    return metric_pb2.MetricDescriptor(
        **{
            "type": METRIC,
            "metric_kind": "GAUGE",
            "value_type": "INT64",
            "labels": [{"key": "stream_id"}],
            "description": "The state.",
        }
        | changes
    )


def create(served: Served, **changes: Any) -> metric_pb2.MetricDescriptor:
    """Create a descriptor."""
    return served.monitoring.create_metric_descriptor(
        name="projects/ops", metric_descriptor=descriptor(**changes)
    )


def test_descriptors_are_learnt_from_use(serve: Serve, clock: Clock) -> None:
    """A first point makes a plain descriptor; a later label is added to it."""
    served = serve(WORLD)
    write(served, series(clock(), labels={"b": "1"}))
    write(served, series(clock(), labels={"b": "1", "a": "2"}))
    name = f"projects/ops/metricDescriptors/{METRIC}"
    learnt = served.monitoring.get_metric_descriptor(name=name)
    assert (learnt.name, learnt.description) == (name, "")
    assert [each.key for each in learnt.labels] == ["b", "a"]


def test_descriptors_are_created_listed_and_deleted(serve: Serve, clock: Clock) -> None:
    """A created descriptor rules what is written; its deletion takes the series along."""
    served = serve(WORLD)
    made = create(served)
    assert made.description == "The state."
    create(served, type="custom.googleapis.com/other")
    write(served, series(clock()))
    listed = served.monitoring.list_metric_descriptors(
        request={"name": "projects/ops", "filter": f'metric.type = starts_with("{METRIC}")'}
    )
    assert list(listed) == [made]
    pages = served.monitoring.list_metric_descriptors(
        request={"name": "projects/ops", "page_size": 1}
    ).pages
    assert [len(page.metric_descriptors) for page in pages] == [1, 1]
    served.monitoring.delete_metric_descriptor(name=made.name)
    assert not served.cloud.points()
    for call in (
        served.monitoring.get_metric_descriptor,
        served.monitoring.delete_metric_descriptor,
    ):
        with pytest.raises(exceptions.NotFound, match="Could not find descriptor for metric"):
            call(name=made.name)


@pytest.mark.parametrize(
    "changes",
    [
        {"metric_kind": "CUMULATIVE"},
        {"metric_kind": "METRIC_KIND_UNSPECIFIED"},
        {"value_type": "DOUBLE"},
        {"value_type": "MONEY"},
        {"labels": []},
        {"labels": [{"key": "stream_id"}, {"key": "not allowed"}]},
        {"type": "stackdriver.example/x"},
    ],
)
def test_kind_type_and_labels_of_a_descriptor_are_for_ever(
    serve: Serve, changes: dict[str, Any]
) -> None:
    """What exists cannot change its kind or value type, nor lose a label."""
    served = serve(WORLD)
    create(served)
    with pytest.raises(exceptions.InvalidArgument):
        create(served, **changes)


def test_a_descriptor_may_gain_labels_and_texts(serve: Serve, clock: Clock) -> None:
    """Creating it again with one more label keeps its series."""
    served = serve(WORLD)
    write(served, series(clock()))
    made = create(served, labels=[{"key": "stream_id"}, {"key": "team"}], description="Better.")
    assert made.description == "Better."
    assert len(served.cloud.points(METRIC)) == 1


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(
    batches=st.lists(
        st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 40)), min_size=1, max_size=6),
        max_size=6,
    )
)
def test_whatever_is_written_a_series_stays_in_order(
    batches: list[list[tuple[str, int]]],
) -> None:
    """Two points of a series are never closer than 5 s, and every point is written or refused."""
    start = 1_767_225_600
    metrics = ProjectMetrics("ops")
    written = 0
    for batch in batches:
        given = [TimeSeries.pb(series(start + at, node=node)) for node, at in batch]
        written += len(given) - len(metrics.write(given, start + 40))
    histories = [each.times for _, each in metrics.all_series()]
    assert sum(map(len, histories)) == written
    for times in histories:
        assert all(later - earlier >= 5_000_000_000 for earlier, later in pairwise(times))
