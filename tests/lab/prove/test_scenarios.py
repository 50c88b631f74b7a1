"""The project's scenarios with its policies: exactly the expected alerts fire."""

import pytest

from lab.policies.checks import VALUE
from lab.policies.files import Policy
from lab.preview.notification import EMPTY, notification
from lab.prove.comparison import AlertResult
from lab.prove.engine import start_engine
from lab.simulate.scenario import Scenario
from lab.simulate.series import adjust_for_delay
from tests.lab.conftest import SCENARIOS, Played

# The groups of late-for-the-group: kind, names, reason, and how many streams at most
GROUPS = {
    "failed: stock-1, stock-2, stock-3, stock-4, stock-5: DISK_FULL": 5,
    "failed: stock-1, stock-2, stock-3, stock-4, stock-5: MYSQL_CONNECTION_REFUSED": 6,
    "failed: later: DISK_FULL": 1,
    "failed: orders-1, orders-2, orders-3, orders-4, orders-5: none that all share": 6,
    "failed_permanently: stock-1, stock-2, stock-3, stock-4, stock-5: DISK_FULL": 5,
    "failed_permanently: ledger-5: ORACLE_LOG_PURGED": 1,
    "failed_permanently: ledger-6: ORACLE_LOG_PURGED": 2,
    "unexpected: parked-1, parked-2, parked-3, parked-4, parked-5: PAUSED": 6,
    "unexpected: parked-1, parked-2, parked-3, parked-4, parked-5 again: PAUSED": 5,
    "unexpected: parked-7: PAUSED": 1,
    "errors: rows-1, rows-2, rows-3, rows-4, rows-5, rows-6: TABLE_LOCKED": 6,
}


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
    # The engine's value is no label.
    assert empty <= {VALUE}


def test_a_groups_page_names_its_founders_and_counts_its_streams(
    played: Played, policies: tuple[Policy, ...]
) -> None:
    """A group has its founders' names and shared reason, and the number of all."""
    recording = played("late-for-the-group").recording
    end = recording.start + recording.lasts
    found: dict[str, float] = {}
    with start_engine(recording.series) as engine:
        for policy in policies:
            if not policy.name.endswith("-together"):
                continue
            query = recording.deployed.fill_in(policy.query or "")
            query = adjust_for_delay(query, recording.delay)
            for each in engine.query_range(query, recording.start, end, 30):
                if each.labels["namespace"] == "job-prod":
                    about = "{kind}: {streams}: {reason}".format(**each.labels)
                    found[about] = max(map(float, each.values.values()))
    assert found == GROUPS


def test_every_policy_fires_in_some_scenario(
    policies: tuple[Policy, ...], project_scenarios: dict[str, Scenario]
) -> None:
    """Every policy is expected in some scenario, so none can go unnoticed."""
    paging = set()
    for scenario in project_scenarios.values():
        paging |= {each.policy for each in scenario.expect if not each.may}
    assert {policy.name for policy in policies} == paging
