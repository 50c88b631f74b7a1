"""The generated blocks of the docs by name, in the order of the pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools import (
    chaos,
    code_mutants,
    cost,
    emulator,
    function,
    lab,
    lab_backtest,
    lab_review,
    licences,
    logs,
    policies,
    readme,
    reference,
    terraform,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

BLOCKS: Mapping[str, Callable[[], str]] = {
    "transcript": readme.transcript,
    "cost": readme.cost,
    "comparison": readme.comparison,
    "chaos": chaos.result,
    "code mutants": code_mutants.result,
    "resources": reference.resources,
    "metrics": reference.metrics,
    "config keys": reference.config_keys,
    "exit codes": reference.exit_codes,
    "lab exit codes": reference.lab_exit_codes,
    "variables": reference.variables,
    "permissions": reference.permissions,
    "licences": licences.deployed,
    "commands": reference.commands,
    "job tasks": function.tasks,
    "log entry": logs.change,
    "world keys": emulator.world_keys,
    "world events": emulator.world_events,
    "policies": policies.policies,
    "policies commands": lab.commands,
    "policies test transcript": lab.transcript,
    "policies preview": lab.preview,
    "policies review": lab_review.example,
    "policies backtest": lab_backtest.backtest,
    "scenarios": lab.scenarios,
    "scenario keys": lab.scenario_keys,
    "time to page": policies.time_to_page,
    "function responses": function.responses,
    "function margin": function.margin,
    "function sizing": function.sizing,
    "function soak": function.soak,
    "function start": function.start,
    "module inputs": terraform.inputs,
    "module outputs": terraform.outputs,
    "module examples": terraform.examples,
    "module grants": terraform.grants,
    "module permissions": terraform.permissions,
    "module appliers": terraform.appliers,
    "module prices": cost.prices,
    "module cost": cost.months,
}
