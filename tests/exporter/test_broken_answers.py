"""Answers that no gRPC server gives: the outcome is right, and the log has a sentence for it."""

from __future__ import annotations

import pytest

from lab.chaos.case import run_with, undisturbed
from lab.chaos.faults import Details, Fault, WrongAnswer
from lab.chaos.judge import judge


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault("ListLocations", WrongAnswer.EMPTY), None),
        (Fault("ListStreams", WrongAnswer.EMPTY, times="always"), "holds no message"),
        (Fault("ListStreams", WrongAnswer.HALF), None),
        (Fault("ListStreamObjects", WrongAnswer.HALF), None),
        (Fault("CreateTimeSeries", WrongAnswer.EMPTY), None),
        (Fault("CreateTimeSeries", WrongAnswer.HALF), None),
        (Fault("ListStreams", "UNAVAILABLE", Details.UNPARSEABLE), None),
        (Fault("ListStreams", "PERMISSION_DENIED", Details.UNPARSEABLE), "permission denied"),
        (Fault("CreateTimeSeries", "UNAVAILABLE", Details.UNPARSEABLE), None),
        (Fault("CreateTimeSeries", "PERMISSION_DENIED", Details.UNPARSEABLE), "permission denied"),
        (Fault("ListStreams", WrongAnswer.HUGE), "the answer is larger than the exporter accepts"),
        (Fault("CreateTimeSeries", WrongAnswer.LARGE), "larger than the exporter accepts"),
    ],
    ids=str,
)
def test_a_broken_answer_is_one_failure_of_its_own_call(fault: Fault, words: str | None) -> None:
    """Retried if that helps, without a traceback, and never taken for a bug of the exporter."""
    outcome = run_with(fault)
    assert judge(fault, outcome, undisturbed()).broken == ()
    assert "Traceback" not in outcome.log
    assert "bug" not in outcome.log
    if words is None:
        assert outcome.exit_code == 0
    else:
        assert words in outcome.log
        assert "projects/" in outcome.log
