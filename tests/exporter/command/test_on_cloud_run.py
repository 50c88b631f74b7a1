"""On Cloud Run stdout is the log: one JSON object a line, and nothing else anywhere."""

import subprocess
import sys

import pytest

from exporter.command import commands
from exporter.process import INCOMPLETE, OK, USAGE
from tests.exporter.command.conftest import (
    CARTS_PAUSED,
    CONFIG,
    JOB,
    PREFIX,
    Shop,
    command,
)

TASK_INDEX, TASK_COUNT = "CLOUD_RUN_TASK_INDEX", "CLOUD_RUN_TASK_COUNT"


@pytest.mark.parametrize("argv", [["run"], ["run", "--dry-run"]])
def test_a_run_logs_json_lines_alone(shop: Shop, argv: list[str]) -> None:
    """Each line has severity, message and the execution's labels; there is no table."""
    ended = shop.job(*argv)
    assert ended.code == OK
    assert [line["severity"] for line in ended.log] == ["WARNING", "WARNING", "INFO"]
    labels = {"execution": "exporter-x7k2p", "task_index": "0", "attempt": "0"}
    assert all(line["logging.googleapis.com/labels"] == labels for line in ended.log)
    _, bad, last = ended.log
    assert bad["message"] == CARTS_PAUSED
    stream = {
        "event": "stream_bad",
        "project": "shop-prod",
        "location": "europe-west1",
        "stream_id": "carts",
        "state": "PAUSED",
        "expected": False,
    }
    assert bad == bad | stream
    if "--dry-run" in argv:
        assert "; no points written; " in last["message"]
    else:
        numbers = {
            "event": "run",
            "node_id": "0",
            "streams": 3,
            "unreadable": 0,
            "written": 24,
            "lost": 0,
            "calls": 11,
        }
        assert last == last | numbers
        text = "3 streams in 2 locations (1 not as expected); 24 points"
        assert last["message"].startswith(text)


def test_what_could_not_be_read_is_found_by_each_location(shop: Shop) -> None:
    """One cause is one line; its fields have the locations and the reason."""
    shop.project["denied"] = ["datastream.streams.list"]
    ended = shop.job("run")
    assert ended.code == OK
    (line,) = [line for line in ended.log if "reason" in line]
    fields = {
        "severity": "WARNING",
        "event": "location_unreadable",
        "project": "shop-prod",
        "locations": ["europe-west1", "us-east1"],
        "reason": "permission denied",
    }
    assert line == line | fields
    assert ended.log[-1]["unreadable"] == 2


def test_what_nobody_foresaw_is_one_json_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """An ERROR has the stack trace, so that Error Reporting finds it; exit 1."""

    def fail(_: object) -> int:
        raise KeyError("what nobody\nforesaw")

    monkeypatch.setitem(commands.COMMANDS, "run", fail)
    ended = command("run", **JOB)
    assert ended.code == INCOMPLETE
    (line,) = ended.log
    assert line["severity"] == "ERROR"
    assert line["message"].startswith(
        "The program failed unexpectedly:\nTraceback (most recent"
    )
    assert "what nobody" in line["message"]


def test_mistakes_in_config_are_one_line_each() -> None:
    """Each has a line, those of overrides in the environment too."""
    text = {CONFIG: "metrics: {project: Shop}\nsources: []\n"}
    ended = command("run", **JOB, **text, DATASTREAM_EXPORTER_RUN__DEADLINE="5 minutes")
    assert ended.code == USAGE
    assert [line["severity"] for line in ended.log] == ["ERROR"] * 3
    project, sources, deadline = (line["message"] for line in ended.log)
    assert project.startswith(
        f'{CONFIG}:1: metrics.project: "Shop" is not a project id'
    )
    assert sources.startswith(f"{CONFIG}:2: sources: ")
    assert '_RUN__DEADLINE: "5 minutes" is not a duration' in deadline


def test_the_tasks_of_a_job_share_the_locations(shop: Shop) -> None:
    """One task reads each location and knows no other; each task reports itself."""
    for index in "012":
        ended = shop.job("run", **{TASK_INDEX: index, TASK_COUNT: "3"})
        assert ended.code == OK
    assert shop.cloud.calls["ListStreams"] == 2
    assert len(shop.cloud.points(PREFIX + "stream/state")) == 3
    runs = shop.cloud.points(PREFIX + "exporter/last_run")
    assert [run.resource_labels["node_id"] for run in runs] == ["0", "1", "2"]


BORDER = """
import os, sys
from exporter.command.cli import main
environ = os.environ | {"CLOUD_RUN_JOB": "x"}
code = main(["run", "--dry-run"], environ, sys.stdout, sys.stderr)
assert not {"lab", "rich"} & {name.partition(".")[0] for name in sys.modules}
sys.exit(code)
"""


def test_the_job_imports_nothing_that_only_people_need(shop: Shop) -> None:
    """On Cloud Run neither the lab nor the tables are imported."""
    with shop.start(sys.executable, "-c", BORDER, stdout=subprocess.DEVNULL) as process:
        assert process.communicate(timeout=60)[1] == ""
    assert process.returncode == OK
