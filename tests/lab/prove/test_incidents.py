"""Holds: what evaluations come to as incidents."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lab.prove.incidents import firing_intervals

INTERVAL = 30


def opened(
    *true_at: float, retest_window: float, last: float = 600
) -> list[tuple[float, float | None]]:
    """Return the spells of evaluations every half minute."""
    return list(
        firing_intervals(true_at, retest_window=retest_window, interval=INTERVAL, last=last)
    )


def test_without_a_hold_the_first_true_evaluation_pages() -> None:
    """The incident opens with the first and closes with the first that is not true."""
    assert opened(30, 60, retest_window=0) == [(30, 90)]


def test_a_hold_waits_for_as_long() -> None:
    """A minute takes the third evaluation in a row; two are not enough."""
    assert opened(30, 60, 90, retest_window=60) == [(90, 120)]
    assert opened(30, 60, retest_window=60) == []


def test_a_hold_that_is_no_multiple_waits_for_the_next_evaluation() -> None:
    """The first evaluation at least the hold after the first true one opens the incident."""
    assert opened(0, 30, 60, retest_window=45) == [(60, 90)]


def test_one_evaluation_that_is_not_true_starts_anew() -> None:
    """A gap closes the incident, and the hold has to pass again."""
    assert opened(0, 30, 60, 120, 150, 180, retest_window=60) == [(60, 90), (180, 210)]


def test_an_incident_may_outlast_what_is_watched() -> None:
    """It has no end where the last evaluation was still true."""
    assert opened(540, 570, 600, retest_window=60) == [(600, None)]


@given(
    truths=st.lists(st.booleans(), max_size=60),
    retest_window=st.integers(0, 300),
    phase=st.sampled_from([0.0, 7.0, 29.0]),
)
def test_spells_are_those_of_a_plain_state_machine(
    truths: list[bool], retest_window: int, phase: float
) -> None:
    """Whatever the evaluations, the incidents are those of an engine that takes one at a time."""
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
