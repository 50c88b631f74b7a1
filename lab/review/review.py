"""A review: what a plan changes about the policies, and what that does in the scenarios."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, NamedTuple

from lab.review.field_changes import FieldChange, field_changes
from lab.review.incident_changes import ChangeKind, IncidentChange
from lab.review.plan import Action

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lab.review.plan import Plan, PolicyChange
    from lab.review.playing import PlayedChange, TriggerChange, UnplayedPolicy
    from lab.review.times import TimeChange

WORSE = frozenset({ChangeKind.LOST, ChangeKind.LATER})

DISABLED = "switched off"
ENABLED = "switched on"
MOVED = "moved"

EFFECTS = (
    Action.REMOVED,
    DISABLED,
    Action.FORGOTTEN,
    Action.CHANGED,
    Action.REPLACED,
    ENABLED,
    Action.ADDED,
    MOVED,
)
"""What can happen to a policy, the most important first."""


class PolicyReview(NamedTuple):
    """A policy that does not stay the same.

    Attributes:
        change: What the plan does with it.
        effect: One of ``EFFECTS``.
        fields: The fields that change; empty if it is added or removed.
    """

    change: PolicyChange
    effect: str
    fields: tuple[FieldChange, ...]


class ScenarioChange(NamedTuple):
    """An incident that changes in a scenario, with the policies that open it."""

    scenario: str
    policies: tuple[str, ...]
    incident: IncidentChange


@dataclass(frozen=True, slots=True)
class Review:
    """A review.

    Attributes:
        plan: The plan.
        policies: The policies that do not stay the same, the most important first.
        played: Whether any change was played.
        titles: The titles of the played scenarios, by name.
        incidents: The incidents that change, scenario by scenario.
        silent: The changed policies that alert in no scenario, before or after.
        rejected: Why Prometheus rejects a query, by policy.
        unplayed: The policies that could not be played.
        times: The worst times to page that change.
    """

    plan: Plan
    policies: tuple[PolicyReview, ...]
    played: bool
    titles: Mapping[str, str]
    incidents: tuple[ScenarioChange, ...]
    silent: tuple[str, ...]
    rejected: Mapping[str, str]
    unplayed: tuple[UnplayedPolicy, ...]
    times: tuple[TimeChange, ...]

    @property
    def count(self) -> Counter[ChangeKind]:
        """How many incidents change in each way."""
        return Counter(change.incident.kind for change in self.incidents)

    @property
    def worse(self) -> bool:
        """Whether an alert is lost or comes later."""
        slower = any(time.after > time.before for time in self.times)
        return slower or any(self.count[kind] for kind in WORSE)

    @property
    def unchanged(self) -> int:
        """How many policies stay the same."""
        return len(self.plan.changes) - len(self.policies)


def review_plan(
    plan: Plan,
    changes: Sequence[TriggerChange],
    unplayed: Sequence[UnplayedPolicy],
    titles: Mapping[str, str],
    results: Iterable[PlayedChange],
    times: Iterable[TimeChange] = (),
) -> Review:
    """Put a review together.

    Args:
        plan: The plan.
        changes: The changes that the scenarios were played with.
        unplayed: The policies that could not be played.
        titles: The titles of the scenarios, by name.
        results: What the scenarios showed.
        times: The worst times to page that change.
    """
    results = list(results)
    rejected = {
        policy: error
        for result in results
        for error in result.errors
        for policy in result.change.policies
    }
    alerting = {policy for result in results if result.alerts for policy in result.change.policies}
    policies = [
        _policy_review(change, plan)
        for change in plan.changes
        if change.action is not Action.KEPT or change.old_address or change.notes
    ]
    return Review(
        plan=plan,
        policies=tuple(
            sorted(policies, key=lambda each: (EFFECTS.index(each.effect), each.change.name))
        ),
        played=bool(changes),
        titles=titles,
        incidents=tuple(
            ScenarioChange(result.scenario, result.change.policies, incident)
            for result in results
            for incident in result.incidents
        ),
        silent=tuple(
            policy
            for change in changes
            for policy in change.policies
            if results and policy not in alerting and policy not in rejected
        ),
        rejected=rejected,
        unplayed=tuple(unplayed),
        times=tuple(times),
    )


def _policy_review(change: PolicyChange, plan: Plan) -> PolicyReview:
    fields: tuple[FieldChange, ...] = ()
    if change.before and change.after:
        fields = field_changes(change.before, change.after, plan.channels)
    effect = str(change.action)
    enabled = {field.path: field.after for field in fields}.get("enabled", "")
    if change.action is Action.KEPT:
        effect = MOVED
    elif enabled is False:
        effect = DISABLED
    elif enabled is True or (enabled is None and change.action is Action.CHANGED):
        effect = ENABLED
    return PolicyReview(change, effect, fields)


def review_json(review: Review) -> dict[str, object]:
    """Return a review as JSON; times are seconds after a scenario's start."""
    count = review.count
    return {
        "notes": review.plan.notes,
        "policies": [
            {
                "name": policy.change.name,
                "address": policy.change.address,
                "old_address": policy.change.old_address or None,
                "effect": policy.effect,
                "reason": policy.change.reason or None,
                "notes": policy.change.notes,
                "fields": [
                    {key: value for key, value in asdict(field).items() if key != "block"}
                    for field in policy.fields
                ],
            }
            for policy in review.policies
        ],
        "unchanged": review.unchanged,
        "scenarios": sorted(review.titles),
        "count": {kind: count[kind] for kind in ChangeKind},
        "incidents": [
            {"scenario": change.scenario, "policies": change.policies, **asdict(change.incident)}
            for change in review.incidents
        ],
        "times_to_page": [asdict(time) for time in review.times],
        "never_alert": review.silent,
        "rejected": review.rejected,
        "not_played": {each.policy: each.reason for each in review.unplayed},
    }
