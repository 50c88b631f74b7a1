"""Scenarios played with the policies before and after a plan."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from lab.prove.engine import QueryError
from lab.prove.incidents import log_incidents, metric_incidents
from lab.prove.scenarios import engine_for, start_times
from lab.review.incident_changes import IncidentChange, compare_incidents
from lab.review.plan import Action
from lab.review.triggers import Trigger, UnsupportedTriggerError, trigger_of
from lab.simulate.simulation import Recording, simulate

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lab.prove.engine import Engine
    from lab.prove.incidents import Incident
    from lab.review.plan import PolicyChange
    from lab.simulate.scenario import Scenario


class TriggerChange(NamedTuple):
    """A change of what decides when policies alert.

    Attributes:
        policies: The policies with this change: several if a policy on logs exists per project, or
            a policy on metrics per route.
        label: The name of their policy file; empty if unknown.
        before: The trigger now; None if nothing alerts.
        after: The trigger after apply; None if nothing alerts.
    """

    policies: tuple[str, ...]
    label: str
    before: Trigger | None
    after: Trigger | None


class UnplayedPolicy(NamedTuple):
    """A changed policy whose alerts the scenarios cannot show, and why."""

    policy: str
    reason: str


class PlayedChange(NamedTuple):
    """What a change does in one scenario.

    Attributes:
        scenario: The scenario's name.
        change: The change.
        incidents: The incidents that change.
        alerts: Whether the policies alert at all, before or after.
        errors: Why Prometheus rejects the query before or after; mostly empty.
    """

    scenario: str
    change: TriggerChange
    incidents: tuple[IncidentChange, ...]
    alerts: bool
    errors: tuple[str, ...] = ()


class ReviewTask(NamedTuple):
    """A scenario and the changes to play it with; it can be sent to another process."""

    scenario: Scenario
    changes: tuple[TriggerChange, ...]


def trigger_changes(
    changes: Iterable[PolicyChange],
) -> tuple[tuple[TriggerChange, ...], tuple[UnplayedPolicy, ...]]:
    """Return the changes to play, and the policies that cannot be played.

    A policy whose trigger stays the same is in neither. The policies that a file has for several
    routes are one change: an alert that moves to another route is neither lost nor gained.
    """
    found: dict[tuple[str, Trigger | None, Trigger | None], list[str]] = {}
    unplayed = []
    routed: dict[str, list[_Played]] = {}
    changes = list(changes)
    routed_labels = {change.label for change in changes if change.route} - {""}
    for change in changes:
        stays = change.action in {Action.KEPT, Action.FORGOTTEN}
        if stays and change.label not in routed_labels:
            continue
        try:
            before = trigger_of(change.before)
            # A forgotten policy stays in Cloud Monitoring and keeps alerting.
            after = before if stays else trigger_of(change.after)
        except UnsupportedTriggerError as error:
            unplayed.append(UnplayedPolicy(change.name, str(error)))
            continue
        if change.label in routed_labels:
            played = _Played(change.name, before, after)
            routed.setdefault(change.label, []).append(played)
        elif before != after:
            found.setdefault((change.label, before, after), []).append(change.name)
    for label, parts in routed.items():
        changed = [part.name for part in parts if part.before != part.after]
        before, after = (
            _joined(part.before for part in parts),
            _joined(part.after for part in parts),
        )
        if changed:
            found.setdefault((label, before, after), []).extend(changed)
    return (
        tuple(TriggerChange(tuple(names), *key) for key, names in found.items()),
        tuple(unplayed),
    )


class _Played(NamedTuple):
    """A policy of a route: its name, and its triggers before and after."""

    name: str
    before: Trigger | None
    after: Trigger | None


def _joined(triggers: Iterable[Trigger | None]) -> Trigger | None:
    """Return a trigger that alerts wherever one of several does.

    The triggers differ in their queries only: Terraform makes them from one file.
    """
    queries = {trigger.query: trigger for trigger in triggers if trigger and trigger.query}
    if len(queries) <= 1:
        return next(iter(queries.values()), None)
    query = "\nor\n".join(f"(\n{query}\n)" for query in sorted(queries))
    return replace(next(iter(queries.values())), query=query)


def play(task: ReviewTask) -> tuple[PlayedChange, ...]:
    """Play a scenario once and return what each change does in it.

    Raises:
        NotInstalledError: Prometheus is not installed.
        EngineError: It cannot be filled or started.
    """
    scenario = task.scenario
    start = start_times([scenario])[0].timestamp()
    changes = [change for change in task.changes if scenario.applies(change.label)]
    queries = [
        trigger.query
        for change in changes
        for trigger in (change.before, change.after)
        if trigger and trigger.query is not None
    ]
    recording = _only_queried(simulate(scenario, start), queries)
    with engine_for([recording]) if queries else nullcontext() as engine:
        return tuple(_result(change, scenario, recording, engine) for change in changes)


def _only_queried(recording: Recording, queries: Sequence[str]) -> Recording:
    """Return the recording without series that no query names, so that the engine fills faster."""
    if any("__name__" in query for query in queries):
        return recording
    names = {series.name for series in recording.series}
    queried = {name for name in names if any(name in query for query in queries)}
    return replace(
        recording, series=tuple(series for series in recording.series if series.name in queried)
    )


def _result(
    change: TriggerChange, scenario: Scenario, recording: Recording, engine: Engine | None
) -> PlayedChange:
    errors = []
    sides: list[tuple[Incident, ...]] = []
    for trigger in (change.before, change.after):
        try:
            sides.append(_incidents(trigger, recording, scenario.spacing, engine))
        except QueryError as error:
            # A query that Prometheus rejects never alerts: its apply would fail.
            sides.append(())
            errors.append("it is sensitive" if trigger and trigger.sensitive else str(error))
    before, after = sides
    intervals = [trigger.interval if trigger else 0 for trigger in (change.before, change.after)]
    incidents = compare_incidents(before, after, intervals, scenario.spacing)
    return PlayedChange(scenario.name, change, incidents, bool(before or after), tuple(errors))


def _incidents(
    trigger: Trigger | None, recording: Recording, spacing: float, engine: Engine | None
) -> tuple[Incident, ...]:
    if trigger is None:
        return ()
    policy = trigger.as_policy("reviewed")
    if engine is None or policy.is_log:
        return log_incidents(policy, recording)
    return metric_incidents(policy, recording, engine, spacing)
