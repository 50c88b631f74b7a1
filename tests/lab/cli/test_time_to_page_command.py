"""``datastream-lab time-to-page``: what it prints, and its exit codes."""

import json
import math
from argparse import Namespace
from io import StringIO

import pytest

from exporter.process import INCOMPLETE, USAGE, Signals
from lab.cli.options import LabContext
from lab.cli.time_to_page import show
from lab.prove.time_to_page import TimeToPage, promises
from tests.lab.conftest import Command


def _shown(times: list[TimeToPage], *, as_json: bool = False) -> tuple[int, str]:
    out = StringIO()
    code = show(times, LabContext(Namespace(json=as_json), {}, out, out, Signals()))
    return code, out.getvalue()


def test_an_exceeded_bound_and_a_silent_policy_fail(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The table marks both, the log counts them, and the exit code is 1."""
    failed = next(change for change in promises().changes if change.title == "FAILED")
    times = [
        TimeToPage(failed, "job", 190.1, 115.0, 1000),
        TimeToPage(failed, "function", math.inf, math.inf, 1),
        TimeToPage(failed, "function_log_triggers", 106.9, 87.0, 600),
    ]
    code, text = _shown(times)
    assert code == INCOMPLETE
    assert [" ".join(line.split()) for line in text.splitlines()[1:]] == [
        "FAILED job 191 s 115 s 190 s NO",
        "FAILED function never never 170 s NO",
        "FAILED function_log_triggers 107 s 87 s 115 s yes",
    ]
    assert caplog.messages == ["2 of 3 bounds exceeded."]
    never = json.loads(_shown(times, as_json=True)[1])["times"][1]
    assert never["worst_seconds"] is None
    assert never["median_seconds"] is None


@pytest.mark.usefixtures("folder")
def test_missing_policies_are_named(command: Command) -> None:
    """The measurement needs certain policies: each missing one is an error."""
    code, out, err = command("time-to-page")
    assert out == ""
    assert code == USAGE
    assert "error: stream-failed is not among the policies, but its time to p" in err
