"""The lines about a scenario: what was expected, what happened, and to what."""

from typing import Any

from lab.prove.comparison import AlertOutcome, AlertResult, alert_results
from lab.prove.incidents import Incident
from lab.prove.outcomes import lines
from lab.simulate.scenario import ExpectedIncident
from tests.tables import rows

AT = "projects/shop-prod/locations/europe-west1/streams"


@rows
def test_incidents_are_printed_beside_what_was_expected(
    expected: list[dict[str, Any]],
    phases: list[list[tuple[str, str, float, float | None]]],
    printed: list[str],
) -> None:
    """Each alert takes the incident closest to its time; others are missed or extra."""
    usual = {"policy": "p", "opens": {"after": 60, "by": 120}}
    alerts = [ExpectedIncident.model_validate(usual | each) for each in expected]
    findings: list[AlertResult] = []
    for phase, opened in enumerate(phases):
        incidents = [
            Incident(policy, f"{AT}/{stream}", {}, at, closed)
            for policy, stream, at, closed in opened
        ]
        findings += alert_results(alerts, incidents, float(phase), len(phases))
    found = []
    for outcome, text in lines(findings):
        mark = "" if outcome is AlertOutcome.RIGHT else f"{outcome.upper()} "
        found.append(mark + text)
    assert found == printed
