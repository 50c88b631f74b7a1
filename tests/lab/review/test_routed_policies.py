"""Routed policies: each stream alerts in exactly one route, and reviews understand it."""

from __future__ import annotations

import json
from collections import Counter
from threading import Event
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from exporter.cli import INCOMPLETE, OK
from lab.cli.main import main
from lab.policies.files import Policy, read_policies
from lab.prove.scenarios import engine_for, play_all, start_times
from lab.review.plan import Plan, parse_plan
from lab.review.planned import planned_policies
from lab.review.playing import trigger_changes
from lab.simulate.scenario_files import read_scenarios
from lab.simulate.simulation import simulate
from tests.lab.review.conftest import POLICIES
from tests.outputs import Printed
from tests.terraform.module_inputs import CHANNEL

if TYPE_CHECKING:
    from pathlib import Path

    from lab.simulate.scenario import Scenario
    from tests.lab.review.conftest import Replanned, Reviewed

_CHANNELS = {each: [CHANNEL] for each in ("CRITICAL", "ERROR", "WARNING")}
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


def test_each_project_alerts_in_its_own_route(replanned: Replanned) -> None:
    """A route's policies alert for its projects only, and the default route for all others."""
    (scenario,) = (each for each in _chosen() if each.name == "same-id")
    plan = _plan(replanned, {"test": {"shop-test"}})
    recording = simulate(scenario, start_times([scenario])[0].timestamp())
    alerting: dict[bool, set[str]] = {}
    with engine_for([recording]) as engine:
        for change in plan.changes:
            if change.label in _ROUTED:
                (policy,) = planned_policies([change])
                for result in engine.query_range(
                    _query(policy), recording.start, recording.start + recording.lasts, 30
                ):
                    alerting.setdefault(bool(change.route), set()).add(result.labels["namespace"])
    assert alerting == {True: {"shop-test"}, False: {"shop-prod"}}


def _query(policy: Policy) -> str:
    assert policy.query
    return policy.query


def test_the_command_plays_a_plan(replanned: Replanned, tmp_path: Path) -> None:
    """`test --plan` plays the planned policies: without a disabled one, its alert is missed."""
    name = "stream-failed-permanently"
    (scenario, *_) = (each for each in _chosen() if name in {alert.policy for alert in each.expect})
    file = tmp_path / "plan.json"
    shop = {"projects": ["orders-prod"], "notification_channels": _CHANNELS}
    answers = []
    for enabled in (True, False):
        overrides = {name: {"enabled": enabled}}
        file.write_text(json.dumps(replanned(routes={"shop": shop}, policy_overrides=overrides)))
        out, err = Printed(), Printed()
        words = ["test", scenario.name, "--plan", str(file), "--policies", str(POLICIES)]
        answers.append((main(words, {}, out, err), out.getvalue()))
    assert [code for code, _ in answers] == [OK, INCOMPLETE]
    assert answers[0][1].startswith(f"PASS  {scenario.name}")
    assert f"MISSED: {name} of" in answers[1][1]


def test_a_new_route_loses_no_alert(replanned: Replanned, reviewed: Reviewed) -> None:
    """A review joins the policies of all routes: what moves to a route is neither lost nor new."""
    shop = {"projects": ["orders-prod"], "notification_channels": _CHANNELS}
    plan = replanned(routes={"shop": shop})
    changes, unplayed = trigger_changes(parse_plan(json.dumps(plan).encode(), "plan").changes)
    assert not unplayed
    assert {change.label for change in changes} == set(_ROUTED)
    assert all(f"shop/{change.label}" in change.policies for change in changes)
    answer = reviewed(plan, "--scenario", "five", "--strict")
    assert answer.code == 0
    assert "No scenario alerts differently" in answer.out
    assert "| `shop/stream-failed` | added |" in answer.out


def test_a_route_whose_policy_is_disabled_loses_its_alerts(
    replanned: Replanned, reviewed: Reviewed
) -> None:
    """If the policies of a route change, the review shows it."""
    plan = replanned(routes={"shop": {"projects": ["orders-prod"]}})
    (default,) = (
        each for each in plan["resource_changes"] if each.get("index") == "streams-failing-together"
    )
    query = default["change"]["after"]["conditions"][0]["condition_prometheus_query_language"][0]
    other: dict[str, Any] = json.loads(json.dumps(default))
    other |= {"index": "shop/streams-failing-together", "address": "x", "previous_address": None}
    other["change"]["actions"] = ["delete"]
    other["change"]["after"] = None
    other["change"]["before"]["user_labels"]["route"] = "shop"
    default["change"]["actions"] = ["update"]
    query["query"] = query["query"].replace("{monitored", '{namespace!~"shop-prod", monitored')
    answer = reviewed({**plan, "resource_changes": [default, other]}, "--scenario", "five")
    assert "**1 alert is lost**" in answer.out
    assert "`shop/streams-failing-together`" in answer.out
