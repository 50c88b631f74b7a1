"""Plays scenarios with the policies before and after a plan and compares their incidents."""

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from lab.policies.files import Policy
from lab.prove.engine import QueryError
from lab.prove.incidents import Incident
from lab.prove.scenarios import engine_for, evaluate, start_times
from lab.review.planned import PolicyChange, trigger
from lab.simulate.scenario import Scenario
from lab.simulate.simulation import simulate

# How an incident can change, the most important first
KINDS = LOST, LATER, GAINED, SOONER = ("lost", "later", "gained", "sooner")


class Played(NamedTuple):
    """What a plan does in one scenario."""

    scenario: str  # the scenario's name
    incidents: list[dict[str, Any]]  # the incidents that change, as JSON data
    # Whether a policy that was played opens an incident, before or after
    fires: dict[str, bool]
    errors: dict[str, str]  # why Prometheus rejects a query, by policy


def changed_policies(
    changes: Sequence[PolicyChange],
) -> tuple[tuple[Policy, ...], tuple[Policy, ...]]:
    """Return the policies to play before and after: none unless it changes when a policy alerts.

    All policies of a file are played together, so that an alert that moves from one
    route to another is neither lost nor gained. A file of which a policy can't be
    played is left out.
    """
    sides = [[each.before for each in changes], [each.after for each in changes]]
    before, after = (
        {trigger(policy): policy for each in side if each and (policy := each.policy)}
        for side in sides
    )
    unknown = {
        change.file
        for side in sides
        for change, planned in zip(changes, side, strict=True)
        if planned and planned.problem
    }
    files = {file for file, _ in before.keys() ^ after.keys()} - unknown
    old, new = (
        tuple(
            policy
            for policy in side.values()
            if policy.name in files and policy.enabled
        )
        for side in (before, after)
    )
    return old, new


def play(task: tuple[Scenario, tuple[Policy, ...], tuple[Policy, ...]]) -> Played:
    """Play a scenario once with the policies before and after, and compare the incidents."""
    scenario, old, new = task
    recording = simulate(scenario, start_times([scenario])[0].timestamp())
    sides: tuple[list[Incident], list[Incident]] = ([], [])
    errors: dict[str, str] = {}
    with engine_for([recording]) as engine:
        for incidents, policies in zip(sides, (old, new), strict=True):
            for policy in policies:
                try:
                    found = evaluate(scenario, recording, [policy], engine).incidents
                except QueryError as error:
                    errors[policy.name] = str(error)
                else:
                    # One phase of the evaluations shows what changes.
                    incidents += [each for each in found if not each.phase]
    firing = {incident.policy for side in sides for incident in side}
    files = {policy.name for policy in (*old, *new)}
    fires = {file: file in firing for file in files if scenario.applies(file)}
    changes = [{"scenario": scenario.name, **change} for change in compare(*sides)]
    return Played(scenario.name, changes, fires, errors)


def compare(
    before: Iterable[Incident], after: Iterable[Incident]
) -> Iterator[dict[str, Any]]:
    """Yield the incidents that change, as JSON data.

    Incidents of one policy about one resource that overlap are the same; of several,
    the one with the same labels, then the nearest.
    """
    left = sorted(after, key=lambda each: each.opened)
    pairs: list[tuple[Incident | None, Incident | None]] = []
    for was in sorted(before, key=lambda each: each.opened):
        same = [
            each
            for each in left
            if (each.policy, _about(each)) == (was.policy, _about(was))
            and was.opened <= _end(each)
            and each.opened <= _end(was)
        ]
        same.sort(
            key=lambda each: (each.labels != was.labels, abs(each.opened - was.opened))
        )
        pairs.append((was, same[0] if same else None))
        left = [each for each in left if each not in same[:1]]
    for pair in (*pairs, *((None, each) for each in left)):
        one = pair[1] or pair[0]
        if one and (kind := _kind(*pair)):
            yield {
                "policy": one.policy,
                "kind": kind,
                "about": _about(one),
                "opens": [each and each.opened for each in pair],
                "closes": [each and each.closed for each in pair],
            }


def _kind(was: Incident | None, will: Incident | None) -> str:
    if was is None or will is None:
        return GAINED if was is None else LOST
    if will.opened == was.opened:
        return ""
    return LATER if will.opened > was.opened else SOONER


def _about(incident: Incident) -> str:
    labels = (f"{key}={value}" for key, value in sorted(incident.labels.items()))
    return incident.about or ", ".join(labels)


def _end(incident: Incident) -> float:
    return math.inf if incident.closed is None else incident.closed
