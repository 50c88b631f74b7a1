"""``check``: one line for everything a run needs, and how to fix what does not work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.api.label_pb2 import LabelDescriptor
from google.api.metric_pb2 import MetricDescriptor
from google.cloud.monitoring_v3 import ListMetricDescriptorsResponse, MetricServiceClient
from google.cloud.monitoring_v3.services.metric_service.transports import (
    MetricServiceGrpcTransport,
)

from exporter.measure import metrics

if TYPE_CHECKING:
    from tests.exporter.cli.conftest import Command, Ended, Serve, World


def lines(ended: Ended, grade: str) -> list[str]:
    """Return the findings of a grade, as they stand on stdout."""
    return [line for line in ended.out.splitlines() if line.startswith(f"{grade:<8} ")]


def test_everything_in_place_is_a_line_each(command: Command, serve: Serve, shop: World) -> None:
    """All is well after a first run: every line says ok, and the exit code is 0."""
    shop["projects"][1]["locations"].append({"id": "us-east4"})
    _, environ = serve(shop)
    environ["DATASTREAM_EXPORTER_CONFIG"] = (
        "metrics: {project: metrics-prod}\n"
        "sources: [{project: shop-prod}]\n"
        "collect: {objects: true, private_connections: true}\n"
    )
    code, out, err = command("check", environ=environ)
    assert code == 0
    *found, descriptors = out.splitlines()
    assert found == [
        "ok       config: DATASTREAM_EXPORTER_CONFIG is valid",
        "ok       credentials: none are needed, as emulators are used",
        "ok       projects/shop-prod: 3 locations discovered",
        "ok       projects/shop-prod/locations/europe-west1: 2 streams",
        "ok       projects/shop-prod/locations/us-east1: 1 stream",
        "ok       projects/shop-prod/locations/us-east4: no streams",
        "ok       projects/metrics-prod: one point written to Cloud Monitoring",
    ]
    assert descriptors.startswith("warning  projects/metrics-prod: 14 of 15 metric descriptors do")
    assert err.splitlines()[-1] == "8 checks: none failed, 1 warning."


def test_descriptors_that_are_all_there_are_ok(command: Command, serve: Serve, shop: World) -> None:
    """Descriptors as metrics.yaml defines them give no warning."""
    cloud, environ = serve({**shop, "largest_page": {"ListMetricDescriptors": 4}})
    for metric in metrics().values():
        describe(cloud.monitoring, metric.type, metric.value_type, metric.labels)
    code, out, err = command("check", environ=environ)
    assert code == 0
    assert out.endswith("ok       projects/metrics-prod: all 15 metric descriptors\n")
    assert err.splitlines()[-1] == "6 checks: none failed, no warnings."


def test_a_list_of_descriptors_without_an_end_is_a_warning(
    command: Command, serve: Serve, shop: World
) -> None:
    """After ten pages check stops reading, and doesn't call the other descriptors missing."""
    cloud, environ = serve(shop)
    again = ListMetricDescriptorsResponse.pb()(next_page_token="again")  # noqa: S106 - not a secret
    cloud.answer("ListMetricDescriptors", lambda _request: again)
    ended = command("check", environ=environ)
    assert ended.code == 0
    assert cloud.calls["ListMetricDescriptors"] == 10
    (warning,) = lines(ended, "warning")
    assert warning.startswith(
        "warning  projects/metrics-prod: the metric descriptors were not compared: their list goes "
        "on after 10 pages"
    )


def describe(address: str, kind: str, value_type: str, labels: tuple[str, ...]) -> None:
    """Make a descriptor, as Terraform would."""
    with grpc.insecure_channel(address) as channel:
        client = MetricServiceClient(transport=MetricServiceGrpcTransport(channel=channel))
        client.create_metric_descriptor(
            name="projects/metrics-prod",
            metric_descriptor=MetricDescriptor(
                type=kind,
                metric_kind="GAUGE",
                value_type=value_type,
                labels=[LabelDescriptor(key=key) for key in labels],
            ),
        )


def test_a_descriptor_of_another_type_fails(command: Command, serve: Serve, shop: World) -> None:
    """A value type cannot be changed, so the error names the only way out."""
    cloud, environ = serve(shop)
    state = "custom.googleapis.com/datastream/stream/state"
    describe(cloud.monitoring, state, "DOUBLE", ("stream_id",))
    ended = command("check", environ=environ)
    assert ended.code == 1
    (failed,) = lines(ended, "failed")
    assert failed == (
        f"failed   {state}: the descriptor's value type is DOUBLE, not INT64, which "
        "cannot be changed: delete the descriptor with all of its series; the next run creates it"
    )


def test_a_descriptor_without_a_label_is_a_warning(
    command: Command, serve: Serve, shop: World
) -> None:
    """Labels can be added, and the next run does."""
    cloud, environ = serve(shop)
    state = "custom.googleapis.com/datastream/stream/state"
    describe(cloud.monitoring, state, "INT64", ())
    ended = command("check", environ=environ)
    assert ended.code == 0
    assert (
        f"warning  {state}: the descriptor lacks the label stream_id; the next run adds it"
    ) in lines(ended, "warning")


def test_check_can_be_run_twice_at_once(command: Command, serve: Serve, shop: World) -> None:
    """A point that comes too soon after another check's was permitted all the same."""
    _, environ = serve(shop)
    assert command("check", environ=environ).code == 0
    assert command("check", environ=environ).code == 0


@pytest.mark.parametrize(
    ("change", "subject", "message"),
    [
        (
            {"denied": ["datastream.streams.list"]},
            "projects/shop-prod/locations/europe-west1",
            "datastream.streams.list",
        ),
        ({"denied": ["datastream.locations.list"]}, "projects/shop-prod", "datastream.locations."),
        (
            {"api": "disabled"},
            "projects/shop-prod",
            "gcloud services enable datastream.googleapis.com --project shop-prod",
        ),
        (
            {"denied": ["datastream.objects.list"]},
            "3 streams of projects/shop-prod",
            "were read without their objects",
        ),
        (
            {"denied": ["datastream.privateConnections.list"]},
            "2 locations of projects/shop-prod",
            "were read without their private connections",
        ),
    ],
)
def test_what_cannot_be_read_fails(
    command: Command, serve: Serve, shop: World, change: dict[str, Any], subject: str, message: str
) -> None:
    """Each thing that cannot be read has a line that says how to fix it; exit 1."""
    shop["projects"][1] |= change
    _, environ = serve(shop)
    environ["DATASTREAM_EXPORTER_CONFIG"] = (
        "metrics: {project: metrics-prod}\n"
        "sources: [{project: shop-prod}]\n"
        "collect: {objects: true, private_connections: true}\n"
    )
    ended = command("check", environ=environ)
    assert ended.code == 1
    failed = lines(ended, "failed")[0]
    assert failed.startswith(f"failed   {subject}: ")
    assert message in failed


@pytest.mark.parametrize(
    ("permission", "failures"),
    [("monitoring.timeSeries.create", 1), ("monitoring.metricDescriptors.list", 1)],
)
def test_what_cannot_be_written_fails(
    command: Command, serve: Serve, shop: World, permission: str, failures: int
) -> None:
    """The metrics project's permissions are tried, one by one."""
    shop["projects"][0]["denied"] = [permission]
    _, environ = serve(shop)
    ended = command("check", environ=environ)
    assert ended.code == 1
    failed = lines(ended, "failed")
    assert len(failed) == failures
    assert failed[0].startswith("failed   projects/metrics-prod: permission denied: ")
    assert permission in failed[0]
    assert "roles/monitoring.metricWriter" in failed[0]


def test_nobody_to_call_as_is_a_finding(command: Command) -> None:
    """Without credentials, config is still reported valid, with what to do about them; exit 1."""
    text = "metrics: {project: metrics-prod}\nsources: [{project: shop-prod}]\n"
    ended = command("check", environ={"DATASTREAM_EXPORTER_CONFIG": text})
    assert ended.code == 1
    config, credentials = ended.out.splitlines()
    assert config == "ok       config: DATASTREAM_EXPORTER_CONFIG is valid"
    assert credentials.startswith("failed   credentials: no valid credentials: ")
    assert "gcloud auth application-default login" in credentials
    assert ended.err.splitlines()[-1] == "2 checks: 1 failed, no warnings."


def test_all_mistakes_in_config_are_reported(command: Command) -> None:
    """A config that is not valid is exit 2, with every mistake in it; nothing else is tried."""
    text = "metrics: {project: Shop}\nsources: []\nrun: {deadlin: 5s}\n"
    code, out, err = command("check", environ={"DATASTREAM_EXPORTER_CONFIG": text})
    assert (code, out) == (2, "")
    assert [line.partition(":")[0] for line in err.splitlines()] == ["error"] * 3
