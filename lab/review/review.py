"""Makes a review: what changes about policies, alerts and notifications."""

import difflib
import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import yaml

from lab.plans.plan import DEFAULT_ROUTE, KEPT, Plan
from lab.plans.planned import NO_POLICY, NOBODY, PlannedPolicy, PolicyChange, notified
from lab.review.playing import KINDS, LATER, LOST, ChangedIncident, Played
from lab.review.watched import ERROR, watched

WORSE = (LOST, LATER)


@dataclass(frozen=True)
class ChangedPolicy:
    """What a plan does with a policy."""

    name: str
    route: str
    effect: str
    diff: list[str]


@dataclass(frozen=True)
class ChangedRoute:
    """Policies whose channels change, before and after."""

    route: str
    before: str
    after: str
    policies: list[str]


@dataclass(frozen=True)
class NewPolicies:
    """Policies of one severity that notify the same channels."""

    severity: str
    notified: str
    policies: list[str]


@dataclass(frozen=True)
class Review:
    """What a plan changes; ``--json`` prints it as it is."""

    notes: Sequence[str]  # sentences about the plan's limits
    watched: dict[str, list[str]]  # sentences, by how much they matter
    config_diff: list[str]
    policies: list[ChangedPolicy]
    unchanged: int  # how many policies stay as they are
    scenarios: list[str]  # the names of those that were played
    count: dict[str, int]  # of the incidents, by kind
    incidents: list[ChangedIncident]
    problems: dict[str, str]  # why a policy can't be played, or never alerts
    routes: list[ChangedRoute]
    new: list[NewPolicies]  # what a plan creates where no policy exists

    @property
    def notify_nobody(self) -> list[str]:
        """Policies that notified somebody, and would notify nobody."""
        return [
            name
            for route in self.routes
            if route.after == NOBODY and route.before != NO_POLICY
            for name in route.policies
        ]

    @property
    def is_worse(self) -> bool:
        """Whether something is told later or no longer, or not even watched."""
        lost = self.count[LOST] + self.count[LATER]
        return bool(lost or self.watched[ERROR] or self.notify_nobody)


def make_review(plan: Plan, played: Sequence[Played]) -> Review:
    """Return the review of a plan."""
    policies = []
    for each in plan.changes:
        if each.action != KEPT:
            diff = _diff(_yaml(each.before), _yaml(each.after))
            policies.append(ChangedPolicy(each.name, each.route, _effect(each), diff))
    incidents = [each for result in played for each in result.incidents]
    count = Counter(each.kind for each in incidents)
    return Review(
        notes=plan.notes,
        watched=watched(*plan.configs),
        config_diff=_diff(*map("\n".join, plan.configs)),
        policies=policies,
        unchanged=len(plan.changes) - len(policies),
        scenarios=[result.scenario for result in played],
        count={kind: count[kind] for kind in KINDS},
        incidents=incidents,
        problems=_problems(plan, played),
        routes=_routes(plan),
        new=_new(plan) if plan.is_first else [],
    )


def _diff(old: str, new: str) -> list[str]:
    lines = old.splitlines(), new.splitlines()
    # The first two lines name files.
    return list(difflib.unified_diff(*lines, lineterm="", n=1))[2:]


def _yaml(planned: PlannedPolicy | None) -> str:
    """Return a policy's values, with each line of a text on a line of its own."""
    if planned is None:
        return ""
    return str(
        yaml.dump(planned.values, Dumper=_Dumper, allow_unicode=True, width=math.inf)
    )


class _Dumper(yaml.SafeDumper):
    """Writes a text of several lines as a block, so that a diff shows single lines."""


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style)


_Dumper.add_representer(str, _represent_text)


def _effect(change: PolicyChange) -> str:
    """Return what happens to a policy: Terraform's words, or more exact ones."""
    if " and " in change.action:
        return "replace: its open incidents close, and open again"
    if change.before and change.after:
        before = change.before.values.get("enabled", True)
        after = change.after.values.get("enabled", True)
        if before != after:
            return "switch on" if after else "switch off"
    return change.action


def _problems(plan: Plan, played: Sequence[Played]) -> dict[str, str]:
    """Return why policies can't be played, and which of those played never alert."""
    found = {}
    for change in plan.changes:
        if change.problem and change.action != KEPT:
            sentence = f"the scenarios can't show what changes: {change.problem}"
            found[change.name] = sentence
    fires: Counter[str] = Counter()
    errors: dict[str, str] = {}
    for result in played:
        errors = result.errors | errors
        fires.update(result.fires)
    for file in sorted(fires):
        if file in errors:
            found[file] = f"it would never alert: {errors[file]}"
        elif not fires[file]:
            found[file] = (
                "no scenario covers it: it never alerts there, before or after"
            )
    return found


def _routes(plan: Plan) -> list[ChangedRoute]:
    """Return whose channels change.

    Where a route has no policy of its own, the default route's notifies.
    """
    defaults = {each.file: each for each in plan.changes if each.route == DEFAULT_ROUTE}
    found: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for change in plan.changes:
        default = change
        if change.route != DEFAULT_ROUTE:
            default = defaults.get(change.file, change)
        before = notified(change.before or default.before)
        after = notified(change.after or default.after)
        if before != after:
            found[change.route, before, after].append(change.name)
    return [ChangedRoute(*key, names) for key, names in sorted(found.items())]


def _new(plan: Plan) -> list[NewPolicies]:
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for change in plan.changes:
        if change.after:
            severity = str(change.after.values.get("severity", ""))
            found[severity, notified(change.after)].append(change.name)
    return [NewPolicies(*key, names) for key, names in sorted(found.items())]
