"""``run``: what it prints, writes and says, and its exit code."""

import json
import re
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from exporter.command.table import print_table
from exporter.process import INCOMPLETE, OK
from tests.conftest import Terminal
from tests.exporter.command.conftest import (
    CARTS,
    CARTS_PAUSED,
    CARTS_PENDING,
    DISCOVERING,
    EUROPE,
    Shop,
)


def test_a_run_prints_the_fleet_and_what_was_written(shop: Shop) -> None:
    """The location that needs a look is first on stdout; stderr says why; exit 0."""
    shop.europe["streams"].reverse()
    code, out, err = shop.command("run")
    assert code == OK
    assert (
        out
        == """\
STREAM    STATE    EXPECTED  PROBLEM         REASON
shop-prod, europe-west1
  carts   PAUSED   no        pages in 2 min
  orders  RUNNING  yes
shop-prod, us-east1
  stock   RUNNING  yes
"""
    )
    emulators, paused, summary = err.splitlines()
    assert (
        emulators
        == "warning: Emulators take Google's place, without credentials or encryption: "
        f"DATASTREAM_EMULATOR_HOST is {shop.cloud.datastream} and "
        f"MONITORING_EMULATOR_HOST is {shop.cloud.monitoring}."
    )
    assert paused == f"warning: {CARTS_PENDING}"
    assert summary.startswith(
        "3 streams watched in 2 locations (1 not as expected); 28 points written; 10 "
    )


def test_streams_that_failed_together_are_shown_with_their_reason(shop: Shop) -> None:
    """The table says why, and the JSON document with whom as well."""
    error = {"reason": "SLOT_LOST", "message": "Slot 7."}
    failed = {"count": 5, "state": "FAILED_PERMANENTLY", "errors": [error]}
    shop.europe["streams"] = [{"id": "db-{}", **failed}]
    _, _, first, *_ = shop.command("run", "--dry-run").out.splitlines()
    names = "db-1, db-2, db-3, db-4, db-5"
    assert first.endswith("  no        new      SLOT_LOST")
    document = json.loads(shop.command("run", "--dry-run", "--json").out)
    shown = {"told": True, "streams": names, "reason": "SLOT_LOST"}
    for stream in document["streams"][:5]:
        assert stream == stream | shown


def test_a_table_is_no_wider_than_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """What doesn't fit is cut, the last column first, so that no line wraps."""
    monkeypatch.setenv("COLUMNS", "20")
    out = Terminal()
    rows = [("shop-prod",), ("  orders", "DISK_FULL_ON_SOURCE")]
    print_table(("STREAM", "REASON"), rows, out)
    assert out.getvalue() == "STREAM    REASON\nshop-prod\n  orders  DISK_FULL…\n"


def test_a_dry_run_shows_the_same_and_writes_nothing(shop: Shop) -> None:
    """Each location is read and collected from once, and problems are read back."""
    shop.config += "collect: {objects: true}\n"
    code, out, err = shop.command("run", "--dry-run")
    assert code == OK
    assert shop.cloud.calls == Counter(
        ListStreams=2, ListStreamObjects=3, ListTimeSeries=3
    )
    assert "  carts   PAUSED " in out
    assert (
        f"warning: {CARTS_PENDING}\n"
        "3 streams watched in 2 locations (1 not as expected); " in err
    )


def test_a_dry_run_needs_no_earlier_problems(shop: Shop) -> None:
    """Where they can't be read back, the log says so, and nothing is lost; exit 0."""
    shop.metrics_project["denied"] = ["monitoring.timeSeries.list"]
    code, _, err = shop.command("run", "--dry-run")
    assert code == OK
    assert "Problems of earlier runs can't be read back" in err


def test_the_fleet_is_one_json_document_for_scripts(shop: Shop) -> None:
    """With --json, stdout says what the table says, and what could not be read."""
    shop.faults = [{"method": "ListStreams", "location": "us-east1", "code": "ABORTED"}]
    shop.config += "run: {deadline: 2s}\n"
    before = datetime.now(UTC).replace(microsecond=0)
    ended = shop.command("run", "--dry-run", "--json")
    document = json.loads(ended.out)
    _, carts = document["streams"]
    since = datetime.fromisoformat(carts.pop("since"))
    assert before <= since <= datetime.now(UTC)
    assert datetime.fromisoformat(carts.pop("until")) - since == timedelta(minutes=2)
    assert carts == {
        "name": CARTS,
        "state": "PAUSED",
        "expected": False,
        "errors": 0,
        "problem": CARTS_PAUSED.removeprefix(f"{CARTS} ").removesuffix("."),
        "kind": "unexpected",
        "told": False,
        "streams": "",
        "reason": "PAUSED",
        "owner": "",
    }
    (reason,) = document["unread"].values()
    assert reason.startswith("unavailable: ")
    assert document["run"]["unreadable"] == 1
    assert CARTS_PAUSED in ended.err


def test_what_is_not_watched_is_counted_by_the_reason(shop: Shop) -> None:
    """The summary says how many streams are muted, excluded and not included."""
    shop.europe["streams"] += [{"id": "copy-1"}, {"id": "copy-2"}, {"id": "x"}]
    until = datetime.now(UTC) + timedelta(days=99)
    shop.config += f"""\
    include: ["?????*"]
    exclude: [copy-*]
mutes: [{{match: "*/stock", until: {until:%F}, timezone: UTC}}]
"""
    ended = shop.command("run")
    assert len(ended.out.splitlines()) == 4
    counts = "2 streams watched in 2 locations (1 not as expected), 1 muted, 2 excluded"
    assert f"\n{counts}, 1 not included; 27 points written; " in ended.err


def test_verbose_has_an_entry_for_each_call(shop: Shop) -> None:
    """Each call has its method and place, a write its points, its status and time."""
    shop.faults = [{"method": "ListStreams", "code": "UNAVAILABLE", "times": 1}]
    log = shop.job("run", DATASTREAM_EXPORTER_VERBOSE="1").log
    entries = [entry for entry in log if entry["severity"] == "DEBUG"]
    assert len(entries) == log[-1]["calls"]
    for entry in entries:
        said = f"{entry['call']}: {entry['status']} in {entry['seconds']:.3f} s"
        assert entry["message"] == said
    assert {entry["status"] for entry in entries} == {"OK", "ServiceUnavailable"}
    assert {entry["call"] for entry in entries} == {
        f"ListStreams {EUROPE}",
        "ListStreams projects/shop-prod/locations/us-east1",
        "ListTimeSeries projects/metrics-prod",
        *(
            f"CreateTimeSeries projects/metrics-prod, {count}"
            for count in ("1 point", "6 points", "7 points", "13 points")
        ),
    }
    err = shop.command("run", "--dry-run", "--verbose").err
    assert f"debug: ListStreams {EUROPE}: OK in " in err


def test_an_empty_project_is_said_and_is_no_failure(shop: Shop) -> None:
    """Of a project without streams, the summary says so; exit 0."""
    shop.config = DISCOVERING
    shop.project["locations"] = [{"id": "europe-west1"}, {"id": "us-east1"}]
    code, out, err = shop.command("run")
    assert code == OK
    assert out == "STREAM  STATE  EXPECTED  PROBLEM  REASON\n"
    assert "No streams watched in 2 locations; " in err


def test_an_unreadable_location_is_an_observation(shop: Shop) -> None:
    """The log has the reason and what to do; all else is written; exit 0."""
    shop.faults = [{"method": "ListStreams", "location": "us-*", "code": "NOT_FOUND"}]
    code, out, err = shop.command("run")
    assert code == OK
    assert "\nshop-prod, us-east1: unknown, as it could not be read\n" in out
    text = "could not be read, so the streams there are unknown: not found: "
    assert f"warning: projects/shop-prod/locations/us-east1 {text}" in err
    assert "Check the project and the location" in err
    assert err.splitlines()[-1].startswith(
        "2 streams watched in 1 location (1 not as expected), 1 location unreadable; 21"
        " points written; "
    )


def test_lost_points_are_counted_explained_and_exit_1(shop: Shop) -> None:
    """The log counts lost points once, however many requests are refused."""
    shop.metrics_project["denied"] = ["monitoring.timeSeries.create"]
    shop.europe["streams"] = [{"id": "orders-{:03}", "count": 200}]
    code, _, err = shop.command("run")
    assert code == INCOMPLETE
    _, lost, summary = err.splitlines()
    assert lost.startswith("error: 816 points lost, among location/up of datastream in")
    assert " more: permission denied: " in lost
    assert (
        "Grant roles/monitoring.metricWriter: gcloud projects add-iam-policy-binding "
        in lost
    )
    assert summary.startswith(
        "error: 201 streams watched in 2 locations; no points written, 816 lost; "
    )


def test_two_runs_at_once_are_said_to_be_two(shop: Shop) -> None:
    """Points that another exporter wrote first are counted and explained; exit 1."""
    shop.command("run")
    code, _, err = shop.command("run")
    assert code == INCOMPLETE
    (logged,) = [line for line in err.splitlines() if "points superseded, " in line]
    assert logged.startswith(
        "warning: 26 points superseded, among location/up of datastream in"
    )
    assert logged.endswith(
        "Is there a second exporter, or was this machine's clock set back?"
    )
    assert "; no points written, 26 superseded; " in err.splitlines()[-1]


def test_a_required_stream_that_is_missing_comes_first(shop: Shop) -> None:
    """Its location is the first one, and it is before failed and paused streams."""
    shop.config += f"required: [{EUROPE}/streams/refunds]\n"
    shop.europe["streams"].append({"id": "zips", "state": "FAILED"})
    code, out, err = shop.command("run")
    assert code == OK
    named = re.findall("^  ([a-z]+)", out, re.MULTILINE)
    assert named == ["refunds", "zips", "carts", "orders", "stock"]
    words = "is required but does not exist: create it, or remove it from `required`"
    missing = f"warning: {EUROPE}/streams/refunds {words}."
    assert err.index("zips failed") < err.index(missing) < err.index(CARTS_PAUSED)
    assert "(1 failed, 1 not as expected, 1 required and missing); " in err
