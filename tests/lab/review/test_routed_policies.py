"""Routed policies: each stream alerts in exactly one route, and reviews understand it."""

import json
from collections import Counter
from pathlib import Path
from threading import Event
from typing import Any

import pytest
import yaml

from exporter.cli.exit_codes import INCOMPLETE, OK
from lab.policies.files import read_policies
from lab.prove.scenarios import play_all
from lab.review.plan import Plan, parse_plan
from lab.review.planned import planned_policies
from lab.simulate.scenario import Scenario
from lab.simulate.scenario_files import read_scenarios
from tests.lab.conftest import POLICIES, Command
from tests.lab.review.conftest import Replanned, Reviewed
from tests.outputs import OUTPUTS
from tests.terraform.module_inputs import CHANNEL

_CHANNELS = {each: [CHANNEL] for each in ("CRITICAL", "ERROR", "WARNING")}
_SHOP = {"shop": {"projects": ["orders-prod"], "notification_channels": _CHANNELS}}
_FILES = read_policies(POLICIES)
_ROUTED = sorted(
    policy.name for policy in _FILES if policy.query and not policy.name.startswith("exporter-")
)
_ON_EXPORTER_LOG = "stream-state-changed"


def _chosen() -> list[Scenario]:
    """Return the shortest scenario for each routed policy, and one with several projects."""
    scenarios = sorted(
        read_scenarios(POLICIES / "scenarios", {policy.name for policy in _FILES}),
        key=lambda scenario: (scenario.lasts, scenario.name),
    )
    chosen = {scenario.name: scenario for scenario in scenarios if scenario.name == "same-id"}
    for name in (*_ROUTED, _ON_EXPORTER_LOG):
        fitting = [each for each in scenarios if name in {alert.policy for alert in each.expect}]
        chosen[fitting[0].name] = fitting[0]
    return list(chosen.values())


def _projects(scenarios: list[Scenario]) -> set[str]:
    return {project.id for each in scenarios for project in each.world.projects}


def _plan(replanned: Replanned, routes: dict[str, set[str]]) -> Plan:
    """Return a plan that watches the scenarios' projects and has these routes."""
    projects = sorted(_projects(_chosen()) | {"orders-prod", "billing-prod"})
    config = {
        "metrics": {"project": "orders-prod"},
        "sources": [{"project": project} for project in projects],
    }
    plan = replanned(
        mode="worker_pool",
        config_yaml=yaml.safe_dump(config),
        routes={
            route: {"projects": sorted(projects), "notification_channels": _CHANNELS}
            for route, projects in routes.items()
        },
    )
    return parse_plan(json.dumps(plan).encode(), "plan.json")


@pytest.mark.parametrize(
    "routes",
    [
        pytest.param({"shop": {"shop-prod"}}, id="the scenarios' project"),
        pytest.param({"others": {"orders-prod"}, "more": {"billing-prod"}}, id="other projects"),
    ],
)
def test_every_scenario_passes_with_routes(
    replanned: Replanned, routes: dict[str, set[str]]
) -> None:
    """No stream alerts in two routes and none in no route: each alert comes exactly once."""
    scenarios = _chosen()
    assert "shop-prod" in _projects(scenarios)
    policies = planned_policies(_plan(replanned, routes).changes)
    count = Counter(policy.name for policy in policies)
    assert {count[name] for name in (*_ROUTED, _ON_EXPORTER_LOG)} == {1 + len(routes)}
    # The plan has no job, and so not the policy on its executions.
    wrong = [
        (result.scenario.name, alert)
        for result in play_all(scenarios, policies, Event())
        for alert in result.results
        if not alert.passed and not (alert.expected and alert.expected.policy not in count)
    ]
    assert wrong == []


def test_the_command_plays_a_plan(replanned: Replanned, command: Command, tmp_path: Path) -> None:
    """`test --plan` plays the planned policies: without a disabled one, its alert is missed."""
    name = "stream-failed-permanently"
    (scenario, *_) = (each for each in _chosen() if name in {alert.policy for alert in each.expect})
    file = tmp_path / "plan.json"
    for enabled, code, words in (
        (True, OK, f"PASS  {scenario.name}"),
        (False, INCOMPLETE, f"MISSED: {name} of"),
    ):
        plan = replanned(routes=_SHOP, policy_overrides={name: {"enabled": enabled}})
        OUTPUTS.write_input(file, json.dumps(plan))
        ended = command("test", scenario.name, "--plan", str(file), "--policies", str(POLICIES))
        assert ended.code == code
        assert words in ended.out


def test_a_new_route_loses_no_alert(replanned: Replanned, reviewed: Reviewed) -> None:
    """A review joins the policies of all routes: what moves to a route is neither lost nor new."""
    answer = reviewed(replanned(routes=_SHOP), "--scenario", "five", "--strict")
    assert answer.code == 0
    assert "Alerts in 1 scenario: all as before." in answer.out
    assert "<code>shop/stream-failed</code>: create" in answer.out
    assert "| `shop` | `no policy` | `projects/orders-prod/notificationChannels/1` |" in answer.out


def test_a_route_whose_policy_is_removed_loses_its_alerts(
    replanned: Replanned, reviewed: Reviewed
) -> None:
    """If the policies of a route change, the review shows it."""
    shop = {"shop": {"projects": ["shop-prod"], "notification_channels": _CHANNELS}}
    plan = replanned(routes=shop)
    changes = [each for each in plan["resource_changes"] if "together" in str(each.get("index"))]
    for each in changes:
        # As if it had been applied, and the route's policy were removed now.
        each["change"]["before"] = each["change"]["after"]
        if each["index"].startswith("shop/"):
            each["change"] |= {"actions": ["delete"], "after": None}
    answer = reviewed({**plan, "resource_changes": changes}, "--scenario", "five")
    assert "Alerts in 1 scenario: **1 lost**." in answer.out
