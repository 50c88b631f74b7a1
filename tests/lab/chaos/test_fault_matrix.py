"""A seeded part of the fault matrix that `make chaos` runs as a whole."""

from __future__ import annotations

import random

import pytest

from lab.chaos.case import run_with, undisturbed
from lab.chaos.faults import CODES, BrokenConnection, Fault, WrongAnswer, matrix
from lab.chaos.judge import judge

_SEED = 1


def _sample() -> list[Fault]:
    """Return two faults of each kind of answer and connection, and one of each code.

    Connections that cost gRPC 20 s or a run its whole deadline are left to `make chaos`.
    """
    drawn = random.Random(_SEED)  # noqa: S311 - the same faults each time
    kinds: dict[str, list[Fault]] = {}
    for fault in matrix():
        kinds.setdefault(str(fault.kind), []).append(fault)
    return [
        fault
        for kind, faults in kinds.items()
        if kind == BrokenConnection.CLOSED or not any(kind == slow for slow in BrokenConnection)
        for fault in drawn.sample(faults, 1 if kind in CODES else 2)
    ]


@pytest.mark.parametrize("fault", _sample(), ids=str)
def test_a_run_is_truthful_complete_and_clear_whatever_goes_wrong(fault: Fault) -> None:
    """Nothing is false, nothing is lost where the fault ends, and the log names the place."""
    assert judge(fault, run_with(fault), undisturbed()).broken == ()


def test_two_silent_connections_leave_time_for_a_third() -> None:
    """A connection that nobody answers is given up soon enough to read everything on another."""
    fault = Fault("Datastream", BrokenConnection.SILENT, times="twice")
    assert judge(fault, run_with(fault), undisturbed()).broken == ()


def test_the_matrix_has_every_kind_of_fault() -> None:
    """Each status code, wrong answer and broken connection meets each method or service."""
    kinds = {str(fault.kind) for fault in matrix()}
    assert kinds == {*CODES, *map(str, WrongAnswer), *map(str, BrokenConnection)}
    assert len(set(matrix())) == len(list(matrix()))
