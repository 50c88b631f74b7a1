"""``run --dry-run``: everything but the writing."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from freezegun import freeze_time

from exporter.cli import dry_run

if TYPE_CHECKING:
    from tests.exporter.cli.conftest import Command, Serve, World

ROOT = Path(__file__).parents[3]


def test_nothing_is_written(command: Command, serve: Serve, shop: World) -> None:
    """Locations are read once each, and Cloud Monitoring is not called at all."""
    cloud, environ = serve(shop)
    code, out, err = command("run", "--dry-run", environ=environ)
    assert code == 0
    assert cloud.calls == Counter(ListStreams=2)
    assert "orders  shop-prod  europe-west1  RUNNING  yes            0" in out
    assert "\nA run would write to metrics-prod\n  24 points of custom." in out
    assert "    stream/    state 3, expected 3, last_seen 3, errors 3\n" in out
    assert err.count("\n") == 1
    assert "DATASTREAM_EMULATOR_HOST" in err


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        ("2026-01-31T21:59:50Z", 0),
        ("2026-01-31T22:00:00Z", 1),
        ("2026-01-31T23:59:50Z", 1),
        ("2026-02-01T00:00:00Z", 0),
    ],
)
def test_a_window_opens_and_closes_by_the_wall_clock(
    command: Command, serve: Serve, shop: World, time: str, expected: int
) -> None:
    """A pause is expected from Saturday 22:00 for two hours; the run carries its own time."""
    shop["projects"][1]["locations"][1]["streams"][0]["state"] = "PAUSED"
    _, environ = serve(shop)
    environ["DATASTREAM_EXPORTER_CONFIG"] += (
        "expectations:\n"
        "- match: projects/shop-prod/*\n"
        "  states: [PAUSED]\n"
        "  during: {schedule: 0 22 * * 6, duration: 2h}\n"
    )
    # gRPC keeps the real clock: its deadlines are times of day, for a core that is not frozen.
    with freeze_time(time, tick=True, ignore=["grpc"]):
        _, out, _ = command("run", "--dry-run", "--json", environ=environ)
    run, samples = (json.loads(out)[key] for key in ("run", "samples"))
    assert run["time"][:18] == time[:18]
    (value,) = (
        one["value"]
        for one in samples
        if one["metric"].endswith("/stream/expected") and one["location"] == "us-east1"
    )
    assert value == expected


def test_a_run_then_writes_what_the_dry_run_showed(
    command: Command, serve: Serve, shop: World
) -> None:
    """The samples of a dry run are the series and values of the run that follows."""
    cloud, environ = serve(shop)
    _, out, _ = command("run", "--dry-run", "--json", environ=environ)
    assert command("run", environ=environ).code == 0
    shown = {
        (one["metric"], one["namespace"], one["node_id"], *one["labels"].values()): one["value"]
        for one in json.loads(out)["samples"]
    }
    written = {
        (
            point.metric_type,
            point.resource_labels["namespace"],
            point.resource_labels["node_id"],
            *point.metric_labels.values(),
        ): point.value
        for point in cloud.points()
    }
    assert shown.keys() == written.keys()
    times = ("last_seen", "last_read", "last_run", "run_seconds")
    for series, value in shown.items():
        assert series[0].endswith(times) or written[series] == value


def test_json_is_alone_on_stdout_and_as_the_schema_says(
    command: Command, serve: Serve, shop: World
) -> None:
    """One document for a program to read; messages are on stderr."""
    _, environ = serve({**shop, "faults": [{"location": "us-east1", "code": "NOT_FOUND"}]})
    code, out, err = command("run", "--dry-run", "--json", environ=environ)
    assert code == 0
    document = json.loads(out)
    jsonschema.validate(document, dry_run.schema())
    assert document["run"]["project"] == "metrics-prod"
    assert (document["run"]["streams"], document["run"]["unreadable"]) == (2, 1)
    assert [one["location"] for one in document["locations"]] == ["europe-west1", "us-east1"]
    assert document["locations"][1]["failure"]["kind"] == "not found"
    assert isinstance(document["samples"][0]["value"], int)
    assert "projects/shop-prod/locations/us-east1 was not read" in err
    assert "; a run would write 17 points to project metrics-prod." in err


def test_the_schema_in_the_docs_is_up_to_date() -> None:
    """docs/dry-run.schema.json is what the code says; `make docs` writes it."""
    assert json.loads((ROOT / "docs/dry-run.schema.json").read_text()) == dry_run.schema()


def test_every_key_of_the_document_is_in_the_schema(
    command: Command, serve: Serve, shop: World
) -> None:
    """The schema describes each key, so that no program has to guess."""
    _, environ = serve(shop)
    document = json.loads(command("run", "--dry-run", "--json", environ=environ).out)
    described = dry_run.schema()["$defs"]
    assert document["run"].keys() == described["Run"]["properties"].keys()
    assert document["samples"][0].keys() == described["Sample"]["properties"].keys()
    for part in described.values():
        assert all("description" in key for key in part["properties"].values())


def test_json_without_dry_run_is_a_mistake(command: Command, serve: Serve, shop: World) -> None:
    """A run that writes prints no JSON, so --json alone is a usage error, and nothing runs."""
    cloud, environ = serve(shop)
    code, out, err = command("run", "--json", environ=environ)
    assert (code, out) == (2, "")
    assert err.endswith("--json goes with --dry-run only: a run that writes prints no JSON\n")
    assert not cloud.calls


@pytest.mark.parametrize(("fault", "code"), [({"location": "us-east1"}, 0), ({}, 1)])
def test_the_exit_code_tells_whether_anything_could_be_read(
    command: Command, serve: Serve, shop: World, fault: dict[str, Any], code: int
) -> None:
    """One location that cannot be read is an observation; all of them are a failure."""
    _, environ = serve({**shop, "faults": [{"code": "NOT_FOUND", **fault}]})
    assert command("run", "--dry-run", environ=environ).code == code


def test_only_objects_are_collected_where_only_they_are_wanted(
    command: Command, serve: Serve, shop: World
) -> None:
    """--collect objects writes objects and the exporter's own series, under a node of its own."""
    cloud, environ = serve(shop)
    code, _, err = command("run", "--collect", "objects", environ=environ)
    assert code == 0
    assert cloud.calls == Counter(ListStreams=2, ListStreamObjects=3, CreateTimeSeries=2)
    metrics = {point.metric_type.partition("datastream/")[2] for point in cloud.points()}
    assert metrics == {
        "stream/objects",
        "stream/object_errors",
        "exporter/streams",
        "exporter/run_seconds",
        "exporter/points_lost",
    }
    own = [point for point in cloud.points() if "/exporter/" in point.metric_type]
    assert {point.resource_labels["node_id"] for point in own} == {"objects-0"}
    assert err.splitlines()[-1].startswith("Objects of 3 streams in 2 locations")


def test_objects_that_cannot_be_listed_are_one_line(
    command: Command, serve: Serve, shop: World
) -> None:
    """A permission that is missing for every stream is one error, and exit 1."""
    shop["projects"][1]["denied"] = ["datastream.objects.list"]
    _, environ = serve(shop)
    code, _, err = command("run", "--collect", "objects", environ=environ)
    assert code == 1
    errors = [line for line in err.splitlines() if "permission denied" in line]
    assert len(errors) == 1
    assert errors[0].startswith(
        "error: 3 streams of projects/shop-prod were read without their objects, whose series are "
        "left out (europe-west1/carts, europe-west1/orders, us-east1/stock). The first: permission"
    )
