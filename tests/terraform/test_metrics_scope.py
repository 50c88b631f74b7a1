"""Prometheus evaluates the policies over the series that a plan's metrics scope shows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from lab.policies.files import read_policies
from lab.prove.incidents import metric_incidents
from lab.prove.scenarios import engine_for
from lab.simulate.scenario_files import parse_scenario
from lab.simulate.simulation import simulate
from tests.terraform.module_inputs import mode_inputs
from tests.terraform.terraform_cli import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from lab.simulate.simulation import Recording
    from tests.terraform.conftest import PlanModule
    from tests.terraform.plans import Plan

_POLICIES = {policy.name: policy for policy in read_policies(REPOSITORY / "alerting_policies")}
_ELSEWHERE = "jobs-prod"
_START = 1_767_571_200.0
_MODES = {"function": "exporter-requests-failing", "job": "exporter-executions-failing"}
"""The policy on Cloud Run's own count, by mode."""

_HEALTHY = """\
title: Nothing happens
what: Every run succeeds.
lasts: 40m
exporters: [{mode: %s}]
world:
  config:
    metrics: {project: orders-prod}
    sources: [{project: orders-prod, locations: [europe-west1]}]
  projects:
    - {id: orders-prod, number: 1, locations: [{id: europe-west1, streams: [{id: orders}]}]}
"""


def _scope(plan: Plan) -> set[str]:
    """Return the projects in the metrics scope after a plan's apply."""
    linked = plan.of("google_monitoring_monitored_project")
    return {"orders-prod"} | {each["name"] for each in linked}


def _enabled(plan: Plan) -> set[str]:
    """Return the names of the enabled policies."""
    policies = plan.of("google_monitoring_alert_policy")
    return {each["user_labels"]["policy"] for each in policies if each["enabled"]}


def _seen_from(scope: AbstractSet[str], recording: Recording) -> Recording:
    """Return a recording without Cloud Run's series if their project isn't in the scope."""
    seen = [
        series
        for series in recording.series
        if not series.name.startswith("run_") or _ELSEWHERE in scope
    ]
    assert (len(seen) < len(recording.series)) is (_ELSEWHERE not in scope)
    return replace(recording, series=tuple(seen))


def _incidents(mode: str, scope: AbstractSet[str], names: AbstractSet[str]) -> set[str]:
    """Return which of these policies open an incident although every run succeeds."""
    scenario = parse_scenario(_HEALTHY % mode, "healthy.yaml", _POLICIES, name="healthy")
    recording = _seen_from(scope, simulate(scenario, _START))
    with engine_for([recording]) as engine:
        return {
            name
            for name in names
            if not _POLICIES[name].is_log
            and metric_incidents(_POLICIES[name], recording, engine, scenario.spacing)
        }


@pytest.mark.parametrize("mode", _MODES)
@pytest.mark.parametrize("manage_metrics_scope", [True, False])
def test_a_healthy_exporter_in_a_third_project_never_pages(
    plan_module: PlanModule, mode: str, *, manage_metrics_scope: bool
) -> None:
    """Its project is in the scope; where Terraform can't know that, the policy is disabled."""
    plan = plan_module(
        **mode_inputs(mode), project_id=_ELSEWHERE, manage_metrics_scope=manage_metrics_scope
    )
    scope, enabled = _scope(plan), _enabled(plan)
    assert (_ELSEWHERE in scope) is (_MODES[mode] in enabled) is manage_metrics_scope
    assert "exporter-silent" in enabled
    assert _incidents(mode, scope, enabled) == set()


@pytest.mark.parametrize("mode", _MODES)
def test_without_the_exporters_project_in_the_scope_its_policy_would_page(mode: str) -> None:
    """The test above can fail: the policy sees no run of a project outside the scope."""
    other_modes = set(_MODES.values()) - {_MODES[mode]}
    assert _incidents(mode, {"orders-prod"}, _POLICIES.keys() - other_modes) == {_MODES[mode]}
