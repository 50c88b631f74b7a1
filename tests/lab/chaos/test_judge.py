"""The judge of `make chaos` notices each rule that a run breaks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lab.chaos.case import Outcome, Series, undisturbed
from lab.chaos.faults import Fault, WrongAnswer
from lab.chaos.judge import judge

EUROPE, US = ("acme-metrics", "europe-west1"), ("acme-orders", "us-east1")
STAYS = Fault("ListStreams", "UNAVAILABLE", times="always")
PASSES = Fault("ListStreams", "UNAVAILABLE", times="once")


def _of_stream(metric: str, at: tuple[str, str], stream: str) -> Series:
    return (metric, *at, stream, (("stream_id", stream),))


def _of_location(metric: str, at: tuple[str, str]) -> Series:
    return (metric, *at, "datastream", ())


def _changed(points: dict[Series, float | None], **changes: Any) -> Outcome:
    """Return the undisturbed outcome with other values; None removes a point."""
    merged = {**undisturbed().points, **points}
    kept = {series: value for series, value in merged.items() if value is not None}
    return replace(undisturbed(), points=kept, **changes)


def _unread(at: tuple[str, str]) -> frozenset[tuple[str, str]]:
    parent = f"projects/{at[0]}/locations/{at[1]}"
    return frozenset(each for each in undisturbed().answered if not each[1].startswith(parent))


def test_an_undisturbed_run_breaks_no_rule() -> None:
    """The truth itself is truthful, complete and in time."""
    verdict = judge(PASSES, undisturbed(), undisturbed())
    assert (verdict.lost, verdict.broken) == (0, ())


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (_changed({_of_stream("stream/state", EUROPE, "failed"): 2}), "is 2, and should be 5"),
        (_changed({_of_stream("stream/last_seen", US, "orders"): 0}), "is 0, and should be"),
        (
            _changed({_of_stream("stream/last_seen", US, "orders"): None}, exit_code=1),
            "a last_seen was lost",
        ),
        (_changed({}, answered=_unread(US)), "its location was not read"),
        (_changed({_of_location("location/up", EUROPE): 0}), "though it was read"),
        (_changed({}, seconds=100.0), "it took 100.0 s"),
        (_changed({}, exit_code=2), "the exit code is 2"),
        (
            _changed({_of_stream("stream/errors", US, "orders"): None}),
            "the exit code is 0, though 1 points are lost",
        ),
        (_changed({}, log="Traceback (most recent call last)"), "a traceback"),
        (_changed({}, log="x" * 100_000), "100,000 characters"),
    ],
)
def test_a_broken_rule_is_named(outcome: Outcome, words: str) -> None:
    """A false, lost, late or badly reported point is a sentence of the verdict."""
    assert any(words in each for each in judge(STAYS, outcome, undisturbed()).broken)


def test_points_of_an_unread_location_are_not_due() -> None:
    """A location that was not read owes `up` 0 and nothing else."""
    unread = {series: None for series in undisturbed().points if series[1:3] == US}
    outcome = _changed(
        {**unread, _of_location("location/up", US): 0},
        answered=_unread(US),
        log="projects/acme-orders was not read",
    )
    verdict = judge(STAYS, outcome, undisturbed())
    assert (verdict.lost, verdict.broken) == (0, ())


def test_a_loss_needs_a_line_that_names_the_project() -> None:
    """What is unknown is said in the log with its place."""
    outcome = _changed({_of_stream("stream/errors", US, "orders"): None}, exit_code=1, log="Oh.")
    broken = judge(STAYS, outcome, undisturbed()).broken
    assert broken == ("no line of the log names the project, though ListStreams failed",)


def test_nothing_may_be_lost_where_the_fault_ends() -> None:
    """A fault that a retry overcomes costs no point and no exit code."""
    outcome = _changed(
        {_of_stream("stream/errors", US, "orders"): None}, exit_code=1, log="acme-metrics"
    )
    assert len(judge(PASSES, outcome, undisturbed()).broken) == 2


@pytest.mark.parametrize(
    ("fault", "passes"),
    [
        (PASSES, True),
        (STAYS, False),
        (Fault("ListStreams", "PERMISSION_DENIED"), False),
        (Fault("CreateTimeSeries", WrongAnswer.HANG, times="twice"), True),
        (Fault("CreateTimeSeries", WrongAnswer.TRUNCATED), False),
    ],
)
def test_a_fault_passes_where_it_ends_and_a_retry_helps(fault: Fault, *, passes: bool) -> None:
    """Only then does a run have to lose nothing."""
    assert fault.passes is passes
