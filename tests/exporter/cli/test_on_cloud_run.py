"""On Cloud Run stdout is the log: one JSON object a line, and nothing else anywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from exporter.cli import commands

if TYPE_CHECKING:
    from tests.exporter.cli.conftest import Command, Serve, World


def test_a_run_logs_json_lines_alone(
    command: Command, serve: Serve, shop: World, on_cloud_run: dict[str, str]
) -> None:
    """Each line has severity, message and the labels of the task's execution."""
    _, environ = serve(shop)
    ended = command("run", environ={**environ, **on_cloud_run})
    assert (ended.code, ended.err) == (0, "")
    assert [line["severity"] for line in ended.log] == ["WARNING", "WARNING", "INFO"]
    assert ended.log[1]["event"] == "stream_bad"
    for line in ended.log:
        assert line["logging.googleapis.com/labels"] == {
            "execution": "exporter-x7k2p",
            "task_index": "0",
            "attempt": "0",
        }
    summary = ended.log[-1]
    assert summary["message"].startswith("3 streams in 2 locations (1 not as expected); 24 points")
    numbers = ("streams", "unreadable", "written", "lost", "calls")
    assert [summary[number] for number in numbers] == [3, 0, 24, 0, 6]
    assert summary["seconds"] > 0


def test_the_region_is_in_the_exporters_own_series(
    command: Command, serve: Serve, shop: World, on_cloud_run: dict[str, str]
) -> None:
    """The metadata server says where the job runs."""
    cloud, environ = serve(shop)
    command("run", environ={**environ, **on_cloud_run})
    (last_run,) = cloud.points("custom.googleapis.com/datastream/exporter/last_run")
    assert last_run.resource_labels["location"] == "europe-west1"


def test_a_line_about_a_location_is_found_by_it(
    command: Command, serve: Serve, shop: World, on_cloud_run: dict[str, str]
) -> None:
    """What could not be read says which project and location, and why, in fields of its own."""
    shop["faults"] = [{"location": "us-east1", "code": "NOT_FOUND"}]
    _, environ = serve(shop)
    ended = command("run", environ={**environ, **on_cloud_run})
    (line,) = [line for line in ended.log if "reason" in line]
    assert line["severity"] == "WARNING"
    assert (line["project"], line["location"]) == ("shop-prod", "us-east1")
    assert line["reason"] == "not found"


def test_a_line_about_several_locations_is_found_by_each(
    command: Command, serve: Serve, shop: World, on_cloud_run: dict[str, str]
) -> None:
    """One cause is one line; it lists the locations in a field."""
    shop["projects"][1]["denied"] = ["datastream.streams.list"]
    _, environ = serve(shop)
    ended = command("run", environ={**environ, **on_cloud_run})
    assert ended.code == 1
    (line,) = [line for line in ended.log if "reason" in line]
    assert (line["project"], line["locations"]) == ("shop-prod", ["europe-west1", "us-east1"])
    assert ended.log[-1]["severity"] == "ERROR"
    assert ended.log[-1]["message"].startswith("Nothing could be read: 2 locations unreadable; ")


def test_a_line_about_a_series_is_found_by_its_labels(
    command: Command, serve: Serve, shop: World, on_cloud_run: dict[str, str]
) -> None:
    """Lost points name the series, in words and in fields."""
    shop["faults"] = [{"method": "CreateTimeSeries", "code": "INVALID_ARGUMENT", "times": 1}]
    _, environ = serve(shop)
    ended = command("run", environ={**environ, **on_cloud_run})
    assert ended.code == 1
    (line,) = [line for line in ended.log if "metric" in line]
    assert line["metric"] == "custom.googleapis.com/datastream/location/up"
    assert (line["project"], line["location"]) == ("shop-prod", "europe-west1")
    assert line["node_id"] == "datastream"
    assert (
        "points lost, among location/up of datastream in shop-prod/europe-west1"
        in (line["message"])
    )


def test_a_stream_with_an_ignored_label_is_named(
    command: Command, serve: Serve, shop: World, on_cloud_run: dict[str, str]
) -> None:
    """A label that says nothing is a warning with the stream in its fields."""
    shop["projects"][1]["locations"][0]["streams"][0]["labels"] = {"expected-state": "pausd"}
    _, environ = serve(shop)
    ended = command("run", environ={**environ, **on_cloud_run})
    (line,) = [line for line in ended.log if "pausd" in line["message"]]
    assert (line["location"], line["stream_id"]) == ("europe-west1", "orders")


def test_a_dry_run_prints_no_data(
    command: Command, serve: Serve, shop: World, on_cloud_run: dict[str, str]
) -> None:
    """A document among the log lines would be torn into lines: the log alone is kept."""
    _, environ = serve(shop)
    ended = command("run", "--dry-run", "--json", environ={**environ, **on_cloud_run})
    assert (ended.code, ended.err) == (0, "")
    assert "; a run would write 24 points to project metrics-prod." in ended.log[-1]["message"]


def test_what_nobody_foresaw_is_one_json_line(
    command: Command, on_cloud_run: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stack trace is in the message of an ERROR, so that Error Reporting finds it."""

    def fail(_: object) -> int:
        raise KeyError("what nobody\nforesaw")

    monkeypatch.setitem(commands.COMMANDS, "run", fail)
    ended = command("run", environ=on_cloud_run)
    assert (ended.code, ended.err) == (1, "")
    (line,) = ended.log
    assert line["severity"] == "ERROR"
    assert line["message"].startswith("The exporter failed unexpectedly:\n")
    assert "Traceback (most recent call last):" in line["message"]
    assert "what nobody" in line["message"]


def test_mistakes_in_config_are_one_line_each(
    command: Command, on_cloud_run: dict[str, str]
) -> None:
    """Each mistake can be read and counted by itself."""
    text = {"DATASTREAM_EXPORTER_CONFIG": "metrics: {project: Shop}\nsources: []\n"}
    ended = command("run", environ={**on_cloud_run, **text})
    assert (ended.code, ended.err) == (2, "")
    assert [line["severity"] for line in ended.log] == ["ERROR", "ERROR"]
    assert ended.log[0]["message"].startswith(
        'DATASTREAM_EXPORTER_CONFIG:1: metrics.project: "Shop" is not a project id'
    )


def test_without_a_region_all_but_the_exporters_own_series_are_written(
    command: Command, serve: Serve, shop: World
) -> None:
    """They would get another name; states are written all the same, and one sentence says so."""
    cloud, environ = serve(shop)
    here = {"CLOUD_RUN_JOB": "exporter", "GCE_METADATA_HOST": "127.0.0.1:1"}
    ended = command("run", environ={**environ, **here})
    assert ended.code == 1
    (line,) = [line for line in ended.log if "metadata server" in line["message"]]
    assert line["severity"] == "ERROR"
    assert "Set run.location in config.yaml" in line["message"]
    assert ended.log[-1]["written"] == len(cloud.points()) == 20
    assert not any("/exporter/" in point.metric_type for point in cloud.points())


def test_a_location_in_config_needs_no_metadata_server(
    command: Command, serve: Serve, shop: World
) -> None:
    """``run.location``, here from the environment, names the exporter's own series."""
    cloud, environ = serve(shop)
    here = {
        "CLOUD_RUN_JOB": "exporter",
        "GCE_METADATA_HOST": "127.0.0.1:1",
        "DATASTREAM_EXPORTER_RUN__LOCATION": "us-east4",
    }
    assert command("run", environ={**environ, **here}).code == 0
    (last_run,) = cloud.points("custom.googleapis.com/datastream/exporter/last_run")
    assert last_run.resource_labels["location"] == "us-east4"


@pytest.mark.parametrize(("index", "count"), [("2", "2"), ("-1", "2"), ("0", "0"), ("one", "2")])
def test_a_task_that_cannot_be_is_refused(
    command: Command,
    serve: Serve,
    on_cloud_run: dict[str, str],
    index: str,
    count: str,
) -> None:
    """A task that is not one of the job's would leave its part of the locations unread."""
    cloud, environ = serve({"projects": []})
    task = {"CLOUD_RUN_TASK_INDEX": index, "CLOUD_RUN_TASK_COUNT": count}
    ended = command("run", environ={**environ, **on_cloud_run, **task})
    assert ended.code == 2
    assert (
        f"CLOUD_RUN_TASK_INDEX={index} and CLOUD_RUN_TASK_COUNT={count} name no task"
        in (ended.log[-1]["message"])
    )
    assert not cloud.calls


def test_the_tasks_of_a_job_share_the_locations(
    command: Command, serve: Serve, shop: World, on_cloud_run: dict[str, str]
) -> None:
    """Every location is read by one task, and each task reports itself under its own number."""
    cloud, environ = serve(shop)
    for index in ("0", "1", "2"):
        task = {"CLOUD_RUN_TASK_INDEX": index, "CLOUD_RUN_TASK_COUNT": "3"}
        assert command("run", environ={**environ, **on_cloud_run, **task}).code == 0
    assert cloud.calls["ListStreams"] == 2
    seen = cloud.points("custom.googleapis.com/datastream/stream/state")
    assert len(seen) == 3
    runs = cloud.points("custom.googleapis.com/datastream/exporter/last_run")
    assert [run.resource_labels["node_id"] for run in runs] == ["0", "1", "2"]


def test_check_logs_its_findings(
    command: Command, serve: Serve, shop: World, on_cloud_run: dict[str, str]
) -> None:
    """What check finds is as loud in the log as it is bad, and names the location."""
    shop["faults"] = [{"location": "us-east1", "code": "NOT_FOUND"}]
    _, environ = serve(shop)
    ended = command("check", environ={**environ, **on_cloud_run})
    assert ended.code == 1
    (failed,) = [line for line in ended.log if line["severity"] == "ERROR"]
    assert failed["message"].startswith("failed   projects/shop-prod/locations/us-east1: not found")
    assert (failed["project"], failed["location"]) == ("shop-prod", "us-east1")
