"""Plays scenarios with the policies before and after a plan, and compares incidents."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from typing import NamedTuple

from lab.policies.files import Policy
from lab.prove.engine import QueryError, start_engine
from lab.prove.incidents import Incident, incidents_of
from lab.prove.scenarios import record
from lab.review.planned import PlannedPolicy, PolicyChange
from lab.simulate.scenario import Scenario

# How an incident can change, the most important first
KINDS = LOST, LATER, GAINED, SOONER = ("lost", "later", "gained", "sooner")


@dataclass(frozen=True)
class ChangedIncident:
    """An incident that changes; times are seconds after the scenario's start."""

    scenario: str  # the scenario's name
    policy: str  # the policy's name
    kind: str  # one of KINDS
    about: str  # the full name of the resource, or the labels
    # Before and after; None where it doesn't open
    opens: tuple[float | None, float | None]


class Played(NamedTuple):
    """What a plan does in one scenario."""

    scenario: str  # the scenario's name
    incidents: list[ChangedIncident]
    # Whether a policy that was played opens an incident, before or after
    fires: dict[str, bool]
    errors: dict[str, str]  # why Prometheus rejects a query, by policy


def changed_policies(
    changes: Sequence[PolicyChange],
) -> tuple[tuple[Policy, ...], tuple[Policy, ...]]:
    """Return the policies to play before and after: those that alert at other times.

    All policies of a deployment's file are played together, so that an alert that
    moves from one route to another is neither lost nor gained. A file of which a policy
    can't be played is left out.
    """
    before = _by_trigger(change.before for change in changes)
    after = _by_trigger(change.after for change in changes)
    alerts = {alert for alert, _ in before.keys() ^ after.keys()}
    alerts -= {change.alert for change in changes if change.problem}
    old, new = (
        tuple(policy for policy in side.values() if policy.name in alerts)
        for side in (before, after)
    )
    return old, new


def _by_trigger(side: Iterable[PlannedPolicy | None]) -> dict[tuple[str, str], Policy]:
    """Return the policies that are on."""
    found = {}
    for planned in side:
        policy = planned and planned.policy
        if policy and policy.enabled:
            found[trigger(policy)] = policy
    return found


def trigger(policy: Policy) -> tuple[str, str]:
    """Return a policy's name and what decides when it alerts."""
    closes = policy.auto_close if policy.is_log else policy.retest_window
    condition = policy.query, policy.filter, policy.extractors, policy.interval
    return policy.name, str((condition, closes))


def play(old: Sequence[Policy], new: Sequence[Policy], scenario: Scenario) -> Played:
    """Play a scenario once, and compare the incidents of both sides of a plan."""
    recording = record(scenario)
    before: list[Incident] = []
    after: list[Incident] = []
    fires: dict[str, bool] = {}
    errors = {}
    with start_engine(recording.series) as engine:
        for incidents, policies in ((before, old), (after, new)):
            for policy in policies:
                if not scenario.applies(str(policy.path)):
                    continue
                fires.setdefault(policy.name, False)
                # One phase of the evaluations shows what changes.
                found = incidents_of(policy, recording, engine, policy.interval)
                try:
                    incidents.extend(found)
                except QueryError as error:
                    errors[policy.name] = str(error)
    fires |= {incident.policy: True for incident in before + after}
    changes = [*compare_incidents(scenario.name, before, after)]
    return Played(scenario.name, changes, fires, errors)


def compare_incidents(
    scenario: str, before: Iterable[Incident], after: Iterable[Incident]
) -> Iterator[ChangedIncident]:
    """Yield the incidents of a scenario that change.

    Incidents of one policy about one resource that overlap are the same; of several,
    the one with the same labels, then the nearest.
    """
    left = sorted(after, key=attrgetter("opened"))
    for was in sorted(before, key=attrgetter("opened")):
        kind, then = LOST, None
        same = [each for each in left if _is_same(was, each)]
        if same:
            will = min(same, key=partial(_distance, was))
            left.remove(will)
            then = will.opened
            kind = LATER if then > was.opened else SOONER
        if then != was.opened:
            opens = was.opened, then
            yield ChangedIncident(scenario, was.policy, kind, _about(was), opens)
    for will in left:
        about = _about(will)
        yield ChangedIncident(scenario, will.policy, GAINED, about, (None, will.opened))


def _is_same(was: Incident, will: Incident) -> bool:
    if was.policy != will.policy or _about(was) != _about(will):
        return False
    return was.opened <= will.ends and will.opened <= was.ends


def _distance(was: Incident, will: Incident) -> tuple[bool, float]:
    return will.labels != was.labels, abs(will.opened - was.opened)


def _about(incident: Incident) -> str:
    labels = (f"{key}={value}" for key, value in sorted(incident.labels.items()))
    return incident.about or ", ".join(labels)
