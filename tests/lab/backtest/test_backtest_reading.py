"""Reading history from Cloud Monitoring: pages, errors, and series in PromQL."""

from __future__ import annotations

import socket
import threading
from collections import Counter
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
from google.cloud import monitoring_v3

from exporter.config import Endpoints
from exporter.google.clients import DATASTREAM_EMULATOR, MONITORING_EMULATOR, Identity, connect
from exporter.google.errors import CallError, FailureKind
from exporter.terminal import Progress
from lab.backtest.api_reader import ApiReader
from lab.backtest.history import History
from lab.backtest.required import Period
from lab.backtest.time_series import series_parts
from lab.emulator.world import Fault
from tests.lab.backtest.fleet_history import (
    END,
    FRESHNESS,
    MINUTES,
    SILENT,
    START,
    UNSUPPORTED,
    WORLD,
    Lab,
    play,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.simulate.series import Series

STATE = "custom.googleapis.com/datastream/stream/state"
STATE_NAME = "custom_googleapis_com:datastream_stream_state"
FRESHNESS_NAME = "datastream_googleapis_com:stream_freshness"
UNSUPPORTED_NAME = "datastream_googleapis_com:stream_unsupported_event_count"
NAMES = (STATE_NAME, FRESHNESS_NAME, UNSUPPORTED_NAME)
WHOLE = Period(START, END)
ALL = {STATE: WHOLE, FRESHNESS: WHOLE, UNSUPPORTED: WHOLE}


class Recorder(Progress):
    """Counts the pages and points of each metric."""

    def __init__(self) -> None:
        """Start with nothing."""
        self.pages: Counter[str] = Counter()
        self.points: dict[str, int] = {}
        self.over: list[str] = []

    def update(self, task: str, done: int, total: int | None = None) -> None:
        """Keep it."""
        metric = task.removeprefix("reading points of ")
        self.points[metric] = done
        if total is None:
            self.pages[metric] += 1
        else:
            self.over.append(metric)


def read(lab: Lab, periods: dict[str, Period], **how: Any) -> list[Series]:
    """Read metrics from the lab; return their series."""
    history = History(NAMES, "ops-prod")
    how = {"project": "ops-prod", "stop": threading.Event(), **how}
    ApiReader(lab.clients.monitoring, **how).read(periods, history)
    return list(history.series(dict.fromkeys(NAMES, 0.0), END))


@pytest.fixture
def own_lab() -> Iterator[Lab]:
    """Return a short history for this test only, for faults."""
    with ExitStack() as running:
        yield play(WORLD, range(3), running)


def test_points_are_read_as_written(lab: Lab) -> None:
    """Points are unaligned, oldest first, and visible some seconds after their time."""
    series = read(lab, {STATE: WHOLE})
    orders = next(each for each in series if ("stream_id", "orders") in each.labels)
    assert [point.time for point in orders.samples] == [
        START + minute * 60 for minute in range(MINUTES) if minute not in SILENT
    ]
    assert {point.visible_at - point.time for point in orders.samples} == {5.0}
    assert [point.value for point in orders.samples[39:42]] == [2, 5, 5]


def test_series_have_their_promql_labels(lab: Lab) -> None:
    """The exporter's series have the metrics project, Google's the watched one."""
    by_name: dict[str, list[dict[str, str]]] = {}
    for each in read(lab, ALL):
        by_name.setdefault(each.name, []).append(dict(each.labels))
    assert {
        "monitored_resource": "generic_node",
        "project_id": "ops-prod",
        "location": "europe-west1",
        "namespace": "shop-prod",
        "node_id": "orders",
        "stream_id": "orders",
    } in by_name[STATE_NAME]
    assert by_name[UNSUPPORTED_NAME] == [
        {
            "monitored_resource": "datastream.googleapis.com/Stream",
            "project_id": "shop-prod",
            "resource_container": "2",
            "location": "europe-west1",
            "stream_id": "orders",
            "read_method": "cdc",
            "object_name": "a",
            "error_code": "b",
        }
    ]


def test_a_delta_becomes_a_counter(lab: Lab) -> None:
    """The points of a DELTA are increments between their start and end."""
    (series,) = read(lab, {UNSUPPORTED: WHOLE})
    assert [(point.time - START, point.value) for point in series.samples] == [
        (1200, 0),
        (1260, 3),
        (1320, 4),
    ]
    assert series.samples[0].visible_at - series.samples[0].time == 240


@pytest.mark.parametrize("page_size", [1, 7, 110, 250])
def test_the_page_size_does_not_matter(lab: Lab, page_size: int) -> None:
    """A series that is split between pages is read whole."""
    progress = Recorder()
    small = read(lab, {STATE: Period(START, START + 1800)}, page_size=page_size, progress=progress)
    assert sorted(small, key=str) == sorted(
        read(lab, {STATE: Period(START, START + 1800)}), key=str
    )
    assert progress.points == {STATE: 3 * 31}
    assert progress.pages[STATE] == {1: 93, 7: 15, 110: 1, 250: 1}[page_size]
    assert progress.over == [STATE]


def test_only_the_period_is_read(lab: Lab) -> None:
    """Both ends of the period are included."""
    span = Period(START + 600, START + 720)
    series = read(lab, {STATE: span})
    assert {point.time - START for each in series for point in each.samples} == {600, 660, 720}


def test_a_transient_error_is_retried(own_lab: Lab) -> None:
    """A page is retried after a transient error."""
    own_lab.cloud.add_fault(Fault(method="ListTimeSeries", code="UNAVAILABLE", times=2))
    assert len(read(own_lab, {STATE: WHOLE})) == 3
    assert own_lab.cloud.calls["ListTimeSeries"] == 3


@pytest.mark.parametrize(
    ("code", "message", "kind", "hint"),
    [
        (
            "PERMISSION_DENIED",
            "No.",
            FailureKind.PERMISSION_DENIED,
            "Grant roles/monitoring.viewer: ",
        ),
        (
            "NOT_FOUND",
            "No such project.",
            FailureKind.NOT_FOUND,
            "Check that ops-prod is the project",
        ),
        ("INVALID_ARGUMENT", "No.", FailureKind.REFUSED, "Check that ops-prod is the project"),
        ("UNAUTHENTICATED", "Who?", FailureKind.CREDENTIALS, "application-default login"),
    ],
)
def test_an_error_has_a_hint(
    own_lab: Lab, code: str, message: str, kind: FailureKind, hint: str
) -> None:
    """The first error ends all reads, and its hint does not mention config.yaml."""
    own_lab.cloud.add_fault(Fault(method="ListTimeSeries", code=code, message=message))
    with pytest.raises(CallError, match=hint) as refused:
        read(own_lab, ALL)
    assert refused.value.failure.kind is kind
    assert "config.yaml" not in str(refused.value)


def test_the_permission_is_named(own_lab: Lab) -> None:
    """The error message names the permission and the project."""
    world = WORLD | {
        "projects": [
            {"id": "ops-prod", "number": 1, "denied": ["monitoring.timeSeries.list"]},
            WORLD["projects"][1],
        ]
    }
    with ExitStack() as running, pytest.raises(CallError) as refused:
        read(play(world, range(1), running), {STATE: WHOLE})
    assert "needs monitoring.timeSeries.list in project ops-prod" in str(refused.value)
    with pytest.raises(CallError, match="permission denied"):
        read(own_lab, {STATE: WHOLE}, project="no-such-project")


@pytest.mark.parametrize(
    ("code", "hint"),
    [
        ("UNAVAILABLE", "Try again later; see https://status.cloud.google.com if it lasts."),
        ("RESOURCE_EXHAUSTED", "if it lasts. Fewer --days read less."),
    ],
)
def test_retries_end(own_lab: Lab, code: str, hint: str) -> None:
    """After ``retry_seconds`` the last error is raised."""
    own_lab.cloud.add_fault(Fault(method="ListTimeSeries", code=code))
    with pytest.raises(CallError) as refused:
        read(own_lab, {STATE: WHOLE}, retry_seconds=0)
    assert str(refused.value).endswith(hint)
    assert own_lab.cloud.calls["ListTimeSeries"] == 1


def test_an_unreachable_server_is_an_error() -> None:
    """The hint does not mention config.yaml, which is not read."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        nobody = f"127.0.0.1:{listening.getsockname()[1]}"
    named = {DATASTREAM_EMULATOR: nobody, MONITORING_EMULATOR: nobody}
    clients, _ = connect(Endpoints(), named, Identity())
    reader = ApiReader(clients.monitoring, "ops-prod", threading.Event(), retry_seconds=0)
    with clients, pytest.raises(CallError) as refused:
        reader.read(ALL, History(NAMES))
    hint = "Nothing answers there: check the network, proxies and firewalls."
    assert str(refused.value).endswith(hint)


def test_a_metric_without_points_is_empty(own_lab: Lab) -> None:
    """Cloud Monitoring does not know a metric before its first point."""
    message = f'Cannot find metric(s) that match type = "{FRESHNESS}".'
    own_lab.cloud.add_fault(
        Fault(method="ListTimeSeries", code="NOT_FOUND", message=message, times=1)
    )
    assert read(own_lab, {FRESHNESS: WHOLE}) == []


def test_stopping_cancels_the_calls(own_lab: Lab) -> None:
    """The calls under way are cancelled without an error."""
    own_lab.cloud.add_fault(Fault(method="ListTimeSeries", latency=30))
    stop = threading.Event()
    stopping = threading.Timer(0.05, stop.set)
    stopping.start()
    assert read(own_lab, ALL, stop=stop, cancel=own_lab.clients.close) == []
    stopping.join()


def series(value_type: str, kind: str, *values: dict[str, Any]) -> Any:
    """Return a raw series with a point every minute, newest first."""
    return monitoring_v3.TimeSeries.pb(
        monitoring_v3.TimeSeries(
            metric={"type": "x.googleapis.com/y", "labels": {"location": "here", "how": "so"}},
            resource={"type": "thing", "labels": {"location": "there", "resource_container": "p"}},
            metric_kind=kind,
            value_type=value_type,
            points=[
                {
                    "interval": {
                        "start_time": {"seconds": minute * 60},
                        "end_time": {"seconds": minute * 60 + 60},
                    },
                    "value": value,
                }
                for minute, value in reversed(list(enumerate(values)))
            ],
        )
    )


def points_by_name(raw: Any, *names: str) -> dict[tuple[str, str], list[tuple[float, float]]]:
    """Return times and values of a raw series in the engine, by name and bound."""
    history = History(names, "asked")
    for part in series_parts(raw):
        history.add(part)
    return {
        (each.name, dict(each.labels).get("le", "")): [
            (point.time, point.value) for point in each.samples
        ]
        for each in history.series(dict.fromkeys(names, 0.0), 1e9)
    }


def test_a_metric_label_with_a_resource_key_gets_a_prefix() -> None:
    """The prefix is ``metric_``; the project comes from the resource container."""
    history = History(["x_googleapis_com:y"], "asked")
    for part in series_parts(series("BOOL", "GAUGE", {"bool_value": True}, {"bool_value": False})):
        history.add(part)
    (given,) = history.series({"x_googleapis_com:y": 0.0}, 1e9)
    assert dict(given.labels) == {
        "location": "there",
        "metric_location": "here",
        "how": "so",
        "resource_container": "p",
        "project_id": "p",
        "monitored_resource": "thing",
    }
    assert [point.value for point in given.samples] == [1.0, 0.0]


def test_a_project_number_is_replaced_by_the_id() -> None:
    """PromQL has project ids, so a numeric container gives the project that is read."""
    raw = series("DOUBLE", "CUMULATIVE", {"double_value": 1.5}, {"double_value": 2.5})
    raw.resource.labels["resource_container"] = "projects/123"
    (part,) = series_parts(raw)
    assert part.promql_labels("asked")["project_id"] == "asked"
    assert points_by_name(raw, "x_googleapis_com:y") == {
        ("x_googleapis_com:y", ""): [(60, 1.5), (120, 2.5)]
    }


@pytest.mark.parametrize(
    ("options", "bounds"),
    [
        ({"explicit_buckets": {"bounds": [1, 2.5]}}, ("1", "2.5")),
        ({"linear_buckets": {"num_finite_buckets": 1, "width": 2, "offset": 1}}, ("1", "3")),
        (
            {"exponential_buckets": {"num_finite_buckets": 1, "growth_factor": 2, "scale": 3}},
            ("3", "6"),
        ),
    ],
)
def test_a_distribution_is_a_histogram(options: dict[str, Any], bounds: tuple[str, str]) -> None:
    """A distribution becomes counters: a count, a sum, and one for each bound."""
    name = "x_googleapis_com:y"
    value = {"count": 4, "mean": 2, "bucket_options": options, "bucket_counts": [1, 2, 1]}
    later = value | {"count": 2, "bucket_counts": [2]}
    raw = series(
        "DISTRIBUTION", "DELTA", {"distribution_value": value}, {"distribution_value": later}
    )
    got = points_by_name(raw, f"{name}_count", f"{name}_sum", f"{name}_bucket")
    assert got == {
        (f"{name}_count", ""): [(0, 0), (60, 4), (120, 6)],
        (f"{name}_sum", ""): [(0, 0), (60, 8), (120, 12)],
        (f"{name}_bucket", bounds[0]): [(0, 0), (60, 1), (120, 3)],
        (f"{name}_bucket", bounds[1]): [(0, 0), (60, 3), (120, 5)],
        (f"{name}_bucket", "+Inf"): [(0, 0), (60, 4), (120, 6)],
    }


def test_a_distribution_with_too_many_buckets_is_left_out(own_lab: Lab) -> None:
    """A sentence says which metric is incomplete; the others are read."""
    options = {"linear_buckets": {"num_finite_buckets": 2**31 - 1, "width": 1}}
    raw = series("DISTRIBUTION", "DELTA", {"distribution_value": {"bucket_options": options}})
    for point in raw.points:
        point.interval.start_time.seconds = int(START)
        point.interval.end_time.seconds = int(START) + 60
    own_lab.cloud.seed_series("ops-prod", [raw])
    reader = ApiReader(own_lab.clients.monitoring, "ops-prod", threading.Event())
    (sentence,) = reader.read({"x.googleapis.com/y": WHOLE}, History([]))
    assert sentence.startswith("x.googleapis.com/y is left out in part: a distribution has 2,147,")


def test_texts_and_empty_series_are_ignored() -> None:
    """PromQL has neither texts nor series without points."""
    assert not list(series_parts(series("STRING", "GAUGE", {"string_value": "x"})))
    assert not list(series_parts(series("INT64", "GAUGE")))


def test_the_emulator_filters_series_and_leaves_out_points(lab: Lab) -> None:
    """The emulator filters by labels, and the HEADERS view has no points."""
    request: dict[str, Any] = {
        "name": "projects/ops-prod",
        "filter": f'metric.type = "{FRESHNESS}" AND resource.labels.stream_id = "stock"',
        "interval": {"end_time": {"seconds": int(END)}, "start_time": {"seconds": int(START)}},
    }
    (full,) = lab.clients.monitoring.list_time_series(request)
    assert len(full.points) == MINUTES
    ends = [point.interval.end_time.seconds for point in monitoring_v3.TimeSeries.pb(full).points]
    assert ends == sorted(ends, reverse=True)
    (head,) = lab.clients.monitoring.list_time_series(request | {"view": 1})
    assert not head.points
