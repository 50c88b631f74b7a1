"""Reading history from Cloud Monitoring: pages, refusals, and what becomes of a series."""

from __future__ import annotations

import socket
import threading
from collections import Counter
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
from google.cloud import monitoring_v3

from exporter.config import Endpoints
from exporter.gcp.clients import DATASTREAM_EMULATOR, MONITORING_EMULATOR, Identity, connect
from exporter.gcp.errors import CallError, FailureKind
from exporter.gcp.retry import Calls
from exporter.progress import Progress
from lab.backtest.history import History
from lab.backtest.history_reading import Source, Span, pieces_of, read_history
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
WHOLE = Span(START, END)
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


def read(lab: Lab, wanted: dict[str, Span], **how: Any) -> list[Series]:
    """Read some metrics; return their series."""
    history = History(NAMES, "ops-prod")
    stop = how.pop("stop", threading.Event())
    progress = how.pop("progress", Progress())
    project = how.pop("project", "ops-prod")
    source = Source(lab.clients.monitoring, project, Calls(), stop, progress, **how)
    read_history(source, wanted, history)
    return list(history.series(dict.fromkeys(NAMES, 0.0), END))


@pytest.fixture
def own_lab() -> Iterator[Lab]:
    """Return a short history of its own, for faults."""
    with ExitStack() as running:
        yield play(WORLD, range(3), running)


def test_points_come_as_they_were_written(lab: Lab) -> None:
    """Raw, oldest first, each when its run began; some seconds later they can be seen."""
    series = read(lab, {STATE: WHOLE})
    orders = next(each for each in series if ("stream_id", "orders") in each.labels)
    assert [point.time for point in orders.samples] == [
        START + minute * 60 for minute in range(MINUTES) if minute not in SILENT
    ]
    assert {point.visible_at - point.time for point in orders.samples} == {5.0}
    assert [point.value for point in orders.samples[39:42]] == [2, 5, 5]


def test_a_series_carries_what_it_has_in_promql(lab: Lab) -> None:
    """The metrics project is the exporter's, the watched one that of Google's own series."""
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
    """Its points are the increments from where they begin to where they end."""
    (series,) = read(lab, {UNSUPPORTED: WHOLE})
    assert [(point.time - START, point.value) for point in series.samples] == [
        (1200, 0),
        (1260, 3),
        (1320, 4),
    ]
    assert series.samples[0].visible_at - series.samples[0].time == 240


@pytest.mark.parametrize("page_size", [1, 7, 110, 250])
def test_small_pages_hold_what_a_big_one_does(lab: Lab, page_size: int) -> None:
    """However a series is torn between pages, it is one."""
    progress = Recorder()
    small = read(lab, {STATE: Span(START, START + 1800)}, page_size=page_size, progress=progress)
    assert sorted(small, key=str) == sorted(read(lab, {STATE: Span(START, START + 1800)}), key=str)
    assert progress.points == {STATE: 3 * 31}
    assert progress.pages[STATE] == {1: 93, 7: 15, 110: 1, 250: 1}[page_size]
    assert progress.over == [STATE]


def test_only_the_time_that_was_asked_for_is_read(lab: Lab) -> None:
    """Both ends are part of it."""
    span = Span(START + 600, START + 720)
    series = read(lab, {STATE: span})
    assert {point.time - START for each in series for point in each.samples} == {600, 660, 720}


def test_a_passing_fault_is_outlasted(own_lab: Lab) -> None:
    """A page is asked for again as long as that can help."""
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
def test_a_refusal_says_what_mends_it(
    own_lab: Lab, code: str, message: str, kind: FailureKind, hint: str
) -> None:
    """The first one ends the reading of all."""
    own_lab.cloud.add_fault(Fault(method="ListTimeSeries", code=code, message=message))
    with pytest.raises(CallError, match=hint) as refused:
        read(own_lab, ALL)
    assert refused.value.failure.kind is kind
    assert "config.yaml" not in str(refused.value)


def test_the_permission_is_named(own_lab: Lab) -> None:
    """What a viewer has and a writer has not."""
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
        ("RESOURCE_EXHAUSTED", "if it lasts. Fewer --days ask for less."),
    ],
)
def test_a_fault_that_stays_is_told(own_lab: Lab, code: str, hint: str) -> None:
    """After some time nobody asks again."""
    own_lab.cloud.add_fault(Fault(method="ListTimeSeries", code=code))
    with pytest.raises(CallError) as refused:
        read(own_lab, {STATE: WHOLE}, patience=0)
    assert str(refused.value).endswith(hint)
    assert own_lab.cloud.calls["ListTimeSeries"] == 1


def test_where_nothing_answers_that_is_said() -> None:
    """Without a word of a config that is not read."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        nobody = f"127.0.0.1:{listening.getsockname()[1]}"
    named = {DATASTREAM_EMULATOR: nobody, MONITORING_EMULATOR: nobody}
    clients, _ = connect(Endpoints(), named, Identity())
    source = Source(
        clients.monitoring, "ops-prod", Calls(), threading.Event(), Progress(), patience=0
    )
    with clients, pytest.raises(CallError) as refused:
        read_history(source, ALL, History(NAMES))
    told = "Nothing answers there: check the network, proxies and firewalls."
    assert str(refused.value).endswith(told)


def test_what_was_never_written_is_no_mistake(own_lab: Lab) -> None:
    """Cloud Monitoring does not know a metric before its first point."""
    message = f'Cannot find metric(s) that match type = "{FRESHNESS}".'
    own_lab.cloud.add_fault(
        Fault(method="ListTimeSeries", code="NOT_FOUND", message=message, times=1)
    )
    assert read(own_lab, {FRESHNESS: WHOLE}) == []


def test_whoever_stops_waits_for_no_page(own_lab: Lab) -> None:
    """The calls under way are ended, and nothing is a failure then."""
    own_lab.cloud.add_fault(Fault(method="ListTimeSeries", latency=30))
    stop = threading.Event()
    stopping = threading.Timer(0.05, stop.set)
    stopping.start()
    assert read(own_lab, ALL, stop=stop, end=own_lab.clients.close) == []
    stopping.join()


def series(value_type: str, kind: str, *values: dict[str, Any]) -> Any:
    """Return a raw series with a point a minute, the newest first."""
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


def withheld_locations(raw: Any, *names: str) -> dict[tuple[str, str], list[tuple[float, float]]]:
    """Return what the engine gets of a raw series: own times and values, by name and bound."""
    history = History(names, "asked")
    for piece in pieces_of(raw):
        history.add(piece)
    return {
        (each.name, dict(each.labels).get("le", "")): [
            (point.time, point.value) for point in each.samples
        ]
        for each in history.series(dict.fromkeys(names, 0.0), 1e9)
    }


def test_a_label_that_the_resource_has_too_is_told_apart() -> None:
    """And the project is the one that holds the resource, where no label names it."""
    history = History(["x_googleapis_com:y"], "asked")
    for piece in pieces_of(series("BOOL", "GAUGE", {"bool_value": True}, {"bool_value": False})):
        history.add(piece)
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


def test_a_project_that_is_named_by_number_is_the_one_that_was_asked() -> None:
    """A number is no id, and PromQL has ids."""
    raw = series("DOUBLE", "CUMULATIVE", {"double_value": 1.5}, {"double_value": 2.5})
    raw.resource.labels["resource_container"] = "projects/123"
    (piece,) = pieces_of(raw)
    assert piece.all_labels("asked")["project_id"] == "asked"
    assert withheld_locations(raw, "x_googleapis_com:y") == {
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
    """A count, a sum, and for each bound how many values are below; all of them counters."""
    name = "x_googleapis_com:y"
    value = {"count": 4, "mean": 2, "bucket_options": options, "bucket_counts": [1, 2, 1]}
    later = value | {"count": 2, "bucket_counts": [2]}
    raw = series(
        "DISTRIBUTION", "DELTA", {"distribution_value": value}, {"distribution_value": later}
    )
    got = withheld_locations(raw, f"{name}_count", f"{name}_sum", f"{name}_bucket")
    assert got == {
        (f"{name}_count", ""): [(0, 0), (60, 4), (120, 6)],
        (f"{name}_sum", ""): [(0, 0), (60, 8), (120, 12)],
        (f"{name}_bucket", bounds[0]): [(0, 0), (60, 1), (120, 3)],
        (f"{name}_bucket", bounds[1]): [(0, 0), (60, 3), (120, 5)],
        (f"{name}_bucket", "+Inf"): [(0, 0), (60, 4), (120, 6)],
    }


def test_a_text_is_for_no_query() -> None:
    """Series of texts, and those without a point, are passed over."""
    assert not list(pieces_of(series("STRING", "GAUGE", {"string_value": "x"})))
    assert not list(pieces_of(series("INT64", "GAUGE")))


def test_the_server_gives_googles_own_series_by_filter_and_without_points(lab: Lab) -> None:
    """Headers hold no points, and a filter chooses among labels."""
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
