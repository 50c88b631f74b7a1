"""What paged, held against what should have."""

from __future__ import annotations

from typing import Any

import pytest

from lab.prove.comparison import Outcome, compare
from lab.prove.incidents import Incident
from lab.simulate.scenario import ExpectedIncident

NAME = "projects/shop/locations/europe-west1/streams/"


def expected(**keys: Any) -> ExpectedIncident:
    """Return an expected page for orders, from the tenth minute until the twelfth."""
    usual = {"policy": "failed", "of": "orders", "opens": {"after": 600, "by": 720}}
    return ExpectedIncident.model_validate(usual | keys)


def incident(opened: float, closed: float | None = None, of: str = "orders") -> Incident:
    """Return a page for a stream."""
    return Incident("failed", NAME + of, {}, opened, closed)


def outcomes(wanted: list[ExpectedIncident], *incidents: Incident) -> list[Outcome]:
    """Return how each page came out."""
    return [finding.outcome for finding in compare(wanted, incidents, 0)]


@pytest.mark.parametrize(
    ("happened", "outcome"),
    [
        ((600, None), Outcome.RIGHT),
        ((720, 800), Outcome.RIGHT),
        ((599, None), Outcome.EARLY),
        ((721, None), Outcome.LATE),
    ],
)
def test_a_page_comes_in_its_time(happened: tuple[float, float | None], outcome: Outcome) -> None:
    """Both ends of the span are in it; before is early, after is late."""
    assert outcomes([expected()], incident(*happened)) == [outcome]


@pytest.mark.parametrize(
    ("closed", "outcome"),
    [
        (899, Outcome.CLOSED_EARLY),
        (900, Outcome.RIGHT),
        (960, Outcome.RIGHT),
        (961, Outcome.CLOSED_LATE),
        (None, Outcome.CLOSED_LATE),
    ],
)
def test_a_page_ends_in_its_time(closed: float | None, outcome: Outcome) -> None:
    """Where an end is expected, one that is too early, too late or missing is told."""
    wanted = expected(closes={"after": 900, "by": 960})
    assert outcomes([wanted], incident(650, closed)) == [outcome]


def test_a_page_that_stays_does_not_end() -> None:
    """One that is expected to stay and ends has closed too early."""
    assert outcomes([expected(stays=True)], incident(650, 5000)) == [Outcome.CLOSED_EARLY]
    assert outcomes([expected(stays=True)], incident(650)) == [Outcome.RIGHT]


def test_a_page_that_does_not_come_is_missed() -> None:
    """Unless it may as well not come."""
    assert outcomes([expected()]) == [Outcome.MISSED]
    assert outcomes([expected(may=True)]) == [Outcome.RIGHT]


def test_any_other_page_is_one_too_many() -> None:
    """One for another thing, by another policy, or a second time, is told as extra."""
    other = Incident("missing", NAME + "orders", {}, 650, None)
    found = outcomes([expected()], incident(650), incident(660, of="stock"), other)
    assert found == [Outcome.RIGHT, Outcome.EXTRA, Outcome.EXTRA]
    assert outcomes([expected()], incident(650, 700), incident(710)) == [
        Outcome.RIGHT,
        Outcome.EXTRA,
    ]


def test_the_same_page_may_be_expected_twice() -> None:
    """Each of the two takes the incident that is nearest to its time, in whatever order."""
    again = expected(opens={"after": 1200, "by": 1300}, stays=True)
    found = compare([again, expected()], [incident(1250), incident(650, 700)], 0)
    assert [finding.outcome for finding in found] == [Outcome.RIGHT, Outcome.RIGHT]


def test_a_count_takes_as_many_things() -> None:
    """Forty pages are forty things, each once: one that pages twice does not stand for two."""
    wanted = [expected(of="*", count=2)]
    assert outcomes(wanted, incident(650), incident(650, of="stock")) == [Outcome.RIGHT] * 2
    twice = outcomes(wanted, incident(650, 660), incident(690))
    assert twice == [Outcome.RIGHT, Outcome.MISSED, Outcome.EXTRA]
