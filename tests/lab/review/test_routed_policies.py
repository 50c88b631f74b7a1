"""Routed policies: each stream alerts in exactly one route, and reviews know it."""

import json
from collections import Counter

from lab.policies.files import Policy
from lab.policies.model import INTERVAL
from lab.prove.engine import start_engine
from lab.prove.scenarios import evaluate
from lab.review.plan import parse_plan
from lab.review.playing import trigger
from lab.simulate.scenario import Scenario
from tests.lab.conftest import Played
from tests.lab.review.conftest import Replanned, Reviewed
from tests.terraform.module_inputs import INPUTS

_CHANNELS = INPUTS["notification_channels"]
_SHOP = {"shop": {"projects": ["orders-prod"], "notification_channels": _CHANNELS}}
_ORDERS = {"streams": ["orders*"], "notification_channels": _CHANNELS}
_CONFIG = """\
metrics: {project: orders-prod}
sources: [{project: orders-prod}, {project: shop-prod}, {project: shop-test}]
expectations:
  - {match: "*", quiet: 6h}
  - {match: "*/slow", quiet: 24h}
collect: {objects: true}
"""
_CHOSEN = (
    "same-id",
    "two-metrics-projects",
    "a-team-of-its-own",
    "errors-before-and-after-failure",
    "excluded-from-the-first-day",
)
"""Scenarios in which most routed policies alert, some with several projects."""


def test_every_alert_comes_once_with_routes(
    replanned: Replanned,
    played: Played,
    project_scenarios: dict[str, Scenario],
    policies: tuple[Policy, ...],
) -> None:
    """With four routes, one of them by stream, each stream alerts in one of them."""
    chosen = [project_scenarios[name] for name in _CHOSEN]
    routed: set[str] = set()
    for policy in policies:
        is_own = policy.name.startswith("exporter-")
        if policy.query and policy.enabled and not is_own:
            routed.add(policy.name)
    shop = {"projects": ["shop-prod"], "notification_channels": _CHANNELS}
    plan = replanned(
        mode="function",
        image=None,
        config_yaml=_CONFIG,
        routes={"shop": shop, "others": _SHOP["shop"], "orders": _ORDERS},
    )
    changes = parse_plan(json.dumps(plan).encode(), "plan.json").changes
    planned = {}
    for change in changes:
        found = change.after and change.after.policy
        if found:
            # A project's log is seen by its own copy of a policy: equal ones are one.
            copy = "" if found.is_log else change.name
            planned[trigger(found), copy] = found
    count = Counter(policy.name for policy in planned.values())
    of_locations = {"location-unreadable", "project-unwatched"}
    assert {count[name] for name in routed & of_locations} == {3}
    assert {count[name] for name in routed - of_locations} == {4}
    assert count["exporter-silent"] == 1
    wrong = []
    for scenario in chosen:
        recording = played(scenario.name).recording
        # One evaluation phase shows which policies alert.
        coarse = scenario.model_copy(update={"spacing": INTERVAL})
        with start_engine(recording.series) as engine:
            results = evaluate(coarse, recording, [*planned.values()], engine).results
        for alert in results:
            # The plan has no job, and so not the policy on its executions.
            is_known = not alert.expected or alert.expected.policy in count
            if is_known and not alert.passed:
                wrong.append((scenario.name, alert))
    assert wrong == []


def test_only_a_route_whose_policy_is_removed_loses_alerts(
    replanned: Replanned, reviewed: Reviewed
) -> None:
    """What moves from one route to another is neither lost nor new in a review."""
    plan = replanned(routes=_SHOP)
    answer = reviewed(plan, "--scenario", "five", "--strict")
    assert answer.code == 0
    assert "Alerts in 1 scenario: all as before." in answer.out
    changes = plan["resource_changes"]
    changes = [each for each in changes if "together" in str(each.get("index"))]
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
