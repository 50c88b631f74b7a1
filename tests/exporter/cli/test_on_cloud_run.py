"""On Cloud Run stdout is the log: one JSON object a line, and nothing else anywhere."""

import subprocess
import sys

import pytest

from exporter import commands
from exporter.cli import INCOMPLETE, OK, USAGE
from tests.exporter.cli.conftest import (
    CARTS_PAUSED,
    JOB,
    PREFIX,
    Command,
    ServeShop,
    World,
    start,
)


@pytest.mark.parametrize("argv", [["run"], ["run", "--dry-run"]])
def test_a_run_logs_json_lines_alone(
    command: Command, served: ServeShop, shop: World, argv: list[str]
) -> None:
    """Each line has severity, message and the labels of the task's execution; no table."""
    _, environ = served(shop)
    ended = command(*argv, environ={**environ, **JOB})
    assert ended.code == OK
    assert [line["severity"] for line in ended.log] == ["WARNING", "WARNING", "INFO"]
    for line in ended.log:
        assert line["logging.googleapis.com/labels"] == {
            "execution": "exporter-x7k2p",
            "task_index": "0",
            "attempt": "0",
        }
    _, bad, last = ended.log
    assert bad["message"] == CARTS_PAUSED
    names = ("event", "project", "location", "stream_id", "state", "expected")
    assert [bad[name] for name in names] == [
        *("stream_bad", "shop-prod", "europe-west1", "carts", "PAUSED", False)
    ]
    if argv == ["run"]:
        assert last["message"].startswith("3 streams in 2 locations (1 not as expected); 26 points")
        numbers = ("streams", "unreadable", "written", "lost", "calls")
        assert [last[number] for number in numbers] == [3, 0, 26, 0, 9]
        assert (last["event"], last["node_id"]) == ("run", "0")
    else:
        assert "; a run would write 26 points to project metrics-prod." in last["message"]


def test_what_could_not_be_read_is_found_by_each_location(
    command: Command, served: ServeShop, shop: World
) -> None:
    """One cause is one line, which lists the locations in a field, and the reason in another."""
    shop["projects"][1]["denied"] = ["datastream.streams.list"]
    _, environ = served(shop)
    ended = command("run", environ={**environ, **JOB})
    assert ended.code == OK
    (line,) = [line for line in ended.log if "reason" in line]
    assert (line["severity"], line["event"]) == ("WARNING", "location_unreadable")
    assert (line["project"], line["locations"]) == ("shop-prod", ["europe-west1", "us-east1"])
    assert line["reason"] == "permission denied"
    assert ended.log[-1]["unreadable"] == 2


def test_lost_points_are_found_by_their_series(
    command: Command, served: ServeShop, shop: World
) -> None:
    """The line names the series in words and in fields; the summary is an error."""
    shop["faults"] = [{"method": "CreateTimeSeries", "code": "INVALID_ARGUMENT", "times": 1}]
    _, environ = served(shop)
    ended = command("run", environ={**environ, **JOB})
    assert ended.code == INCOMPLETE
    (line,) = [line for line in ended.log if "metric" in line]
    assert (line["metric"], line["node_id"]) == (PREFIX + "location/up", "datastream")
    assert "points lost, among location/up of datastream in shop-prod/" in line["message"]
    assert ended.log[-1]["severity"] == "ERROR"
    assert ended.log[-1]["lost"] == 4


def test_what_nobody_foresaw_is_one_json_line(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stack trace is in the message of an ERROR, so that Error Reporting finds it; exit 1."""

    def fail(_: object) -> int:
        raise KeyError("what nobody\nforesaw")

    monkeypatch.setitem(commands.COMMANDS, "run", fail)
    ended = command("run", environ=JOB)
    assert ended.code == INCOMPLETE
    (line,) = ended.log
    assert line["severity"] == "ERROR"
    assert line["message"].startswith("The program failed unexpectedly:\nTraceback (most recent")
    assert "what nobody" in line["message"]


def test_mistakes_in_config_are_one_line_each(command: Command) -> None:
    """Each mistake can be read and counted by itself."""
    text = {"DATASTREAM_EXPORTER_CONFIG": "metrics: {project: Shop}\nsources: []\n"}
    ended = command("run", environ={**JOB, **text})
    assert ended.code == USAGE
    assert [line["severity"] for line in ended.log] == ["ERROR", "ERROR"]
    assert ended.log[0]["message"].startswith(
        'DATASTREAM_EXPORTER_CONFIG:1: metrics.project: "Shop" is not a project id'
    )


@pytest.mark.parametrize("location", [None, "us-east4"])
def test_the_exporters_own_series_have_the_location_of_config(
    command: Command, served: ServeShop, shop: World, location: str | None
) -> None:
    """``run.location``, here from the environment, which Terraform sets; else global."""
    cloud, environ = served(shop)
    environ |= {"DATASTREAM_EXPORTER_RUN__LOCATION": location or ""}
    assert command("run", environ={**environ, **JOB}).code == OK
    (last_run,) = cloud.points(PREFIX + "exporter/last_run")
    assert last_run.resource_labels["location"] == (location or "global")


@pytest.mark.parametrize(("index", "count"), [("2", "2"), ("-1", "2"), ("0", "0"), ("one", "2")])
def test_a_task_that_cannot_be_is_refused(
    command: Command, served: ServeShop, shop: World, index: str, count: str
) -> None:
    """A task that is not one of the job's would leave its part of the locations unread."""
    cloud, environ = served(shop)
    task = {"CLOUD_RUN_TASK_INDEX": index, "CLOUD_RUN_TASK_COUNT": count}
    ended = command("run", environ={**environ, **JOB, **task})
    assert ended.code == USAGE
    words = f"CLOUD_RUN_TASK_INDEX={index} and CLOUD_RUN_TASK_COUNT={count} name no task"
    assert words in ended.log[-1]["message"]
    assert not cloud.calls


def test_the_tasks_of_a_job_share_the_locations(
    command: Command, served: ServeShop, shop: World
) -> None:
    """Each location is read by one task, each task reports itself, and one may have none: exit 0."""
    cloud, environ = served(shop)
    for index in "012":
        task = {"CLOUD_RUN_TASK_INDEX": index, "CLOUD_RUN_TASK_COUNT": "3"}
        assert command("run", environ={**environ, **JOB, **task}).code == OK
    assert cloud.calls["ListStreams"] == 2
    assert len(cloud.points(PREFIX + "stream/state")) == 3
    runs = cloud.points(PREFIX + "exporter/last_run")
    assert [run.resource_labels["node_id"] for run in runs] == ["0", "1", "2"]


BORDER = """
import os, sys
from exporter.cli import main
code = main(["run", "--dry-run"], os.environ, sys.stdout, sys.stderr)
assert not {"lab", "rich"} & {name.partition(".")[0] for name in sys.modules}
sys.exit(code)
"""


def test_the_job_imports_nothing_that_only_people_need(served: ServeShop, shop: World) -> None:
    """On Cloud Run neither the lab nor the tables are imported."""
    _, environ = served(shop)
    with start({**environ, **JOB}, sys.executable, "-c", BORDER, stdout=subprocess.DEVNULL) as one:
        assert one.communicate(timeout=60)[1] == ""
    assert one.returncode == OK
