"""Routed policies: each stream alerts in exactly one route, and reviews understand it."""

import json
from collections import Counter
from pathlib import Path

import yaml

from exporter.cli import INCOMPLETE
from lab.policies.files import read_policies
from lab.policies.model import INTERVAL
from lab.prove.scenarios import engine_for, evaluate
from lab.review.plan import parse_plan
from lab.review.planned import planned_policies
from lab.simulate.scenario import Scenario
from lab.simulate.scenario_files import read_scenarios
from tests.lab.conftest import POLICIES, Command, Played
from tests.lab.review.conftest import Replanned, Reviewed
from tests.outputs import OUTPUTS
from tests.terraform.module_inputs import CHANNEL

_CHANNELS = {each: [CHANNEL] for each in ("CRITICAL", "ERROR", "WARNING")}
_SHOP = {"shop": {"projects": ["orders-prod"], "notification_channels": _CHANNELS}}
_FILES = read_policies(POLICIES)
_ROUTED = {
    each.name for each in _FILES if each.query and not each.name.startswith("exporter-")
}
_ROUTED |= {"stream-state-changed"}


def _chosen() -> list[Scenario]:
    """Return the shortest scenario for each routed policy, and one with several projects."""
    scenarios = read_scenarios(
        POLICIES / "scenarios", {policy.name for policy in _FILES}
    )
    chosen = {each.name: each for each in scenarios if each.name == "same-id"}
    for name in sorted(_ROUTED):
        fitting = [
            each
            for each in scenarios
            if name in {alert.policy for alert in each.expect}
        ]
        shortest = min(fitting, key=lambda each: (each.lasts, each.name))
        chosen[shortest.name] = shortest
    return list(chosen.values())


def test_every_scenario_passes_with_routes(
    replanned: Replanned, played: Played
) -> None:
    """No stream alerts in two routes and none in no route: each alert comes exactly once."""
    chosen = _chosen()
    projects = {project.id for each in chosen for project in each.world.projects}
    assert {"shop-prod", "shop-test"} <= projects
    sources = [{"project": project} for project in sorted(projects | {"orders-prod"})]
    shop = {"projects": ["shop-prod"], "notification_channels": _CHANNELS}
    plan = replanned(
        mode="worker_pool",
        config_yaml=yaml.safe_dump(
            {
                "metrics": {"project": "orders-prod"},
                "sources": sources,
                "collect": {"objects": True, "private_connections": True},
            }
        ),
        routes={"shop": shop, "others": _SHOP["shop"]},
    )
    policies = planned_policies(
        parse_plan(json.dumps(plan).encode(), "plan.json").changes
    )
    count = Counter(policy.name for policy in policies)
    assert {count[name] for name in _ROUTED} == {3}
    wrong = []
    for scenario in chosen:
        recording = played(scenario.name).recording
        # One evaluation phase shows which policies alert.
        coarse = scenario.model_copy(update={"spacing": INTERVAL})
        with engine_for([recording]) as engine:
            results = evaluate(coarse, recording, policies, engine).results
        # The plan has no job, and so not the policy on its executions.
        wrong += [
            (scenario.name, alert)
            for alert in results
            if not alert.passed
            and not (alert.expected and alert.expected.policy not in count)
        ]
    assert wrong == []


def test_the_command_plays_a_plan(
    replanned: Replanned, command: Command, tmp_path: Path
) -> None:
    """`test --plan` plays the planned policies: without a disabled one, its alert is missed."""
    name = "stream-failed-permanently"
    scenario = next(
        each for each in _chosen() if name in {alert.policy for alert in each.expect}
    )
    plan = replanned(routes=_SHOP, policy_overrides={name: {"enabled": False}})
    file = OUTPUTS.write_input(tmp_path / "plan.json", json.dumps(plan))
    ended = command(
        "test", scenario.name, "--plan", str(file), "--policies", str(POLICIES)
    )
    assert ended.code == INCOMPLETE
    assert f"MISSED: {name} of" in ended.out


def test_only_a_route_whose_policy_is_removed_loses_alerts(
    replanned: Replanned, reviewed: Reviewed
) -> None:
    """A review joins the policies of all routes: what moves to a route is neither lost nor new."""
    plan = replanned(routes=_SHOP)
    answer = reviewed(plan, "--scenario", "five", "--strict")
    assert answer.code == 0
    assert "Alerts in 1 scenario: all as before." in answer.out
    assert "<code>shop/stream-failed</code>: create" in answer.out
    assert f"| `shop` | `no policy` | `{CHANNEL}` |" in answer.out
    changes = [
        each
        for each in plan["resource_changes"]
        if "together" in str(each.get("index"))
    ]
    for each in changes:
        # As if it had been applied for the scenario's project, and the route were
        # removed now.
        text = json.dumps(each["change"]["after"]).replace("orders-prod", "shop-prod")
        each["change"] |= {"actions": ["no-op"], "after": json.loads(text)}
        each["change"]["before"] = each["change"]["after"]
        if each["index"].startswith("shop/"):
            each["change"] |= {"actions": ["delete"], "after": None}
    answer = reviewed({**plan, "resource_changes": changes}, "--scenario", "five")
    assert "Alerts in 1 scenario: **1 lost**." in answer.out
