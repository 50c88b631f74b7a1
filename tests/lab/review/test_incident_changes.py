"""How the incidents of a policy change: found again, moved, lost, gained, merged."""

from __future__ import annotations

from dataclasses import astuple

import pytest

from lab.prove.incidents import Incident
from lab.review.incident_changes import ChangeKind, compare_incidents

LOST, GAINED = (ChangeKind.LOST, None), (ChangeKind.GAINED, None)


def _incidents(*times: tuple[float, ...], about: str = "orders", **labels: str) -> list[Incident]:
    """Return incidents that open, and close if there is a second time."""
    return [
        Incident("p", about, labels, opened, closed[0] if closed else None)
        for opened, *closed in times
    ]


def _kinds(before: list[Incident], after: list[Incident]) -> list[tuple[ChangeKind, float | None]]:
    """Return the kinds of change and by how much, without evaluations."""
    return [
        (change.kind, change.by.most if change.by else None)
        for change in compare_incidents(before, after, (0, 0), 5)
    ]


@pytest.mark.parametrize(
    ("before", "after", "kinds"),
    [
        ([], [], []),
        ([(10, 20)], [(10, 20)], []),
        ([], [(10,)], [GAINED]),
        ([(10,)], [], [LOST]),
        ([(10,)], [(70,)], [(ChangeKind.LATER, 60)]),
        ([(70,)], [(10,)], [(ChangeKind.SOONER, 60)]),
        ([(10, 20)], [(10, 40)], [(ChangeKind.ENDS_LATER, 20)]),
        ([(10, 40)], [(10, 20)], [(ChangeKind.ENDS_SOONER, 20)]),
        ([(10, 40)], [(10,)], [(ChangeKind.ENDS_LATER, None)]),
        # Incidents that do not overlap are different ones.
        ([(10, 20)], [(30, 40)], [LOST, GAINED]),
        # Two become one, and one becomes two.
        (
            [(10, 20), (40,)],
            [(10,)],
            [(ChangeKind.ENDS_LATER, None), (ChangeKind.MERGED, None)],
        ),
        (
            [(10,)],
            [(10, 20), (40,)],
            [(ChangeKind.ENDS_SOONER, None), (ChangeKind.REOPENED, None)],
        ),
        # The nearest one is the same incident.
        ([(10, 200)], [(5, 20), (90,)], [(ChangeKind.SOONER, 5), (ChangeKind.REOPENED, None)]),
        ([(10, 20), (40, 50)], [(45, 60)], [LOST, (ChangeKind.LATER, 5)]),
    ],
)
def test_overlapping_incidents_are_the_same(
    before: list[tuple[float, ...]],
    after: list[tuple[float, ...]],
    kinds: list[tuple[ChangeKind, float | None]],
) -> None:
    """Incidents that overlap before and after are the same, the nearest of several."""
    assert _kinds(_incidents(*before), _incidents(*after)) == kinds


def test_incidents_of_different_streams_differ() -> None:
    """An incident of one stream never matches one of another."""
    before, after = _incidents((10,), about="orders"), _incidents((10,), about="stock")
    assert _kinds(before, after) == [LOST, GAINED]


def test_labels_distinguish_incidents_of_a_stream() -> None:
    """Two incidents of a stream, one for each table, match by table."""
    before = [*_incidents((10,), table="a"), *_incidents((50,), table="b")]
    after = [*_incidents((20,), table="b"), *_incidents((15,), table="a")]
    assert _kinds(before, after) == [(ChangeKind.LATER, 5), (ChangeKind.SOONER, 30)]


def test_an_incident_without_a_resource_shows_its_labels() -> None:
    """A custom query may return any labels."""
    (found,) = compare_incidents([], _incidents((10,), about="", b="2", a="1"), (0, 0), 5)
    assert found.about == "a=1, b=2"


@pytest.mark.parametrize(
    ("before", "after", "intervals", "spacing", "change"),
    [
        # The range of times over all phases, and in how many phases it changes.
        (
            {0: 60, 10: 40, 20: 50},
            {0: 90, 10: 70, 20: 50},
            (30, 30),
            10,
            (ChangeKind.LATER, (40, 60), (70, 90), (30, 30), 2, 3),
        ),
        # Evaluations every minute meet those every half minute in two ways.
        (
            {0: 60, 15: 45},
            {0: 120, 15: 75, 30: 90, 45: 105},
            (30, 60),
            15,
            (ChangeKind.LATER, (45, 60), (75, 120), (30, 60), 4, 4),
        ),
        # A new policy has no phases before.
        ({}, {0: 60, 20: 50}, (0, 30), 10, (ChangeKind.GAINED, None, (50, 60), None, 2, 3)),
    ],
)
def test_phases_are_combined(
    before: dict[int, float],
    after: dict[int, float],
    intervals: tuple[int, int],
    spacing: float,
    change: tuple[object, ...],
) -> None:
    """A change covers all phases of both evaluation intervals."""
    old, new = (
        [Incident("p", "orders", {}, at, None, phase) for phase, at in opened.items()]
        for opened in (before, after)
    )
    (found,) = compare_incidents(old, new, intervals, spacing)
    kind, about, *rest = astuple(found)
    assert (kind, about, *rest) == (change[0], "orders", *change[1:])
