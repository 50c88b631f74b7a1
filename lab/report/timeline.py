"""Plays a scenario, evaluates it and draws its timeline."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from lab.prove.comparison import Outcome
from lab.prove.scenarios import engine_for, evaluate, start_times
from lab.report.actual_states import ActualStates, deployment_intervals
from lab.report.conditions import conditions
from lab.report.event_texts import deployment_name, event_marks
from lab.report.marks import ExpectedWindow, IncidentMark, PolicyRow, StateRow, Timeline, Track
from lab.report.points import Points
from lab.report.subjects import (
    CLOUD_RUN_METRICS,
    EXPORTER,
    SubjectKind,
    assign_results,
    subjects_to_draw,
)
from lab.simulate.simulation import simulate

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from lab.policies.files import Policy
    from lab.prove.comparison import AlertResult
    from lab.prove.scenarios import ScenarioResult
    from lab.report.conditions import Condition
    from lab.report.marks import PointRow
    from lab.report.subjects import Subject
    from lab.simulate.scenario import Scenario

MOST_TRACKS = 6
"""How many subjects of a scenario are drawn; similar ones count once."""

_NEARLY = 0.5
"""The part of the retest window from which a condition that didn't fire is drawn."""


class Task(NamedTuple):
    """All that a worker process needs to draw a scenario."""

    scenario: Scenario
    policies: tuple[Policy, ...]


def play_and_draw(task: Task) -> tuple[ScenarioResult, Timeline]:
    """Return a scenario's result without its series, and its timeline.

    Raises:
        NotInstalledError: Prometheus is not installed.
        EngineError: Prometheus failed.
    """
    scenario, policies = task
    recording = simulate(scenario, start_times([scenario])[0].timestamp())
    applied = [
        policy for policy in policies if scenario.applies(policy.name, enabled=policy.enabled)
    ]
    with engine_for([recording]) as engine:
        result = evaluate(scenario, recording, policies, engine)
        true = conditions(applied, recording, engine, drawn_phase(result))
    drawn = draw(result, policies, true)
    # The series of hundreds of streams would have to be sent to another process.
    return replace(result, recording=replace(recording, series=(), runs=())), drawn


def drawn_phase(result: ScenarioResult) -> float:
    """Return the evaluation phase to draw: the first that is wrong, else the first."""
    phases = [each.phase for each in result.results if each.phase is not None]
    wrong = {each.phase for each in result.results if not each.passed}
    return min((phase for phase in phases if phase in wrong), default=min(phases, default=0.0))


def draw(
    result: ScenarioResult, policies: Iterable[Policy], conditions_: Sequence[Condition]
) -> Timeline:
    """Return the timeline of a scenario.

    Args:
        result: The scenario's result.
        policies: The policies.
        conditions_: When their conditions are true, in the phase of :func:`drawn_phase`.
    """
    scenario = result.scenario
    phase = drawn_phase(result)
    by_name = {policy.name: policy for policy in policies}
    states = ActualStates(scenario)
    in_phase = [
        each
        for each in result.results
        if each.phase is None or each.phase == phase % (each.phases * scenario.spacing)
    ]
    assigned = assign_results(in_phase, by_name, conditions_, states)
    relevant = [each for each in conditions_ if _is_relevant(each, by_name[each.policy], assigned)]
    drawing = _Drawing(result, by_name, states)
    tracks = [
        drawing.track(
            subject,
            [result for of, result in assigned if of == subject],
            [condition for condition in relevant if condition.subject == subject],
        )
        for subject in subjects_to_draw(scenario, assigned, relevant, states)
    ]
    grouped = _group_similar(sorted(tracks, key=_order))
    hidden = sum(1 + len(track.similar) for track in grouped[MOST_TRACKS:])
    events = event_marks(scenario)
    return Timeline(scenario.lasts, phase, events, tuple(grouped[:MOST_TRACKS]), hidden)


class _Drawing:
    """Draws the tracks of a scenario."""

    def __init__(
        self, result: ScenarioResult, policies: Mapping[str, Policy], states: ActualStates
    ) -> None:
        self._scenario = result.scenario
        self._lasts = result.scenario.lasts
        self._policies = policies
        self._states = states
        interval = min(each.seconds for each in self._scenario.exporters)
        self._points = Points(result.recording, interval)

    def track(
        self, subject: Subject, results: Sequence[AlertResult], conditions_: Sequence[Condition]
    ) -> Track:
        names = {each.policy for each in conditions_} | {policy_of(each) for each in results}
        rows = [
            self._policy_row(
                self._policies[name],
                [each for each in results if policy_of(each) == name],
                [each for each in conditions_ if each.policy == name],
            )
            for name in sorted(names)
        ]
        rows.sort(key=lambda row: (row.is_log, _first_opened([row])))
        states, points = self._exporter() if subject == EXPORTER else self._resource(subject)
        if any(_uses_native(self._policies[row.policy], subject) for row in rows):
            points = (*points, self._points.native(subject))
        return Track(subject, states, points, tuple(rows))

    def _resource(self, subject: Subject) -> tuple[tuple[StateRow, ...], tuple[PointRow, ...]]:
        intervals = self._states.intervals(subject)
        states = (StateRow("actual state", intervals),) if intervals else ()
        named = subject.kind is not SubjectKind.UNNAMED
        return states, (self._points.written(subject),) if named else ()

    def _exporter(self) -> tuple[tuple[StateRow, ...], tuple[PointRow, ...]]:
        states, points = [], []
        for index, deployment in enumerate(self._scenario.exporters):
            name = deployment_name(deployment, self._scenario)
            states.append(StateRow(name, deployment_intervals(deployment, self._lasts)))
            title = "runs" if name == "exporter" else f"runs of {name}"
            points.append(self._points.runs(index, title))
        return tuple(states), tuple(points)

    def _policy_row(
        self, policy: Policy, results: Sequence[AlertResult], conditions_: Sequence[Condition]
    ) -> PolicyRow:
        incidents = [
            IncidentMark(
                each.incident.opened,
                self._lasts if each.incident.closed is None else each.incident.closed,
                each.incident.closed is None,
                each.outcome,
            )
            for each in results
            if each.incident
        ]
        return PolicyRow(
            policy.name,
            policy.is_log,
            tuple(sorted(interval for each in conditions_ for interval in each.intervals)),
            tuple(sorted(at for each in conditions_ for at in each.log_entries)),
            tuple(dict.fromkeys(self._windows(results))),
            tuple(sorted(incidents)),
            sum(1 for each in results if each.outcome is Outcome.MISSED),
        )

    def _windows(self, results: Iterable[AlertResult]) -> Iterator[ExpectedWindow]:
        for expected in (each.expected for each in results if each.expected):
            for times, closes in ((expected.opens, False), (expected.closes, True)):
                if times and times.after < self._lasts:
                    yield ExpectedWindow(times.after, min(times.by, self._lasts), closes)


def _is_relevant(
    condition: Condition, policy: Policy, assigned: Iterable[tuple[Subject, AlertResult]]
) -> bool:
    """Return whether a condition fired, or nearly did.

    While a run is being written, many conditions are true for a single evaluation.
    """
    return any(
        subject == condition.subject and policy_of(result) == policy.name
        for subject, result in assigned
    ) or any(each.end - each.begin > policy.retest_window * _NEARLY for each in condition.intervals)


def policy_of(result: AlertResult) -> str:
    """Return the name of the policy that an alert is expected of, or that opened an incident."""
    alert = result.expected or result.incident
    return alert.policy if alert else ""


def _uses_native(policy: Policy, subject: Subject) -> bool:
    """Return whether a policy uses Google's own metrics of a subject that can be drawn."""
    metrics = {SubjectKind.EXPORTER: CLOUD_RUN_METRICS, SubjectKind.STREAM: ":stream_freshness"}
    return subject.kind in metrics and metrics[subject.kind] in (policy.query or "")


def _order(track: Track) -> tuple[bool, bool, float, int, tuple[str | int, ...]]:
    """Sort what is wrong first, then the exporter, then by the first incident."""
    wrong = any(row.wrong for row in track.policies)
    return (
        not wrong,
        track.subject != EXPORTER,
        _first_opened(row for row in track.policies if not row.is_log),
        track.subject.kind,
        _natural(track.subject.name),
    )


def _natural(name: str) -> tuple[str | int, ...]:
    """Sort names that end in a number by the number: 2 before 10."""
    parts = re.split("([0-9]+)", name)
    return tuple(int(part) if place % 2 else part for place, part in enumerate(parts))


def _first_opened(rows: Iterable[PolicyRow]) -> float:
    return min((incident.begin for row in rows for incident in row.incidents), default=math.inf)


def _group_similar(tracks: Sequence[Track]) -> list[Track]:
    """Return the first track of each group of similar ones, with the subjects of the others."""
    groups: dict[object, list[Track]] = {}
    for track in tracks:
        groups.setdefault(_similarity(track), []).append(track)
    return [
        replace(first, similar=tuple(track.subject for track in others))
        for first, *others in groups.values()
    ]


def _similarity(track: Track) -> object:
    """Return what similar tracks have in common; incidents may differ by seconds."""
    return (
        track.subject.kind,
        track.states,
        tuple(
            (row.policy, row.windows, len(row.incidents), row.wrong, bool(row.intervals))
            for row in sorted(track.policies, key=lambda row: row.policy)
        ),
    )
