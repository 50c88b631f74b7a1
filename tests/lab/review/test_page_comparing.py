"""Pages before and after a change, held against each other."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from lab.prove.incidents import Incident
from lab.review.comparing import Effect, Kind, Span, compared


class _P(NamedTuple):
    """A page: when it opened and closed."""

    opened: float
    closed: float | None = None


def _incidents(*pages: _P, about: str = "orders", **labels: str) -> list[Incident]:
    return [Incident("p", about, labels, page.opened, page.closed) for page in pages]


def _kinds(before: list[Incident], after: list[Incident]) -> list[tuple[Kind, float | None]]:
    """Return how pages are different, and by how much, where log entries page: in one phase."""
    return [
        (each.kind, each.by.most if each.by else None)
        for each in compared(before, after, (0, 0), 5)
    ]


@pytest.mark.parametrize(
    ("before", "after", "kinds"),
    [
        ([], [], []),
        ([_P(10, 20)], [_P(10, 20)], []),
        ([], [_P(10)], [(Kind.GAINED, None)]),
        ([_P(10)], [], [(Kind.LOST, None)]),
        ([_P(10)], [_P(70)], [(Kind.LATER, 60)]),
        ([_P(70)], [_P(10)], [(Kind.SOONER, 60)]),
        ([_P(10, 20)], [_P(10, 40)], [(Kind.ENDS_LATER, 20)]),
        ([_P(10, 40)], [_P(10, 20)], [(Kind.ENDS_SOONER, 20)]),
        ([_P(10, 40)], [_P(10)], [(Kind.ENDS_LATER, None)]),
        # One that is over before the other begins is another page.
        ([_P(10, 20)], [_P(30, 40)], [(Kind.LOST, None), (Kind.GAINED, None)]),
        # What was two pages is one, and the other way round.
        ([_P(10, 20), _P(40)], [_P(10)], [(Kind.ENDS_LATER, None), (Kind.JOINED, None)]),
        ([_P(10)], [_P(10, 20), _P(40)], [(Kind.ENDS_SOONER, None), (Kind.AGAIN, None)]),
        # The nearest is the same page.
        ([_P(10, 200)], [_P(5, 20), _P(90)], [(Kind.SOONER, 5), (Kind.AGAIN, None)]),
        ([_P(10, 20), _P(40, 50)], [_P(45, 60)], [(Kind.LOST, None), (Kind.LATER, 5)]),
    ],
)
def test_a_page_is_found_again(
    before: list[_P], after: list[_P], kinds: list[tuple[Kind, float | None]]
) -> None:
    """A page is the same where both are open at one time, the nearest of several."""
    assert _kinds(_incidents(*before), _incidents(*after)) == kinds


def test_pages_are_told_apart_by_what_they_are_about() -> None:
    """A page of one stream is no page of another."""
    found = compared(
        _incidents(_P(10), about="orders"), _incidents(_P(10), about="stock"), (0, 0), 5
    )
    assert [(each.kind, each.about) for each in found] == [
        (Kind.LOST, "orders"),
        (Kind.GAINED, "stock"),
    ]


def test_labels_tell_apart_what_is_about_one_thing() -> None:
    """Two pages of a stream, one for each table, are each held against its own."""
    before = [*_incidents(_P(10), table="a"), *_incidents(_P(50), table="b")]
    after = [*_incidents(_P(20), table="b"), *_incidents(_P(15), table="a")]
    assert _kinds(before, after) == [(Kind.LATER, 5), (Kind.SOONER, 30)]


def test_what_names_nothing_goes_by_its_labels() -> None:
    """A query of a user's own may give whatever labels."""
    (found,) = compared([], _incidents(_P(10), about="", b="2", a="1"), (0, 0), 5)
    assert found.about == "a=1, b=2"


def _phases(opened: dict[int, float]) -> list[Incident]:
    return [Incident("p", "orders", {}, at, None, phase) for phase, at in opened.items()]


def test_phases_are_told_together() -> None:
    """From the earliest to the latest, and in how many it is so."""
    before = _phases({0: 60, 10: 40, 20: 50})
    after = _phases({0: 90, 10: 70, 20: 50})
    assert compared(before, after, (30, 30), 10) == (
        Effect(Kind.LATER, "orders", Span(40, 60), Span(70, 90), Span(30, 30), 2, 3),
    )


def test_another_interval_meets_every_phase_of_the_first() -> None:
    """Evaluations a minute apart fall together with those of each half minute in two ways."""
    before = _phases({0: 60, 15: 45})
    after = _phases({0: 120, 15: 75, 30: 90, 45: 105})
    assert compared(before, after, (30, 60), 15) == (
        Effect(Kind.LATER, "orders", Span(45, 60), Span(75, 120), Span(30, 60), 4, 4),
    )


def test_a_policy_that_did_not_exist_has_pages_in_each_phase_of_the_new_one() -> None:
    """There is no phase where nothing was evaluated."""
    (found,) = compared([], _phases({0: 60, 20: 50}), (0, 30), 10)
    assert (found.kind, found.after, found.phases, found.tried) == (
        Kind.GAINED,
        Span(50, 60),
        2,
        3,
    )
