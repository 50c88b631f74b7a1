"""``check``: one line for everything a run needs, and how to fix what does not work."""

from typing import Any

import pytest

from exporter.cli import INCOMPLETE, OK, USAGE
from tests.exporter.cli.conftest import (
    CONFIG,
    DISCOVERING,
    JOB,
    PREFIX,
    Command,
    Ended,
    ServeShop,
    World,
)

COLLECTING = DISCOVERING + "collect: {objects: true, private_connections: true}\n"


def lines(ended: Ended, grade: str) -> list[str]:
    """Return the findings of a grade, as they stand on stdout."""
    return [line for line in ended.out.splitlines() if line.startswith(f"{grade:<8} ")]


def test_everything_in_place_is_a_line_each(
    command: Command, served: ServeShop, shop: World
) -> None:
    """Every line says ok, nothing of a run is written, and the exit code is 0."""
    shop["projects"][1]["locations"].append({"id": "us-east4"})
    cloud, environ = served(shop)
    environ["DATASTREAM_EXPORTER_CONFIG"] = COLLECTING
    code, out, err = command("check", environ=environ)
    assert code == OK
    assert out.splitlines() == [
        "ok       config: DATASTREAM_EXPORTER_CONFIG is valid",
        "ok       credentials: none are needed, as emulators are used",
        "ok       projects/shop-prod: 3 locations discovered",
        "ok       projects/shop-prod/locations/europe-west1: 2 streams",
        "ok       projects/shop-prod/locations/us-east1: 1 stream",
        "ok       projects/shop-prod/locations/us-east4: no streams",
        "ok       projects/metrics-prod: one point written to Cloud Monitoring",
    ]
    assert err.splitlines()[-1] == "7 checks: none failed, no warnings."
    (point,) = cloud.points()
    assert point.metric_type == PREFIX + "exporter/points_lost"
    assert point.resource_labels["node_id"] == "check", "no series of a run"


def test_check_can_be_run_twice_at_once(command: Command, served: ServeShop, shop: World) -> None:
    """A point that comes too soon after another check's was permitted all the same."""
    _, environ = served(shop)
    assert command("check", environ=environ).code == OK
    assert command("check", environ=environ).code == OK


@pytest.mark.parametrize(
    ("change", "subject", "message"),
    [
        (
            {"denied": ["datastream.streams.list"]},
            "2 locations of projects/shop-prod (europe-west1, us-east1)",
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
            "3 streams of projects/shop-prod (europe-west1/orders, ",
            "could not be collected from, so some series are left out",
        ),
        (
            {"denied": ["datastream.privateConnections.list"]},
            "2 locations of projects/shop-prod (europe-west1, us-east1)",
            "could not be collected from, so some series are left out",
        ),
    ],
)
def test_what_cannot_be_read_fails(
    command: Command,
    served: ServeShop,
    shop: World,
    change: dict[str, Any],
    subject: str,
    message: str,
) -> None:
    """What cannot be discovered, read or collected has a line that says how to fix it; exit 1."""
    shop["projects"][1] |= change
    _, environ = served(shop)
    listed = CONFIG + "collect: {objects: true, private_connections: true}\n"
    denied = change.get("denied") == ["datastream.streams.list"]
    environ["DATASTREAM_EXPORTER_CONFIG"] = listed if denied else COLLECTING
    ended = command("check", environ=environ)
    assert ended.code == INCOMPLETE
    (failed,) = lines(ended, "failed")
    assert failed.startswith(f"failed   {subject}")
    assert message in failed


def test_what_cannot_be_written_fails(command: Command, served: ServeShop, shop: World) -> None:
    """The permission to write is tried, and its role is named."""
    shop["projects"][0]["denied"] = ["monitoring.timeSeries.create"]
    _, environ = served(shop)
    ended = command("check", environ=environ)
    assert ended.code == INCOMPLETE
    (failed,) = lines(ended, "failed")
    assert failed.startswith("failed   projects/metrics-prod: permission denied: ")
    assert "roles/monitoring.metricWriter" in failed
    assert ended.err.splitlines()[-1] == "5 checks: 1 failed, no warnings."


def test_what_may_be_right_is_a_warning(command: Command, served: ServeShop, shop: World) -> None:
    """A glob that matches no stream, and a required stream that isn't there, cost no exit code."""
    _, environ = served(shop)
    environ["DATASTREAM_EXPORTER_CONFIG"] += (
        "    include: [ordr*, carts]\n"
        "required: [projects/shop-prod/locations/us-east1/streams/carts]\n"
    )
    ended = command("check", environ=environ)
    assert ended.code == OK
    missing, unmatched = lines(ended, "warning")
    assert missing == (
        "warning  projects/shop-prod/locations/us-east1/streams/carts: is required but does not "
        "exist: create it, or remove it from `required`"
    )
    assert unmatched == 'warning  config: sources[0].include[0]: "ordr*" matches no stream'
    job = command("check", environ={**environ, **JOB})
    severities = [line["severity"] for line in job.log if "warning " in line["message"]]
    assert severities == ["WARNING", "WARNING"]


def test_nobody_to_call_as_is_a_finding(command: Command) -> None:
    """Without credentials, config is still reported valid, with what to do about them; exit 1."""
    ended = command("check", environ={"DATASTREAM_EXPORTER_CONFIG": DISCOVERING})
    assert ended.code == INCOMPLETE
    config, credentials = ended.out.splitlines()
    assert config == "ok       config: DATASTREAM_EXPORTER_CONFIG is valid"
    assert credentials.startswith("failed   credentials: no valid credentials: ")
    assert "gcloud auth application-default login" in credentials
    assert ended.err.splitlines()[-1] == "2 checks: 1 failed, no warnings."


def test_all_mistakes_in_config_are_reported(command: Command) -> None:
    """A config that is not valid is exit 2, with every mistake in it; nothing else is tried."""
    text = "metrics: {project: Shop}\nsources: []\nrun: {deadlin: 5s}\n"
    code, out, err = command("check", environ={"DATASTREAM_EXPORTER_CONFIG": text})
    assert (code, out) == (USAGE, "")
    assert [line.partition(":")[0] for line in err.splitlines()] == ["error"] * 3


def test_on_cloud_run_each_finding_is_as_loud_as_it_is_bad(
    command: Command, served: ServeShop, shop: World
) -> None:
    """The log has a line for each; a failure is an error."""
    shop["faults"] = [{"location": "us-east1", "code": "NOT_FOUND"}]
    _, environ = served(shop)
    ended = command("check", environ={**environ, **JOB})
    assert ended.code == INCOMPLETE
    (failed,) = [line for line in ended.log if line["severity"] == "ERROR"]
    assert failed["message"].startswith("failed   projects/shop-prod/locations/us-east1: ")
    assert "not found" in failed["message"]
