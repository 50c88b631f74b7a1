"""A seeded part of the interrupted and overlapping runs of `make chaos`."""

from __future__ import annotations

import random

import pytest

from lab.chaos.interrupts import Interrupt, interrupt, overlap, random_interrupts

_DRAWN = random_interrupts(random.Random(1), 6)  # noqa: S311 - the same moments each time


@pytest.mark.parametrize("planned", _DRAWN, ids=str)
def test_a_signal_at_any_moment_leaves_nothing_false(planned: Interrupt) -> None:
    """The exit code is the signal's, the log has no traceback, and no stream reads as missing."""
    assert interrupt(planned) == ()


def test_overlapping_runs_make_no_stream_look_missing() -> None:
    """Two runs at once, with lost answers, leave a truthful picture."""
    assert overlap(2) == ()
