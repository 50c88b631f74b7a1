"""On Cloud Run stdout is the log: one JSON object a line, and nothing else anywhere."""

import pytest

from exporter.google import environment
from exporter.process import INCOMPLETE, OK
from tests.exporter.command.conftest import (
    CARTS_PAUSED,
    EUROPE,
    PREFIX,
    Shop,
)

TASK_INDEX, TASK_COUNT = "CLOUD_RUN_TASK_INDEX", "CLOUD_RUN_TASK_COUNT"


@pytest.mark.parametrize("argv", [["run"], ["run", "--dry-run"]])
def test_a_run_logs_json_lines_alone(shop: Shop, argv: list[str]) -> None:
    """Each line has severity, message and the execution's labels; there is no table."""
    shop.config += "    exclude: [stock]\n"
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
            "streams": 2,
            "unwatched": 1,
            "unreadable": 0,
            "written": 24,
            "lost": 0,
            "calls": 11,
        }
        assert last == last | numbers
        text = "2 streams watched in 2 locations (1 not as expected), 1 excluded; 24 "
        assert last["message"].startswith(text)


def test_a_variable_asks_for_an_entry_for_each_call(shop: Shop) -> None:
    """An entry of severity DEBUG has the call, its status and its seconds as fields."""
    log = shop.job("run", DATASTREAM_EXPORTER_VERBOSE="1").log
    entries = [entry for entry in log if entry["severity"] == "DEBUG"]
    assert len(entries) == log[-1]["calls"]
    (entry,) = [one for one in entries if one["call"] == f"ListStreams {EUROPE}"]
    assert entry["status"] == "OK"
    assert entry["seconds"] >= 0


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


@pytest.mark.parametrize("name", ["run", "watch"])
def test_what_nobody_foresaw_is_one_json_line(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """An ERROR has the traceback, for Error Reporting; exit 1. A person sees it too."""

    def fail(_environ: object) -> None:
        raise ValueError("what nobody\nforesaw")

    monkeypatch.setattr(environment, "task", fail)
    ended = shop.job(name)
    assert ended.code == INCOMPLETE
    line = ended.log[-1]
    assert line["severity"] == "ERROR"
    assert line["message"].startswith(
        "The program failed unexpectedly:\nTraceback (most recent"
    )
    assert "what nobody" in line["message"]
    with pytest.raises(ValueError, match="what nobody"):
        shop.command(name)


def test_the_tasks_of_a_job_share_the_locations(shop: Shop) -> None:
    """One task reads each location and knows no other; each task reports itself."""
    for index in "012":
        ended = shop.job("run", **{TASK_INDEX: index, TASK_COUNT: "3"})
        assert ended.code == OK
    assert shop.cloud.calls["ListStreams"] == 2
    assert len(shop.cloud.points(PREFIX + "stream/state")) == 3
    runs = shop.cloud.points(PREFIX + "exporter/last_run")
    assert [run.resource_labels["node_id"] for run in runs] == ["0", "1", "2"]
