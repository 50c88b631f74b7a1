"""Back-tests a Terraform plan: the policies before and after it, on one history.

Where config changes, each side has a history of its own: what config decides is worked
out again for both.
"""

from collections import Counter
from dataclasses import replace
from typing import NamedTuple

from exporter.config import Config
from lab.backtest.backtest import AlertCounts, BacktestResult
from lab.plans.plan import HIDDEN, Plan, parsed
from lab.plans.planned import notified
from lab.policies.files import Policy

_AS_RECORDED = (
    "The plan changes config.yaml. Limits and problems are worked out for both sides,"
    " without mutes and streams' labels; what is watched, and when, is as recorded."
)
_HIDDEN = "The plan hides config.yaml: what it decides is as it was recorded."


class PlanSides(NamedTuple):
    """What a plan changes, as far as a history can tell."""

    before: list[Policy]  # the policies now, by their names in the plan
    after: list[Policy]
    # What decides in each history: the old and the new configs, if they change
    configs: list[list[Config]]
    notes: list[str]  # what the history can't tell


def plan_sides(plan: Plan) -> PlanSides:
    """Return both sides of a plan, or raise InputError for a mistake in a config."""
    old = [text for each in plan.configs.values() for text in each.before]
    new = [text for each in plan.configs.values() for text in each.after]
    notes = [*plan.notes]
    configs: list[list[Config]] = [[]]
    if HIDDEN in old + new:
        notes.append(_HIDDEN)
    elif old != new:
        notes.append(_AS_RECORDED)
        configs = [parsed(old, "old"), parsed(new, "new")]
    sides = PlanSides([], [], configs, notes)
    for change in plan.changes:
        for policies, planned in (
            (sides.before, change.before),
            (sides.after, change.after),
        ):
            if planned and planned.policy:
                policies.append(replace(planned.policy, name=change.name))
    return sides


def compared(
    plan: Plan, before: BacktestResult, after: BacktestResult
) -> BacktestResult:
    """Return both results as one."""
    incidents = [each for each in before.incidents if each in after.incidents]
    for side, own, other in (("before", before, after), ("after", after, before)):
        incidents += [
            each._replace(side=side)
            for each in own.incidents
            if each not in other.incidents
        ]
    was = Counter(each.policy for each in before.incidents)
    will = Counter(each.policy for each in after.incidents)
    alerts = []
    not_evaluated = before.not_evaluated | after.not_evaluated
    for change in plan.changes:
        name = change.name
        if was[name] or will[name]:
            told = dict.fromkeys((notified(change.before), notified(change.after)))
            alerts.append(AlertCounts(name, was[name], will[name], " → ".join(told)))
        if change.problem:
            not_evaluated[name] = change.problem
    return before._replace(
        policies=before.policies + after.policies,
        incidents=incidents,
        not_evaluated=not_evaluated,
        alerts=alerts,
    )
