"""Incidents made of evaluations."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.prove.incidents import firing_intervals

INTERVAL = 30


@pytest.mark.parametrize(
    ("true_at", "retest_window", "intervals"),
    [
        pytest.param((30, 60), 0, [(30, 90)], id="no retest window: the first true one opens"),
        pytest.param((30, 60, 90), 60, [(90, 120)], id="a minute takes three in a row"),
        pytest.param((30, 60), 60, [], id="two in a row are not enough"),
        pytest.param((0, 30, 60), 45, [(60, 90)], id="rounded up to whole intervals"),
        pytest.param(
            (0, 30, 60, 120, 150, 180),
            60,
            [(60, 90), (180, 210)],
            id="a gap closes it, and the retest window starts again",
        ),
        pytest.param((540, 570, 600), 60, [(600, None)], id="open at the end"),
    ],
)
def test_an_incident_opens_after_the_retest_window(
    true_at: tuple[float, ...], retest_window: float, intervals: list[tuple[float, float | None]]
) -> None:
    """It closes at the first evaluation that is not true."""
    found = firing_intervals(true_at, retest_window=retest_window, interval=INTERVAL, last=600)
    assert list(found) == intervals


@given(
    truths=st.lists(st.booleans(), max_size=60),
    retest_window=st.integers(0, 300),
    phase=st.sampled_from([0.0, 7.0, 29.0]),
)
def test_incidents_match_a_simple_state_machine(
    truths: list[bool], retest_window: int, phase: float
) -> None:
    """Whatever the evaluations, an engine that takes one at a time opens the same incidents."""
    found: list[tuple[float, float | None]] = []
    active: float | None = None
    firing: float | None = None
    for number, true in enumerate(truths):
        at = phase + number * INTERVAL
        if not true:
            if firing is not None:
                found.append((firing, at))
            active = firing = None
            continue
        active = at if active is None else active
        if firing is None and at - active >= retest_window:
            firing = at
    if firing is not None:
        found.append((firing, None))
    true_at = [phase + number * INTERVAL for number, true in enumerate(truths) if true]
    last = phase + (len(truths) - 1) * INTERVAL
    assert (
        list(firing_intervals(true_at, retest_window=retest_window, interval=INTERVAL, last=last))
        == found
    )
