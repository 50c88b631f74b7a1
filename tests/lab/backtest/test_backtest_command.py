"""``datastream-lab backtest``: arguments, output and exit codes."""

from __future__ import annotations

import json
import re
import shutil
import signal
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from lab.backtest.output import ACCURACY
from lab.cli.main import main
from lab.emulator.world import Fault
from tests.lab.backtest.fleet_history import END, POLICIES, START, WORLD, Lab, play, written
from tests.lab.conftest import Terminal
from tests.outputs import Printed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import SignalWhen
    from tests.lab.conftest import Command

AT = "projects/shop-prod/locations/europe-west1/streams"
DAY = ("--days", "1", "--until", written(END))
ASKED = ("--project", "ops-prod", *DAY)


@pytest.fixture
def own_lab() -> Iterator[Lab]:
    """Return a server with an empty history, for this test only."""
    with ExitStack() as running:
        yield play(WORLD, range(0), running)


def test_the_incidents_are_printed(backtest: Command, lab: Lab) -> None:
    """Gaps come first, then incidents, quiet policies, and a summary."""
    code, out, err = backtest(*ASKED, environ=lab.environ)
    assert code == 0
    known, silent, paged, quiet, not_evaluated = out.split("\n\n")
    assert known.startswith("The exporter's history starts at ")
    assert silent.startswith("The exporter wrote nothing in these periods, so alerts in them are ")
    assert silent.endswith("  11m")
    rows = [re.split(r"  +", line) for line in paged.splitlines()]
    assert rows[0] == ["POLICY", "SEVERITY", "OPENED (UTC)", "LASTED", "ABOUT"]
    assert [(row[0], row[1], row[3], row[4]) for row in rows[1:]] == [
        ("exporter-silent", "CRITICAL", "6m", "-"),
        ("stream-failed", "CRITICAL", "59m", f"{AT}/carts"),
        ("stream-failed", "CRITICAL", "14m", f"{AT}/orders"),
        ("stream-unexpected-state", "ERROR", "still open", f"{AT}/stock"),
        ("stream-unsupported-events", "WARNING", "6m", f"{AT}/orders"),
    ]
    failed = written(START + 41.5 * 60).replace("T", " ").removesuffix("Z")
    assert rows[3][2] == failed
    assert quiet.startswith("Would not have alerted: exporter-losing-points, location-unreadable, ")
    assert not_evaluated.startswith("Could not be evaluated\nPOLICY ")
    assert (
        "stream-changed               matches log entries, which the history does not have"
        in not_evaluated
    )
    assert err.splitlines()[-1] == (
        "5 incidents of 4 policies in 2h, 1 still open; 12 policies would not have "
        f"alerted, 7 could not be evaluated. {ACCURACY}"
    )
    assert "MONITORING_EMULATOR_HOST" in err.splitlines()[0]


def test_json_has_all_of_it(backtest: Command, lab: Lab) -> None:
    """``--json`` prints the same result as JSON."""
    document = json.loads(backtest(*ASKED, "--json", environ=lab.environ).out)
    assert document["project"] == "ops-prod"
    assert document["from"] == document["history_starts"] == written(START)
    assert document["until"] == written(END)
    assert document["silent"] == [
        {
            "exporter": "datastream-exporter",
            "from": written(START + 69 * 60),
            "until": written(START + 80 * 60),
            "seconds": 660,
        }
    ]
    open_still = [each for each in document["incidents"] if each["closed"] is None]
    assert open_still == [
        {
            "policy": "stream-unexpected-state",
            "severity": "ERROR",
            "about": f"{AT}/stock",
            "labels": open_still[0]["labels"],
            "open_at_start": False,
            "opened": written(START + 102.5 * 60),
            "closed": None,
            "seconds": 17.5 * 60,
        }
    ]
    assert open_still[0]["labels"]["namespace"] == "shop-prod"
    counts = {each["name"]: each["incidents"] for each in document["policies"]}
    assert (counts["stream-failed"], counts["stream-missing"]) == (2, 0)
    assert {each["policy"] for each in document["not_evaluated"]} == {
        "exporter-executions-failing",
        "exporter-requests-failing",
        "private-connection-failed",
        "stream-activity-errors",
        "stream-backfill-failed",
        "stream-changed",
        "stream-state-changed",
    }


@pytest.mark.parametrize("name", ["history.jsonl", "history.jsonl.gz"])
def test_a_saved_file_gives_the_same_result(
    backtest: Command, lab: Lab, tmp_path: Path, name: str
) -> None:
    """A back-test from a saved file makes no calls and has the same result."""
    saved = str(tmp_path / name)
    first = backtest(*ASKED, "--json", "--save", saved, environ=lab.environ)
    calls = lab.cloud.calls["ListTimeSeries"]
    again = backtest("--from-file", saved, *DAY, "--json")
    assert (first.code, again.code) == (0, 0)
    assert json.loads(again.out) | {"project": "ops-prod"} == json.loads(first.out)
    assert lab.cloud.calls["ListTimeSeries"] == calls
    assert again.err.startswith("5 incidents of 4 policies in 2h, ")


def test_a_file_ends_with_its_last_point(backtest: Command, lab: Lab, tmp_path: Path) -> None:
    """Without ``--until``, the back-test ends with the file's last point."""
    saved = str(tmp_path / "history.jsonl")
    assert backtest(*ASKED, "--save", saved, environ=lab.environ).code == 0
    document = json.loads(backtest("--from-file", saved, "--json").out)
    assert document["until"] == written(END - 60 + 5)
    # Evaluations count back from the end, every half minute.
    assert document["from"] == written(START - 25)
    assert (document["history_starts"], document["project"]) == (written(START), None)


def test_no_incident_is_a_result(command: Command, lab: Lab, tmp_path: Path) -> None:
    """Without incidents the output says so; ``--policies`` selects other policies."""
    shutil.copy(POLICIES / "location-unreadable.yaml", tmp_path)
    code, out, err = command("backtest", "--policies", str(tmp_path), *ASKED, environ=lab.environ)
    assert code == 0
    assert "\n\nNo policy would have alerted.\n" in out
    assert out.endswith("\n\nWould not have alerted: location-unreadable.\n")
    assert err.endswith(f"\nNo incidents in 2h; 1 policy would not have alerted. {ACCURACY}\n")


@pytest.mark.parametrize(
    ("argv", "fault", "sentences"),
    [
        # The wrong project, or no exporter runs.
        (
            "--project ops-prod",
            None,
            (
                "projects/ops-prod has no series of custom.googleapis.com/datastream/… in these 7 "
                "days: is the exporter running, and is this the metrics project?"
            ),
        ),
        # A file that --save did not write.
        (
            "--from-file empty.jsonl",
            None,
            (
                "empty.jsonl has no series of custom.googleapis.com/datastream/…: was it written "
                "by --save?"
            ),
        ),
        (
            "--project ops-prod",
            "PERMISSION_DENIED",
            "monitoring.timeSeries.list in project ops-prod. Grant roles/monitoring.viewer",
        ),
        ("--project nobodys-project", None, "nobodys-project"),
    ],
)
def test_an_unreadable_history_is_an_error(
    backtest: Command, own_lab: Lab, tmp_path: Path, argv: str, fault: str | None, sentences: str
) -> None:
    """The last line says what is missing and where, or how to get the right; exit 1."""
    (tmp_path / "empty.jsonl").touch()
    if fault:
        own_lab.cloud.add_fault(Fault(method="ListTimeSeries", code=fault))
    code, out, err = backtest(*argv.split(), environ=own_lab.environ)
    assert (code, out) == (1, "")
    assert sentences in err.splitlines()[-1]
    assert err.splitlines()[-1].startswith("error: ")


def test_missing_credentials_are_an_error(backtest: Command) -> None:
    """The error message says how to get credentials."""
    code, _, err = backtest("--project", "ops-prod")
    assert code == 1
    assert "no valid credentials" in err
    assert "gcloud auth application-default login" in err


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ("", "--project is missing: name the metrics project, or use --from-file"),
        ("--project 12345", '"12345" is a project\'s number; write its id'),
        ("--project P", '"P" is not a project id; write 6 to 30 lower-case letters'),
        ("--project ops-prod --days 41", '"41" is not allowed; write'),
        ("--project ops-prod --days 0", '"0" is not allowed; write'),
        ("--project ops-prod --days -1", "argument --days: "),
        ("--project ops-prod --days x", '"x" is not allowed; write'),
        ("--project ops-prod --until now", '"now" is not a time with a time zone'),
        ("--project ops-prod --until 2026-01-01", '"2026-01-01" is not a time with a time zone'),
        (
            "--project ops-prod --until 2026-01-01T00:00:00Z",
            "--until: 7 days before it are more than 40 days ago; Cloud Monitoring keeps all",
        ),
        ("--project ops-prod --until 9999-01-01T00:00:00Z", "--until lies in the future: name a"),
        ("--from-file a --save b", "--save doesn't go with --from-file: those series"),
        ("--from-file a", "a: there is no such file; check the path"),
    ],
)
def test_wrong_arguments_are_errors(backtest: Command, argv: str, message: str) -> None:
    """Wrong arguments exit with code 2 and a sentence."""
    code, out, err = backtest(*argv.split())
    assert (code, out) == (2, "")
    assert message in err


def test_save_overwrites_no_file(backtest: Command, own_lab: Lab, tmp_path: Path) -> None:
    """An existing file is an error before anything is read."""
    there = tmp_path / "there"
    there.touch()
    code, _, err = backtest("--project", "ops-prod", "--save", str(there), environ=own_lab.environ)
    assert code == 2
    assert "exists already" in err
    assert not own_lab.cloud.calls["ListTimeSeries"]


def test_prometheus_is_checked_first(
    backtest: Command, own_lab: Lab, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A missing Prometheus is an error before anything is read."""
    monkeypatch.setenv("PATH", str(tmp_path))
    code, _, err = backtest("--project", "ops-prod", environ=own_lab.environ)
    assert code == 3
    assert "prometheus and promtool not found" in err
    assert not own_lab.cloud.calls["ListTimeSeries"]


def test_ctrl_c_ends_the_reading(
    backtest: Command, own_lab: Lab, signal_when: SignalWhen, tmp_path: Path
) -> None:
    """Ctrl-C cancels the calls under way and leaves no half-written file."""
    own_lab.cloud.add_fault(Fault(method="ListTimeSeries", latency=30))
    signal_when(signal.SIGINT, lambda: own_lab.cloud.calls["ListTimeSeries"] > 0)
    began = time.monotonic()
    code, out, err = backtest(
        "--project", "ops-prod", "--save", str(tmp_path / "half"), environ=own_lab.environ
    )
    assert (code, out) == (130, "")
    assert err.endswith("Interrupted while reading.\n")
    assert time.monotonic() - began < 10
    assert not list(tmp_path.glob("half*"))


def test_a_terminal_shows_progress(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal shows the points read of each metric, then the parts evaluated."""
    monkeypatch.setenv("COLUMNS", "120")
    out, err = Printed(), Terminal()
    argv = ["backtest", "--policies", str(POLICIES), *ASKED]
    assert main(argv, lab.environ, out, err) == 0
    shown = err.getvalue()
    assert re.search(r"reading points of custom\.googleapis\.com/\S+ .*\d+/\?", shown)
    assert "evaluating" in shown
