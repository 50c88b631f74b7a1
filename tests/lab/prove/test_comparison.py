"""Incidents compared with the expected alerts."""

from typing import Any

from lab.prove.comparison import AlertOutcome, compare
from lab.prove.incidents import Incident
from lab.simulate.scenario import ExpectedIncident
from tests.tables import rows

NAME = "projects/shop/locations/europe-west1/streams/"


def expected(**keys: Any) -> ExpectedIncident:
    """Return an expected alert for orders, from the tenth minute until the twelfth."""
    usual = {"policy": "failed", "of": "orders", "opens": {"after": 600, "by": 720}}
    return ExpectedIncident.model_validate(usual | keys)


def incident(
    opened: float, closed: float | None = None, of: str = "orders"
) -> Incident:
    """Return an incident of a stream."""
    return Incident("failed", NAME + of, {}, opened, closed)


def outcomes(
    alerts: list[ExpectedIncident], *incidents: Incident
) -> list[AlertOutcome]:
    """Return the outcome of each expected alert and each extra incident."""
    return [result.outcome for result in compare(alerts, incidents, 0, 1)]


@rows
def test_an_incident_opens_and_closes_in_time(
    keys: dict[str, Any], opened: float, closed: float | None, outcome: AlertOutcome
) -> None:
    """Both ends of an expected range belong to it; an alert that stays never closes."""
    assert outcomes([expected(**keys)], incident(opened, closed)) == [outcome]


def test_what_does_not_match_is_missed_or_extra() -> None:
    """An incident of another stream or policy, or a second one, is extra."""
    assert outcomes([expected()]) == [AlertOutcome.MISSED]
    assert outcomes([expected(may=True)]) == [AlertOutcome.RIGHT]
    other = Incident("missing", NAME + "orders", {}, 650, None)
    found = outcomes([expected()], incident(650), incident(660, of="stock"), other)
    assert found == [AlertOutcome.RIGHT, AlertOutcome.EXTRA, AlertOutcome.EXTRA]
    twice = outcomes([expected()], incident(650, 700), incident(710))
    assert twice == [AlertOutcome.RIGHT, AlertOutcome.EXTRA]


def test_each_expected_alert_takes_the_incident_closest_to_its_time() -> None:
    """Each alert takes the incident closest to its time, one of each stream."""
    again = expected(opens={"after": 1200, "by": 1300}, stays=True)
    found = outcomes([again, expected()], incident(1250), incident(650, 700))
    assert found == [AlertOutcome.RIGHT, AlertOutcome.RIGHT]
    alerts = [expected(of="*", count=2)]
    found = outcomes(alerts, incident(650), incident(650, of="stock"))
    assert found == [AlertOutcome.RIGHT, AlertOutcome.RIGHT]
    twice = outcomes(alerts, incident(650, 660), incident(690))
    assert twice == [AlertOutcome.RIGHT, AlertOutcome.MISSED, AlertOutcome.EXTRA]
