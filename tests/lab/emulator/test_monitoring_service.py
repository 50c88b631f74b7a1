"""The emulator's Cloud Monitoring, as Google's own client sees it."""

import re
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud.monitoring_v3 import TimeSeries

from tests.lab.emulator.conftest import START, Serve, Served

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
    serve: Serve, changes: dict[str, Any], text: str
) -> None:
    """A series that breaks a rule is refused in Google's words; another is written."""
    served = serve(WORLD)
    error = refused(served, series(START, **changes), series(START, node="good"))
    assert error.message.startswith("One or more TimeSeries could not be written: ")
    assert re.search(text, error.message)
    (written,) = served.cloud.points()
    assert written.resource_labels["node_id"] == "good"


@pytest.mark.parametrize(
    ("written", "seconds", "text"),
    [
        (True, -60, "Points must be written in order"),
        (True, 0, "Points must be written in order"),
        (True, 0.001, "more frequently than the maximum sampling period"),
        (True, 4.999, "more frequently than the maximum sampling period"),
        (True, 5, None),
        (False, -25 * HOUR - 1, "more than approximately 24 hours in the past"),
        (False, -25 * HOUR, None),
        (False, 300, None),
        (False, 301, "cannot be written more than 5 minutes in the future"),
    ],
)
def test_points_come_in_order_five_seconds_apart_and_in_time(
    serve: Serve, seconds: float, text: str | None, *, written: bool
) -> None:
    """Which time is taken follows from the series' youngest point and the clock."""
    served = serve(WORLD)
    if written:
        write(served, series(START))
    point = series(START + seconds)
    if text is None:
        write(served, point)
    else:
        assert text in refused(served, point).message
