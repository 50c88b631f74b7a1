"""``datastream-lab backtest``: incidents, output, errors and exit codes."""

import json
import re
import shutil
import signal
from io import StringIO
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from exporter.google.clients import MONITORING_EMULATOR
from lab.backtest.backtest import evaluate
from lab.emulator.world import Fault
from lab.history.history import History, recorded
from lab.history.read import Reader, metrics_to_read, periods
from lab.policies.files import Policy
from lab.policies.model import HOUR
from lab.terminal import Progress
from lab.timeline.spans import Period
from tests.conftest import SignalWhen
from tests.exporter.conftest import Lab
from tests.lab.conftest import POLICIES, Command
from tests.lab.history.conftest import END, MINUTE, START, text
from tests.tables import rows

AT = "projects/shop-prod/locations/europe-west1/streams"
ASKED = ("--project", "ops-prod", "--days", "1")


def test_the_incidents_are_printed(backtest: Command, lab: Lab) -> None:
    """A back-test prints incidents, quiet policies, reasons and a sum."""
    # It calls no other API, and so needs no other emulator.
    monitoring = {MONITORING_EMULATOR: lab.cloud.monitoring}
    code, out, err = backtest(*ASKED, environ=monitoring)
    assert code == 0
    known, paged, quiet, not_evaluated = out.split("\n\n")
    assert known.startswith(f"The exporter's history starts at {text(START)}. Earlier ")
    rows = [re.split(r"  +", line) for line in paged.splitlines()]
    assert rows[0] == ["POLICY", "SEVERITY", "OPENED", "CLOSED", "ABOUT"]
    assert [(row[0], row[1], row[4]) for row in rows[1:]] == [
        ("exporter-silent", "CRITICAL", "exporters/datastream-exporter"),
        ("stream-failed", "CRITICAL", f"{AT}/carts"),
        ("stream-failed", "CRITICAL", f"{AT}/orders"),
        ("stream-unexpected-state", "ERROR", f"{AT}/stock"),
        ("stream-unsupported-events", "ERROR", f"{AT}/orders"),
    ]
    assert rows[3][2:4] == [text(START + 41.5 * MINUTE), text(START + 55.5 * MINUTE)]
    # The increments are visible from 25:00 on, and count for ten minutes; every five
    # minutes.
    assert rows[5][2:4] == [text(START + 25 * MINUTE), text(START + 35 * MINUTE)]
    assert rows[4][3] == "still open"
    assert quiet.startswith(
        "Would not have alerted: exporter-losing-points, exporter-outdated, "
    )
    why = dict(re.split(r"  +", line) for line in not_evaluated.splitlines()[2:])
    assert why["stream-changed"] == "is disabled"
    assert "MONITORING_EMULATOR_HOST" in err.splitlines()[0]
    assert err.splitlines()[-1].startswith("5 incidents in 2h, 1 still open; ")


def test_json_has_the_incidents_of_all_parts(
    backtest: Command, lab: Lab, policies: tuple[Policy, ...]
) -> None:
    """``--json`` prints the same result; the history is read and joined in parts."""
    _, earlier = metrics_to_read(policies)
    assert START < periods(END - 24 * HOUR - earlier, END)[-1].start < END
    document = json.loads(backtest(*ASKED, "--json", environ=lab.cloud.environ).out)
    assert document["from"] == document["history_starts"] == text(START)
    assert document["until"] == text(END)
    (still_open,) = (each for each in document["incidents"] if not each["closed"])
    assert still_open["about"] == f"{AT}/stock"
    assert still_open["opened"] == text(START + 102.5 * MINUTE)
    assert still_open["seconds"] == 17.5 * MINUTE
    assert still_open["labels"]["project_id"] == "ops-prod"
    # Without a limit in config, a stream's lag has the policy's threshold.
    assert {"stream-missing", "stream-lagging"} <= set(document["quiet"])
    assert "stream-backfill-failed" in document["not_evaluated"]


@rows
def test_a_healthy_week_has_no_series_of_problems(
    backtest: Command, monkeypatch: pytest.MonkeyPatch, written: str, found: Any
) -> None:
    """A series of what went wrong is missed only where nothing was written at all."""
    series = [each for each in recorded() if re.search(written, each.name)]
    monkeypatch.setattr("lab.cli.backtest.recorded", lambda: series)
    document = json.loads(backtest("--recorded", "--json").out)
    for key, names in found.items():
        assert {*names} <= {*document[key]}
    _, out, err = backtest("--recorded")
    evaluated = f"{len(document['quiet'])} policies that could be evaluated"
    is_said = f"None of the {evaluated} would have alerted.\n" in out
    assert is_said == ("No incidents in 3h29m; " in err)


def variant(folder: Path, name: str, old: str, new: str) -> None:
    """Copy a policy with a part of its file replaced, and one that finds nothing."""
    shutil.copy(POLICIES / "streams-failing-together.yaml", folder)
    written = (POLICIES / f"{name}.yaml").read_text("utf-8")
    assert old in written
    (folder / f"{name}.yaml").write_text(written.replace(old, new), "utf-8")


@rows
def test_history_before_the_start_counts(
    lab: Lab, by_name: dict[str, Policy], tmp_path: Path, minutes: float, opened: float
) -> None:
    """A retest window may begin before the start; an earlier incident opens at 0."""
    failed = by_name["stream-failed"]
    metrics, _ = metrics_to_read([failed])
    history = History(tmp_path)
    reader = Reader(lab.clients.monitoring, "ops-prod", Event())
    history.add(reader.read(metrics, Period(START, END)))
    period = Period(END - minutes * MINUTE, END)
    result = evaluate([failed], history, period, Progress(StringIO()), Event())
    incident = {each.about: each for each in result.incidents}[f"{AT}/orders"]
    assert incident.opened == opened * MINUTE
    assert incident.closed == START + 55.5 * MINUTE - period.start
    assert result.history_start is None


def test_policies_are_evaluated_as_they_are(
    command: Command, lab: Lab, tmp_path: Path
) -> None:
    """A longer retest window alerts later; what can't be evaluated has its reason."""
    variant(tmp_path, "stream-failed", "duration: 60s", "duration: 600s")
    disabled = "combiner: OR\nenabled: false"
    variant(tmp_path, "stream-errors", "combiner: OR", disabled)
    variant(tmp_path, "stream-missing", "location_last_read", "stream_state")
    variant(tmp_path, "stream-changed", "enabled: false", "enabled: true")
    # It is not read: its type does not follow from its PromQL name.
    variant(tmp_path, "location-unreadable", "datastream_location_up", "shop_orders")
    words = ("--policies", str(tmp_path), *ASKED, "--json")
    document = json.loads(command("backtest", *words, environ=lab.cloud.environ).out)
    opened = {each["about"]: each["opened"] for each in document["incidents"]}
    assert opened[f"{AT}/orders"] == text(START + 50.5 * MINUTE)
    reasons = document["not_evaluated"]
    assert reasons["stream-errors"] == "is disabled"
    assert reasons["stream-changed"].startswith("matches log entries, which the his")
    assert reasons["stream-missing"].startswith("Prometheus refuses the query: ")
    assert reasons["location-unreadable"].startswith(
        "there is no series of custom_googleapis_com:shop_orders"
    )
    assert document["quiet"] == ["streams-failing-together"]


def test_the_recorded_history_needs_no_account(
    backtest: Command, tmp_path: Path
) -> None:
    """``--recorded`` makes no calls; the page begins with what is still open."""
    page = tmp_path / "page.html"
    code, out, _ = backtest("--recorded", "--html", str(page))
    assert code == 0
    assert "stream-failed-permanently  CRITICAL" in out
    drawn = page.read_text("utf-8")
    words = " ".join(re.sub("<[^>]*>", " ", drawn).split())
    shown = (
        "Back-test of the recorded fleet, 2026-01-05 06:00Z to 09:29Z",
        "2 still open Opened Policy About So far 08:21Z CRITICAL stream-missing",
        "4 closed Opened Policy About Lasted 06:21Z CRITICAL stream-failed orders",
        "stream-lagging 07:10Z → 07:35Z",
        "stream-changed is disabled",
    )
    assert re.search(".*".join(shown), words)


@rows
def test_an_unreadable_history_is_an_error(
    backtest: Command, empty_lab: Lab, project: str, code: str | None, sentence: str
) -> None:
    """An unreadable history exits with 1, and the last line says what to do."""
    if code:
        empty_lab.cloud.add_fault(Fault(method="ListTimeSeries", code=code))
    words = ("--project", project, "--days", "1")
    exit_code, out, err = backtest(*words, environ=empty_lab.cloud.environ)
    assert out == ""
    assert exit_code == 1
    last = err.splitlines()[-1]
    assert last.startswith("error: ")
    assert sentence in last
    # It is not read.
    assert "config.yaml" not in last


@rows
def test_wrong_arguments_are_errors(backtest: Command, argv: str, message: str) -> None:
    """Wrong arguments exit with code 2 and a sentence."""
    code, out, err = backtest(*argv.split())
    assert out == ""
    assert code == 2
    assert message in err


def test_ctrl_c_ends_the_reading(
    backtest: Command, empty_lab: Lab, signal_when: SignalWhen
) -> None:
    """Ctrl-C ends the retries, and nothing more is read."""
    empty_lab.cloud.add_fault(Fault(method="ListTimeSeries", code="UNAVAILABLE"))
    signal_when(signal.SIGINT, lambda: empty_lab.cloud.calls["ListTimeSeries"] > 0)
    code, out, err = backtest("--project", "ops-prod", environ=empty_lab.cloud.environ)
    assert out == ""
    assert code == 130
    assert "Interrupted while reading." in err
