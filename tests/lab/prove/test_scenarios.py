"""The project's scenarios with its policies: exactly the expected alerts fire."""

import pytest

from lab.policies.checks import VALUE
from lab.policies.files import Policy
from lab.preview.notification import EMPTY, notification
from lab.prove.comparison import AlertResult
from lab.simulate.scenario import Scenario
from tests.lab.conftest import SCENARIOS, Played


def wrong(alert: AlertResult) -> str:
    """Describe a wrong alert in one line."""
    return f"{alert.outcome} in phase {alert.phase}: {alert.expected} {alert.incident}"


@pytest.mark.parametrize("name", sorted(path.stem for path in SCENARIOS.glob("*.yaml")))
def test_exactly_the_expected_alerts_fire(
    name: str, played: Played, by_name: dict[str, Policy]
) -> None:
    """A scenario's alerts fire in every phase, and their texts find their labels."""
    result = played(name)
    assert [wrong(alert) for alert in result.results if not alert.passed] == []
    assert result.passed
    empty = set()
    for incident in result.incidents:
        shown = notification(by_name[incident.policy], incident.labels)
        empty |= {name for name, value in shown.values.items() if value == EMPTY}
    # Not every change has a reason, and the engine's value is no label.
    assert empty <= {"log.extracted_label.reason", VALUE}


def test_every_policy_fires_in_some_scenario(
    policies: tuple[Policy, ...], project_scenarios: dict[str, Scenario]
) -> None:
    """Every policy is expected in some scenario, so none can go unnoticed."""
    paging = set()
    for scenario in project_scenarios.values():
        paging |= {each.policy for each in scenario.expect if not each.may}
    assert {policy.name for policy in policies} == paging
