"""The emulator's Cloud Monitoring, as Google's own client sees it."""

import re
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud.monitoring_v3 import CreateTimeSeriesSummary, TimeSeries
from google.protobuf.any_pb2 import Any as PackedMessage

from tests.lab.emulator.conftest import Clock, Serve, Served

WORLD: dict[str, Any] = {"projects": [{"id": "ops", "number": 77}]}
METRIC = "custom.googleapis.com/datastream/stream/state"
HOUR = 3600
NODE = {
    "project_id": "ops",
    "location": "europe-west1",
    "namespace": "shop",
    "node_id": "n",
}


def series(at: float, **changes: Any) -> TimeSeries:
    """Return a good series with a point at a unix time, with some parts replaced."""
    node = changes.get("node", "orders")
    value = changes.get("value", {"int64_value": 2})
    point = {"interval": {"end_time": _timestamp(at)}, "value": value}
    return TimeSeries(
        metric={
            "type": changes.get("metric", METRIC),
            "labels": changes.get("labels", {"stream_id": node}),
        },
        resource={
            "type": changes.get("type", "generic_node"),
            "labels": changes.get("resource", NODE | {"node_id": node}),
        },
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
    """Return the points of an answer: all, the written, the refused by status."""
    raw = CreateTimeSeriesSummary.pb(CreateTimeSeriesSummary())
    packed: PackedMessage = error.details[0]
    assert packed.Unpack(raw)
    refused_points = {each.status.code: each.point_count for each in raw.errors}
    return raw.total_point_count, raw.success_point_count, refused_points


def test_a_request_without_series_or_with_too_many_is_refused_whole(
    serve: Serve, clock: Clock
) -> None:
    """No series, or more than 200, and nothing of the request is written."""
    served = serve(WORLD)
    with pytest.raises(exceptions.InvalidArgument, match="At least one TimeSeries"):
        write(served)
    many = [series(clock(), node=f"n{number}") for number in range(201)]
    with pytest.raises(
        exceptions.InvalidArgument, match="A maximum of 200 TimeSeries can be"
    ):
        write(served, *many)
    assert not served.cloud.points()
    write(served, *many[:200])
    assert len(served.cloud.points()) == 200


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"points": 0}, r"Field timeSeries\[0\]\.points had"),
        ({"points": 2}, "Exactly one point"),
        ({"value": {}}, "A value is required"),
        ({"value": {"string_value": "up"}}, "A value is required"),
        (
            {"metric": "datastream.googleapis.com/stream/freshness"},
            "Unknown metric: datastream",
        ),
        ({"labels": {"a-b": "x"}}, 'Label key "a-b" is not allowed'),
        ({"labels": {"k" * 101: "x"}}, "is not allowed"),
        ({"labels": {"key": "x" * 1025}}, "limited to 1024 characters"),
        ({"type": "cloud_run_job"}, "Metrics cannot be written to cloud_run_job"),
        (
            {"resource": {"location": "global"}},
            r"Missing labels: \(namespace node_id\)\.",
        ),
        ({"resource": NODE | {"job": "x"}}, "Unrecognized resource label: job"),
        (
            {"resource": NODE | {"location": "europe-north9"}},
            "Unrecognized region or location",
        ),
    ],
)
def test_a_malformed_series_is_refused(
    serve: Serve, clock: Clock, changes: dict[str, Any], text: str
) -> None:
    """A series that breaks a rule is refused in Google's words; another is written."""
    served = serve(WORLD)
    error = refused(served, series(clock(), **changes), series(clock(), node="good"))
    assert error.message.startswith("One or more TimeSeries could not be written: ")
    assert re.search(text, error.message)
    (written,) = served.cloud.points()
    assert written.resource_labels["node_id"] == "good"


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


@pytest.mark.parametrize(
    ("ahead", "text"),
    [
        (
            -25 * HOUR - 1,
            "cannot be written more than approximately 24 hours in the past",
        ),
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


def test_a_duplicate_is_refused_and_the_others_written(
    serve: Serve, clock: Clock
) -> None:
    """The first of two points of a series is written, whatever its project_id."""
    served = serve(WORLD)
    elsewhere = NODE | {"project_id": "shop"}
    error = refused(
        served,
        series(clock(), resource=NODE),
        series(clock(), node="other"),
        series(clock() + 60, resource=elsewhere),
    )
    assert (
        "Field timeSeries[2] had an invalid value: Duplicate TimeSeries encountered."
        " Only one point can be written per TimeSeries per request." in error.message
    )
    assert summary(error) == (3, 2, {3: 1})
    assert len(served.cloud.points()) == 2


def test_a_refusal_names_the_series(serve: Serve, clock: Clock) -> None:
    """Each refused series is named with its index, labels, resource and reason."""
    served = serve(WORLD)
    write(served, series(clock()))
    error = refused(
        served, series(clock(), node="new"), series(clock()), series(clock(), points=2)
    )
    assert error.message == (
        "One or more TimeSeries could not be written: timeSeries[1]"
        f' (metric.type="{METRIC}", metric.labels={{"stream_id": "orders"}}): write for'
        " resource=generic_node{location:europe-west1,namespace:shop,"
        "node_id:orders,project_id:ops}"
        " failed with: Points must be written in order. One or more of the points"
        " specified had"
        " an older end time than the most recent point.;"
        f' timeSeries[2] (metric.type="{METRIC}", metric.labels={{"stream_id":'
        ' "orders"}): Field'
        " timeSeries[2].points had an invalid value: Exactly one point must be"
        " written per"
        " TimeSeries."
    )
    assert summary(error) == (4, 1, {9: 1, 3: 2})


def read(
    served: Served, text: str, start: float, end: float, **more: Any
) -> list[TimeSeries]:
    """List series by filter and interval."""
    interval = {"start_time": _timestamp(start), "end_time": _timestamp(end)}
    request = {"name": "projects/ops", "filter": text, "interval": interval}
    return list(served.monitoring.list_time_series(request=request | more))


def test_series_come_in_pages_and_by_interval(serve: Serve, clock: Clock) -> None:
    """Points of the closed interval are given, newest first; pages count points."""
    served = serve(WORLD)
    started = clock()
    for _ in range(3):
        write(served, *(series(clock(), node=node) for node in "abc"))
        clock.pass_(10)
    text = f'metric.type = "{METRIC}"'
    seen = []
    for each in read(
        served,
        text,
        started,
        started + 10,
        page_size=3,
    ):
        raw = TimeSeries.pb(each)
        for point in raw.points:
            end = point.interval.end_time.seconds
            seen.append((raw.resource.labels["node_id"], end - started))
    assert seen == [
        ("a", 10),
        ("a", 0),
        ("b", 10),
        ("b", 0),
        ("c", 10),
        ("c", 0),
    ]
    assert served.cloud.calls["ListTimeSeries"] == 2
    with pytest.raises(exceptions.InvalidArgument, match="and no other filter"):
        read(served, 'metric.type > "a"', started, started)
