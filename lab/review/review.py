"""Makes a review: what changes about policies, alerts, costs and notifications."""

import difflib
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from lab.policies.promql import billed
from lab.review.plan import DEFAULT_ROUTE, KEPT, Plan
from lab.review.planned import PlannedPolicy, PolicyChange
from lab.review.playing import KINDS, LATER, LOST, Played
from lab.review.values import Json, as_yaml
from lab.review.watched import watched

WORSE = (LOST, LATER)
_CONDITION_DOLLARS = 0.35
# Announced prices a month:
# https://cloud.google.com/stackdriver/observability-pricing-examples
_POINT_DOLLARS = 0.50 / 1e6
_MONTH = 730 * 3600
_OF_STREAM = re.compile(
    r"custom_googleapis_com:datastream_stream_|datastream_googleapis_com:"
)


def review_data(plan: Plan, played: Sequence[Played]) -> Json:
    """Return a review as JSON data; times are seconds after a scenario's start."""
    changed = [each for each in plan.changes if each.action != KEPT]
    incidents = [each for result in played for each in result.incidents]
    count = Counter(each["kind"] for each in incidents)
    before = _dollars((each.file, each.before) for each in plan.changes)
    after = _dollars((each.file, each.after) for each in plan.changes)
    return {
        "notes": plan.notes,
        "watched": watched(**plan.configs),
        "config_diff": _diff(*map("\n".join, plan.configs.values())),
        "policies": [
            {
                "name": each.name,
                "route": each.route,
                "effect": _effect(each),
                "diff": _diff(_yaml(each.before), _yaml(each.after)),
            }
            for each in changed
        ],
        "unchanged": len(plan.changes) - len(changed),
        "scenarios": [result.scenario for result in played],
        "count": {kind: count[kind] for kind in KINDS},
        "incidents": incidents,
        "problems": _problems(plan, played),
        "dollars_a_month": {"before": before, "after": after},
        "routes": _routes(plan),
    }


def _diff(old: str, new: str) -> list[str]:
    lines = old.splitlines(), new.splitlines()
    # The first two lines name files.
    return list(difflib.unified_diff(*lines, lineterm="", n=1))[2:]


def _yaml(planned: PlannedPolicy | None) -> str:
    return as_yaml(planned.values) if planned else ""


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
        if change.action == KEPT:
            continue
        for side in (change.before, change.after):
            if side and side.problem:
                sentence = f"the scenarios can't show what changes: {side.problem}"
                found[change.name] = sentence
    fires: dict[str, bool] = {}
    errors: dict[str, str] = {}
    for result in played:
        errors = result.errors | errors
        for file, fired in result.fires.items():
            fires[file] = fires.get(file, False) or fired
    for file in sorted(fires):
        if file in errors:
            found[file] = f"it would never alert: {errors[file]}"
        elif not fires[file]:
            found[file] = (
                "no scenario covers it: it never alerts there, before or after"
            )
    return found


def _dollars(policies: Iterable[tuple[str, PlannedPolicy | None]]) -> dict[str, float]:
    """Return the announced price of alerting a month: conditions, and each stream.

    Each metric counts in each clause of a query. Each route of a file has conditions of
    its own, but one of the routes reads a stream. ``policies`` are given with their
    files.
    """
    conditions = 0.0
    stream: dict[str, float] = {}
    for file, planned in policies:
        policy = planned.policy if planned else None
        if not (policy and policy.enabled and policy.query):
            continue
        names = [each.metric for each in billed(policy.query)]
        conditions += _CONDITION_DOLLARS * len(names)
        of_stream = [name for name in names if _OF_STREAM.match(name)]
        points = len(of_stream) * _MONTH / policy.interval
        stream[file] = _POINT_DOLLARS * points
    return {
        "conditions": round(conditions, 2),
        "each_stream": round(sum(stream.values()), 2),
    }


def _routes(plan: Plan) -> list[Json]:
    """Return whose channels change: route, channels before and after, policies.

    Where a route has no policy of its own, the default route's notifies.
    """
    defaults = {each.file: each for each in plan.changes if each.route == DEFAULT_ROUTE}
    found: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for change in plan.changes:
        default = change
        if change.route != DEFAULT_ROUTE:
            default = defaults.get(change.file, change)
        before = _notified(change.before or default.before)
        after = _notified(change.after or default.after)
        if before != after:
            found[change.route, before, after].append(change.name)
    return [
        {
            "route": route,
            "before": before,
            "after": after,
            "policies": names,
        }
        for (route, before, after), names in sorted(found.items())
    ]


def _notified(planned: PlannedPolicy | None) -> str:
    if planned is None or not planned.values.get("enabled", True):
        return "no policy"
    channels = planned.values.get("notificationChannels", [])
    if not isinstance(channels, list):
        channels = [channels]
    return ", ".join(map(str, channels)) or "nobody"
