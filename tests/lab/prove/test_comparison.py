"""Incidents compared with the expected alerts."""

from typing import Any

from lab.prove.comparison import compare
from lab.prove.incidents import Incident
from lab.simulate.scenario import ExpectedIncident
from tests.tables import rows

NAME = "projects/shop/locations/europe-west1/streams/"


@rows
def test_incidents_are_compared_with_expected_alerts(
    alerts: list[dict[str, Any]],
    incidents: list[tuple[str, str, float, float | None]],
    outcomes: list[str],
) -> None:
    """Each alert takes the incident closest to its time; others are missed or extra."""
    usual = {"policy": "failed", "of": "orders", "opens": {"after": 600, "by": 720}}
    expected = [ExpectedIncident.model_validate(usual | keys) for keys in alerts]
    found = [
        Incident(policy, f"{NAME}{of}", {}, opened, closed)
        for policy, of, opened, closed in incidents
    ]
    assert [each.outcome for each in compare(expected, found, 0, 1)] == outcomes
