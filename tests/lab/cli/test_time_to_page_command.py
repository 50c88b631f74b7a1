"""``datastream-lab time-to-page``, and the outputs that the docs show."""

import json
from argparse import Namespace
from threading import Event

import pytest

from exporter.cli import INCOMPLETE, USAGE
from lab.cli.options import Context
from lab.cli.time_to_page import show
from lab.prove.time_to_page import CHANGES, Measurements, TimeToPage
from tests.lab.conftest import Command
from tests.outputs import Printed
from tools import lab as page
from tools.policies import TIMES

HOW = "run: .venv/bin/python -m tools.record && make docs"


def test_the_docs_show_the_measured_times() -> None:
    """Every change in every mode is measured, within its bound, and equal to the docs."""
    measured = json.loads(page.output("time-to-page", "--json"))
    assert measured["kept"] is True
    assert [(each["change"], each["mode"]) for each in measured["times"]] == [
        (change.title, mode) for change in CHANGES for mode in change.bounds
    ]
    for each in measured["times"]:
        assert 0 < each["median_seconds"] < each["worst_seconds"] <= each["bound_seconds"]
        # A log entry is no evaluation: it has fewer moments.
        assert each["measured"] > (10 if each["policy"] == "stream-state-changed" else 100)
        dead = each["policy"] == "exporter-silent"
        assert each["polling_seconds"] == (None if dead else 300)
    assert json.loads(TIMES.read_text("utf-8")) == measured, HOW


def test_the_docs_show_the_real_transcript() -> None:
    """The command in the docs prints what they show."""
    assert page.output(*page.SHOWN) == page.TRANSCRIPT.read_text("utf-8"), HOW


def test_an_exceeded_bound_and_a_silent_policy_fail(caplog: pytest.LogCaptureFixture) -> None:
    """The table marks the bound, the log counts it and names the policy, and the exit code is 1."""
    failed = next(change for change in CHANGES if change.title == "FAILED")
    silence = "deleted, job: not every change opens an incident"
    measured = Measurements([TimeToPage(failed, "worker_pool", 106.9, 87.0, 600)])
    measured.add(Measurements([TimeToPage(failed, "job", 190.1, 115.0, 1000)], [silence]))
    out = Printed()
    context = Context(Namespace(json=False), {}, out, out, Event())
    assert show(measured, context) == INCOMPLETE
    rows = [" ".join(line.split()) for line in out.getvalue().splitlines()[1:]]
    assert rows == [
        "FAILED job 191 s 115 s 190 s NO 300 s",
        "FAILED worker_pool 107 s 87 s 120 s yes 300 s",
    ]
    assert caplog.messages == [f"{silence}.", "1 of 2 bounds exceeded."]


@pytest.mark.usefixtures("folder")
def test_missing_policies_are_named(command: Command) -> None:
    """The measurement needs certain policies: each missing one is an error."""
    code, out, err = command("time-to-page")
    assert (code, out) == (USAGE, "")
    assert (
        "error: stream-failed is not among the policies, but its time to page is measured\n" in err
    )
