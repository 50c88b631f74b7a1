"""Google's metrics and the names of all metrics in PromQL."""

from __future__ import annotations

import re

import pytest

from exporter.measure import definitions
from lab.policies.known_metrics import google_metrics, known_series, promql_name

DATASTREAM = {
    "stream/bytes_count",
    "stream/event_count",
    "stream/freshness",
    "stream/latencies",
    "stream/system_latencies",
    "stream/total_latencies",
    "stream/unsupported_event_count",
    "streamobject/bytes_count",
    "streamobject/event_count",
    "streamobject/unsupported_event_count",
}
CLOUD_RUN = {
    "job/completed_execution_count",
    "job/completed_task_attempt_count",
    "job/running_executions",
    "job/running_task_attempts",
    "request_count",
}


@pytest.mark.parametrize(
    ("metric_type", "name"),
    [
        (
            "compute.googleapis.com/instance/cpu/utilization",
            "compute_googleapis_com:instance_cpu_utilization",
        ),
        ("kubernetes.io/container/cpu/limit_cores", "kubernetes_io:container_cpu_limit_cores"),
        (
            "custom.googleapis.com/opencensus/opencensus.io/http/server/request_count_by_method",
            "custom_googleapis_com:opencensus_opencensus_io_http_server_request_count_by_method",
        ),
        (
            "custom.googleapis.com/datastream/stream/state",
            "custom_googleapis_com:datastream_stream_state",
        ),
    ],
)
def test_a_type_has_its_name_in_promql(metric_type: str, name: str) -> None:
    """The first slash becomes a colon, every other special character an underscore."""
    assert promql_name(metric_type) == name


def test_the_list_is_as_documented() -> None:
    """All of Datastream's metrics, and the used ones of Cloud Run."""
    assert set(google_metrics()) == {f"datastream.googleapis.com/{name}" for name in DATASTREAM} | {
        f"run.googleapis.com/{name}" for name in CLOUD_RUN
    }


@pytest.mark.parametrize("metric_type", google_metrics())
def test_a_google_metric_says_what_it_is(metric_type: str) -> None:
    """Kind, value type, unit and labels are Cloud Monitoring's; its documentation is linked."""
    metric = google_metrics()[metric_type]

    assert metric.kind in {"GAUGE", "DELTA"}
    assert metric.value_type in {"INT64", "DISTRIBUTION"}
    assert metric.unit in {"1", "s", "By"}
    assert metric.page.startswith("https://cloud.google.com/monitoring/api/metrics_gcp_")
    assert all(re.fullmatch(r"[a-z_]+", key) for key in (*metric.labels, *metric.resource_labels))
    assert "location" in metric.resource_labels


def test_every_metric_of_the_exporter_is_known() -> None:
    """Under its name in PromQL, with the resource that it is written to."""
    own = {name: each for name, each in known_series().items() if name.startswith("custom_")}

    assert {each.type for each in own.values()} == {
        metric.type for metric in definitions.metrics().values()
    }
    assert {each.resource for each in own.values()} == {definitions.RESOURCE}


def test_a_series_has_the_labels_of_metric_and_resource() -> None:
    """And the project id and the type of the resource."""
    events = known_series()["datastream_googleapis_com:stream_unsupported_event_count"]
    objects = known_series()["custom_googleapis_com:datastream_stream_objects"]

    assert str(events.labels) == (
        "error_code, location, monitored_resource, object_name, project_id, read_method, "
        "resource_container, stream_id"
    )
    assert str(objects.labels) == (
        "backfill_state, location, monitored_resource, namespace, node_id, project_id, stream_id"
    )
