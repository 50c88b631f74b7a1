"""``policies time-to-page``, and what the docs keep of what was played and measured."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

from exporter.cli.exit_codes import INCOMPLETE, USAGE
from lab.cli.time_to_page import show
from lab.prove.time_to_page import CHANGES, MODES, Measurements, TimeToPage
from tools import lab as page
from tools.policies import TIMES

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tests.lab.cli.conftest import Command

HOW = "run: .venv/bin/python -m tools.record && make docs"


def test_the_times_in_the_docs_are_those_that_are_measured() -> None:
    """Every change in every mode, as it is now: whoever changes a policy sees what that does."""
    measured = json.loads(page.output("time-to-page", "--json"))
    assert measured["kept"] is True
    assert [(each["change"], each["mode"]) for each in measured["times"]] == [
        (change.title, mode) for change in CHANGES for mode in MODES
    ]
    for each in measured["times"]:
        assert 0 < each["median_seconds"] < each["worst_seconds"] <= each["bound_seconds"]
        assert each["measured"] > 100
        dead = each["policy"] == "exporter-silent"
        assert each["polling_seconds"] == (None if dead else 300)
    assert json.loads(TIMES.read_text("utf-8")) == measured, HOW


def test_the_transcript_in_the_docs_is_what_is_answered() -> None:
    """The scenario that the docs show comes out as they show it."""
    assert page.output(*page.SHOWN) == page.TRANSCRIPT.read_text("utf-8"), HOW


def test_a_bound_that_is_not_kept_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """It stands out in the table, a sentence counts such, and the exit code is 1."""
    failed = next(change for change in CHANGES if change.title == "FAILED")
    measured = Measurements()
    measured.add(Measurements([TimeToPage(failed, "continuous", 106.9, 87.0, 600)]))
    measured.add(Measurements([TimeToPage(failed, "scheduled", 190.1, 115.0, 1000)]))
    out = io.StringIO()
    assert show(measured, out, as_json=False) == INCOMPLETE
    rows = [" ".join(line.split()) for line in out.getvalue().splitlines()[1:]]
    assert rows == [
        "FAILED scheduled 191 s 115 s 190 s NO 300 s",
        "FAILED continuous 107 s 87 s 120 s yes 300 s",
    ]
    assert caplog.messages == ["Not kept: 1 of 2 bounds."]
    document = io.StringIO()
    assert show(measured, document, as_json=True) == INCOMPLETE
    read = json.loads(document.getvalue())
    assert read["kept"] is False
    assert [each["kept"] for each in read["times"]] == [False, True]


def test_what_does_not_page_at_all_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """A policy that is silent has no time to page, and keeps no bound."""
    dead = CHANGES[-1]
    measured = Measurements(
        [TimeToPage(dead, "scheduled", 330.0, 271.0, 1000)],
        ["FAILED, scheduled: not every change pages"],
    )
    out = io.StringIO()
    assert show(measured, out, as_json=False) == INCOMPLETE
    assert out.getvalue().splitlines()[1].endswith("yes   never")
    assert caplog.messages == ["FAILED, scheduled: not every change pages."]


def test_policies_that_are_measured_have_to_be_there(command: Command, folder: Path) -> None:
    """A folder of other policies has no time to page: each lacking one is named."""
    assert folder.exists()
    code, out, err = command("time-to-page")
    assert (code, out) == (USAGE, "")
    assert "error: stream-failed is not among the policies; its time to page is measured\n" in err
    assert err.count("\n") == len({change.policy for change in CHANGES}) - 1
