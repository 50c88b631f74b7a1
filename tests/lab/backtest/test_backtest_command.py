"""``datastream-lab backtest``: incidents, output, errors and exit codes."""

import json
import re
import shutil
import signal
from importlib import import_module
from pathlib import Path

import pytest

from lab.emulator.world import Fault
from tests.conftest import SignalWhen
from tests.lab.backtest.conftest import END, MINUTE, START, Lab, text
from tests.lab.conftest import POLICIES, Command

AT = "projects/shop-prod/locations/europe-west1/streams"
DAY = ("--days", "1", "--until", text(END))
ASKED = ("--project", "ops-prod", *DAY)


def test_the_incidents_are_printed(backtest: Command, lab: Lab) -> None:
    """When the history starts, the incidents, quiet policies, what is missing, and a summary."""
    code, out, err = backtest(*ASKED, environ=lab.environ)
    assert code == 0
    known, paged, quiet, not_evaluated = out.split("\n\n")
    assert (
        known == f"The exporter's history starts at {text(START)}. Earlier alerts are"
        " unknown."
    )
    rows = [re.split(r"  +", line) for line in paged.splitlines()]
    assert rows[0] == ["POLICY", "SEVERITY", "OPENED", "CLOSED", "ABOUT"]
    assert [(row[0], row[1], row[4]) for row in rows[1:]] == [
        ("exporter-silent", "CRITICAL", "every exporter"),
        ("stream-failed", "CRITICAL", f"{AT}/carts"),
        ("stream-failed", "CRITICAL", f"{AT}/orders"),
        ("stream-unexpected-state", "ERROR", f"{AT}/stock"),
        ("stream-unsupported-events", "WARNING", f"{AT}/orders"),
    ]
    assert rows[3][2:4] == [text(START + 41.5 * MINUTE), text(START + 55.5 * MINUTE)]
    # The increments are visible from 25:00 on, and count for ten minutes; every five
    # minutes.
    assert rows[5][2:4] == [text(START + 25 * MINUTE), text(START + 35 * MINUTE)]
    assert rows[4][3] == "still open"
    assert quiet.startswith(
        "Would not have alerted: exporter-losing-points, location-unreadable, "
    )
    why = dict(re.split(r"  +", line) for line in not_evaluated.splitlines()[2:])
    assert (
        why["stream-state-changed"]
        == "matches log entries, which the history does not have"
    )
    assert (
        why["exporter-executions-failing"]
        == "there is no series of run.googleapis.com/job/completed_execution_count"
        " with "
        'job_name="datastream-exporter"'
    )
    assert "MONITORING_EMULATOR_HOST" in err.splitlines()[0]
    assert err.splitlines()[-1].startswith("5 incidents in 2h, 1 still open; ")


def test_json_has_all_of_it(backtest: Command, lab: Lab) -> None:
    """``--json`` prints the same result as JSON."""
    document = json.loads(backtest(*ASKED, "--json", environ=lab.environ).out)
    assert document["from"] == document["history_starts"] == text(START)
    assert document["until"] == text(END)
    (still_open,) = (each for each in document["incidents"] if not each["closed"])
    labels = still_open.pop("labels")
    assert labels["namespace"] == "shop-prod"
    assert labels["project_id"] == "ops-prod"
    assert still_open == {
        "policy": "stream-unexpected-state",
        "severity": "ERROR",
        "about": f"{AT}/stock",
        "opened": text(START + 102.5 * MINUTE),
        "closed": None,
    }
    assert "stream-missing" in document["quiet"]
    assert "private-connection-failed" in document["not_evaluated"]


def variant(folder: Path, name: str, old: str, new: str) -> Path:
    """Return a folder with a policy in whose file a part is replaced, and one that it names."""
    shutil.copy(POLICIES / "streams-failing-together.yaml", folder)
    written = (POLICIES / f"{name}.yaml").read_text("utf-8")
    assert old in written
    (folder / f"{name}.yaml").write_text(written.replace(old, new), "utf-8")
    return folder


def test_an_earlier_incident_is_open_at_the_start(
    backtest: Command, lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """History before the start counts, but the time of opening is not shown."""
    monkeypatch.setattr(import_module("lab.cli.backtest"), "DAY", 70 * MINUTE)
    out = backtest(*ASKED, environ=lab.environ).out
    (row,) = (
        line
        for line in out.splitlines()
        if line.endswith("/orders") and "-failed " in line
    )
    assert re.split(r"  +", row)[2:4] == [
        "before the start",
        text(START + 55.5 * MINUTE),
    ]
    assert "history starts" not in out


def test_a_retest_window_can_begin_before_the_start(
    backtest: Command, lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failure a minute before the start opens at its real time."""
    monkeypatch.setattr(import_module("lab.cli.backtest"), "DAY", 79 * MINUTE)
    document = json.loads(backtest(*ASKED, "--json", environ=lab.environ).out)
    opened = {each["about"]: each["opened"] for each in document["incidents"]}
    assert opened[f"{AT}/orders"] == text(START + 41.5 * MINUTE)


def test_the_size_of_parts_does_not_matter(
    backtest: Command, lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Series, counters and incidents that span several parts are whole."""
    whole = backtest(*ASKED, "--json", environ=lab.environ)
    monkeypatch.setattr(import_module("lab.cli.backtest"), "_PART_SECONDS", 4000.0)
    parted = backtest(*ASKED, "--json", environ=lab.environ)
    assert (parted.code, parted.out) == (0, whole.out)


def test_a_changed_policy_is_evaluated_as_it_is(
    command: Command, lab: Lab, tmp_path: Path
) -> None:
    """With a retest window of ten minutes the same failure alerts later."""
    changed = variant(tmp_path, "stream-failed", "duration: 60s", "duration: 600s")
    ended = command(
        "backtest", "--policies", str(changed), *ASKED, "--json", environ=lab.environ
    )
    opened = {
        each["about"]: each["opened"] for each in json.loads(ended.out)["incidents"]
    }
    assert opened[f"{AT}/orders"] == text(START + 50.5 * MINUTE)


@pytest.mark.parametrize(
    ("name", "old", "new", "reason"),
    [
        (
            "stream-failed",
            "combiner: OR",
            "combiner: OR\nenabled: false",
            "is disabled in its",
        ),
        (
            "stream-missing",
            "location_last_read",
            "stream_state",
            "Prometheus refuses the query: ",
        ),
        # It is not read: its type does not follow from its PromQL name.
        (
            "location-unreadable",
            "datastream_location_up",
            "shop_orders",
            "there is no series of custom_googleapis_com:shop_orders",
        ),
    ],
)
def test_a_policy_that_cannot_be_evaluated_is_listed(
    command: Command,
    lab: Lab,
    tmp_path: Path,
    name: str,
    old: str,
    new: str,
    reason: str,
) -> None:
    """A disabled policy, a failing query and an unknown metric each have their reason."""
    changed = variant(tmp_path, name, old, new)
    ended = command(
        "backtest", "--policies", str(changed), *ASKED, "--json", environ=lab.environ
    )
    document = json.loads(ended.out)
    assert document["not_evaluated"][name].startswith(reason)
    assert document["quiet"] == ["streams-failing-together"]


def test_the_recorded_history_needs_no_account(
    backtest: Command, tmp_path: Path
) -> None:
    """``--recorded`` makes no calls; ``--html`` draws its streams and incidents."""
    page = tmp_path / "page.html"
    code, out, _ = backtest("--recorded", "--html", str(page))
    assert code == 0
    assert "stream-failed-permanently  CRITICAL" in out
    drawn = page.read_text("utf-8")
    assert all(
        word in drawn for word in ("ledger", "FAILED_PERMANENTLY", "stream-missing")
    )


@pytest.mark.parametrize(
    ("argv", "code", "sentence"),
    [
        (
            "--project ops-prod",
            None,
            (
                "in these 7 days: is the exporter running, and is this the metrics"
                " project?"
            ),
        ),
        (
            "--project ops-prod",
            "PERMISSION_DENIED",
            (
                "monitoring.timeSeries.list in project ops-prod. Grant"
                " roles/monitoring.viewer"
            ),
        ),
        ("--project nobodys-project", None, "nobodys-project"),
    ],
)
def test_an_unreadable_history_is_an_error(
    backtest: Command, empty_lab: Lab, argv: str, code: str | None, sentence: str
) -> None:
    """The last line says what is missing and where, or how to get the right; exit 1."""
    if code:
        empty_lab.cloud.add_fault(Fault(method="ListTimeSeries", code=code))
    exit_code, out, err = backtest(*argv.split(), environ=empty_lab.environ)
    assert (exit_code, out) == (1, "")
    assert sentence in err.splitlines()[-1]
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
        ("", "one of the arguments --project --recorded is required"),
        ("--project ops-prod --recorded", "not allowed with argument --project"),
        ("--project 12345", '"12345" is a project\'s number; write its id'),
        ("--project ops-prod --days 41", '"41" is not allowed; write'),
        ("--project ops-prod --days 0", '"0" is not allowed; write'),
        ("--project ops-prod --days x", '"x" is not allowed; write'),
        ("--project ops-prod --until now", '"now" is not a time with a time zone'),
        (
            "--project ops-prod --until 2026-01-01",
            '"2026-01-01" is not a time with a time zone',
        ),
        (
            "--project ops-prod --until 2026-01-01T00:00:00Z",
            (
                "--until: 7 days before it are more than 40 days ago; Cloud Monitoring"
                " keeps all"
            ),
        ),
        (
            "--project ops-prod --until 9999-01-01T00:00:00Z",
            "--until lies in the future: name a",
        ),
        (
            "--project ops-prod --until 1970-01-01T00:00:00Z",
            "--until: 7 days before it are more",
        ),
        (
            "--recorded --until 2020-01-01T00:00:00Z",
            "--until: the recorded history covers 2026-01-05T06:00:06Z to 2026-01-05T0",
        ),
        (
            "--recorded --html nowhere/page.html",
            '"nowhere/page.html" can\'t be written; name a ',
        ),
    ],
)
def test_wrong_arguments_are_errors(backtest: Command, argv: str, message: str) -> None:
    """Wrong arguments exit with code 2 and a sentence."""
    code, out, err = backtest(*argv.split())
    assert (code, out) == (2, "")
    assert message in err


def test_prometheus_is_checked_first(
    backtest: Command, empty_lab: Lab, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A missing Prometheus is an error before anything is read."""
    monkeypatch.setenv("PATH", str(tmp_path))
    code, _, err = backtest("--project", "ops-prod", environ=empty_lab.environ)
    assert code == 3
    assert "prometheus and promtool not found" in err
    assert not empty_lab.cloud.calls["ListTimeSeries"]


def test_ctrl_c_ends_the_reading(
    backtest: Command, empty_lab: Lab, signal_when: SignalWhen
) -> None:
    """Ctrl-C ends the retries, and nothing more is read."""
    empty_lab.cloud.add_fault(Fault(method="ListTimeSeries", code="UNAVAILABLE"))
    signal_when(signal.SIGINT, lambda: empty_lab.cloud.calls["ListTimeSeries"] > 0)
    code, out, err = backtest("--project", "ops-prod", environ=empty_lab.environ)
    assert (code, out) == (130, "")
    assert "Interrupted while reading." in err
