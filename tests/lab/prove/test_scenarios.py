"""The project's scenarios against its policies: each pages what it has to, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING

import pytest
import yaml

from lab.policies.files import read_policies
from lab.prove.proof import prove_all, starts
from lab.simulate.scenario_files import read_scenarios
from tests.lab.conftest import POLICIES, SCENARIOS

if TYPE_CHECKING:
    from lab.policies.files import Policy
    from lab.prove.judging import Finding
    from lab.simulate.scenario import Scenario
    from tests.lab.conftest import MakeScenario


@cache
def scenarios() -> dict[str, Scenario]:
    """Return the scenarios by name."""
    policies = {policy.name for policy in read_policies(POLICIES)}
    return {scenario.name: scenario for scenario in read_scenarios(SCENARIOS, policies)}


def wrong(finding: Finding) -> str:
    """Return a finding that is not right in a line."""
    expected, incident = finding.expected, finding.incident
    name = expected.policy if expected else incident.policy if incident else ""
    return f"{finding.outcome}: {name} in phase {finding.phase}: {expected} {incident}"


@pytest.mark.parametrize("name", sorted(path.stem for path in SCENARIOS.glob("*.yaml")))
def test_a_scenario_pages_what_it_has_to_and_nothing_else(
    name: str, policies: tuple[Policy, ...]
) -> None:
    """In every phase of the evaluations, by the real exporter's points and the real engine."""
    (proof,) = prove_all([scenarios()[name]], policies)
    assert [wrong(finding) for finding in proof.findings if not finding.right] == []
    assert proof.right


def test_every_policy_pages_in_some_scenario(policies: tuple[Policy, ...]) -> None:
    """None of them could be left out unnoticed."""
    paging = {
        each.policy for scenario in scenarios().values() for each in scenario.expect if not each.may
    }
    assert {policy.name for policy in policies} == paging


def test_a_scenario_that_does_not_come_out_is_told(
    make_scenario: MakeScenario, policies: tuple[Policy, ...]
) -> None:
    """A page that is missing, and one that nobody expects, stand among the findings."""
    expected = {"policy": "stream-missing", "of": "stock", "opens": {"after": 0, "by": 600}}
    scenario = make_scenario(
        {"at": 300, "stream": "orders", "do": "fail_permanently", "reason": "LOST"},
        expect=[expected],
        lasts="10m",
    )
    (proof,) = prove_all([scenario], policies)
    assert not proof.right
    found = {
        (each.outcome, each.incident.policy if each.incident else "") for each in proof.findings
    }
    assert found == {
        ("missed", ""),
        ("extra", "stream-failed-permanently"),
        ("extra", "stream-activity-errors"),
    }


def test_what_is_due_is_missed_where_no_policy_applies(
    make_scenario: MakeScenario, policies: tuple[Policy, ...]
) -> None:
    """Without a policy on metrics there is no evaluation, and a page that is due is missed."""
    expected = {"policy": "stream-missing", "of": "stock", "opens": {"after": 0, "by": 600}}
    (proof,) = prove_all(
        [make_scenario(expect=[expected], lasts="10m")],
        [policy for policy in policies if policy.is_log],
    )
    assert [each.outcome for each in proof.findings] == ["missed"]


def test_scenarios_are_played_together_as_alone(policies: tuple[Policy, ...]) -> None:
    """One engine holds several, days apart: none sees another's series."""
    names = ["exporter-dead-3m", "daylight-saving-night", "new-stream", "first-apply"]
    proofs = list(prove_all([scenarios()[name] for name in names], policies))
    assert [proof.right for proof in proofs] == [True] * 4


def test_a_policy_may_be_switched_off(
    make_scenario: MakeScenario, policies: tuple[Policy, ...]
) -> None:
    """It then neither pages nor has to."""
    scenario = make_scenario(
        {"at": 300, "stream": "orders", "do": "fail_permanently", "reason": "LOST"},
        lasts="10m",
        switched_off=["stream-failed-permanently", "stream-activity-errors"],
    )
    (proof,) = prove_all([scenario], policies)
    assert proof.findings == ()


def test_scenarios_keep_days_apart(make_scenario: MakeScenario) -> None:
    """One says when it starts; the others are laid around it, and two that are close are told."""
    said = make_scenario(starts=datetime(2026, 1, 9, tzinfo=UTC).isoformat())
    free = make_scenario()
    days = [(each - datetime(2026, 1, 5, tzinfo=UTC)).days for each in starts([free, said, free])]
    assert days == [0, 4, 9]
    close = make_scenario(starts=datetime(2026, 1, 11, tzinfo=UTC).isoformat())
    with pytest.raises(ValueError, match="start within 3 days of each other"):
        starts([said, close])


def test_a_scenario_file_says_what_it_is_for() -> None:
    """Each has a title of its own, and a sentence about what it proves."""
    written = [yaml.safe_load(path.read_text("utf-8")) for path in SCENARIOS.glob("*.yaml")]
    assert len({each["title"] for each in written}) == len(written)
    assert all(each["what"].strip().endswith(".") for each in written)
