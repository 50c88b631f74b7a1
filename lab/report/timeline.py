"""A scenario that was played and judged, as marks on an axis of time. Pure."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from lab.prove.comparison import Outcome
from lab.report.events import title, turns
from lab.report.marks import Page, PolicyRow, States, Timeline, Track, Window
from lab.report.moments import ticks
from lab.report.samples import Samples
from lab.report.subjects import assigned, of_note
from lab.report.things import EXPORTER, Kind
from lab.report.truth import Truth, deployed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from lab.policies.files import Policy
    from lab.prove.comparison import AlertResult
    from lab.prove.scenarios import ScenarioResult
    from lab.report.conditions import Condition
    from lab.report.samples import Row
    from lab.report.things import Thing

MOST_TRACKS = 6
"""How many things of a scenario are drawn; those that are alike are one."""

_NEAR = 0.5
"""The part of a hold from which on a condition that did not page is drawn."""


def shown_phase(proof: ScenarioResult) -> float:
    """Return which phase of the evaluations is drawn: the first that is wrong, else the first."""
    phases = [finding.phase for finding in proof.results if finding.phase is not None]
    wrong = {finding.phase for finding in proof.results if not finding.passed}
    return min((phase for phase in phases if phase in wrong), default=min(phases, default=0.0))


def timeline(
    proof: ScenarioResult, policies: Iterable[Policy], conditions: Sequence[Condition]
) -> Timeline:
    """Return the marks of a scenario.

    Args:
        proof: The scenario, played and judged.
        policies: The policies.
        conditions: When their conditions were true, in the phase that :func:`shown_phase` gives.
    """
    scenario = proof.scenario
    phase = shown_phase(proof)
    by_name = {policy.name: policy for policy in policies}
    truth = Truth(scenario)
    findings = assigned(
        [each for each in proof.results if each.phase in {phase, None}],
        by_name,
        conditions,
        truth,
    )
    near = [each for each in conditions if _tells(each, by_name[each.policy], findings)]
    drawing = _Drawing(proof, by_name, truth)
    tracks = [
        drawing.track(
            thing,
            [finding for of, finding in findings if of == thing],
            [condition for condition in near if condition.about == thing],
        )
        for thing in of_note(scenario, findings, near, truth)
    ]
    grouped = _grouped(sorted(tracks, key=_order))
    left = sum(1 + len(track.alike) for track in grouped[MOST_TRACKS:])
    return Timeline(
        scenario.lasts,
        phase,
        ticks(scenario.lasts),
        turns(scenario),
        tuple(grouped[:MOST_TRACKS]),
        left,
    )


class _Drawing:
    """What the tracks of a scenario are made from."""

    def __init__(self, proof: ScenarioResult, policies: Mapping[str, Policy], truth: Truth) -> None:
        self._scenario = proof.scenario
        self._policies = policies
        self._truth = truth
        every = min(each.seconds for each in self._scenario.exporters)
        self._samples = Samples(proof.recording, every)

    def track(
        self, thing: Thing, findings: Sequence[AlertResult], conditions: Sequence[Condition]
    ) -> Track:
        """Return the track of a thing."""
        named = {each.policy for each in conditions} | {_policy(each) for each in findings}
        rows = [
            self._policy_row(
                self._policies[name],
                [each for each in findings if _policy(each) == name],
                [each for each in conditions if each.policy == name],
            )
            for name in sorted(named)
        ]
        rows.sort(key=lambda row: (row.is_log, _opened([row])))
        states, samples = self._seen(thing)
        if any(_native(self._policies[row.policy], thing) for row in rows):
            samples = (*samples, self._samples.native(thing))
        return Track(thing, states, samples, tuple(rows))

    @property
    def _lasts(self) -> float:
        return self._scenario.lasts

    def _seen(self, thing: Thing) -> tuple[tuple[States, ...], tuple[Row, ...]]:
        """Return the rows of a thing that are no policy's."""
        if thing != EXPORTER:
            stretches = self._truth.of(thing)
            what = "state" if thing.kind in {Kind.STREAM, Kind.CONNECTION} else "what is the case"
            samples = () if thing.kind is Kind.NAMELESS else (self._samples.of(thing),)
            return ((States(what, stretches),) if stretches else (), samples)
        states, rows = [], []
        for index, deployment in enumerate(self._scenario.exporters):
            name = title(deployment, self._scenario)
            states.append(States(name, deployed(deployment, self._lasts)))
            rows.append(
                self._samples.runs(index, "runs" if name == "exporter" else f"runs of {name}")
            )
        return tuple(states), tuple(rows)

    def _policy_row(
        self, policy: Policy, findings: Sequence[AlertResult], conditions: Sequence[Condition]
    ) -> PolicyRow:
        incidents = [(each.incident, each.outcome) for each in findings if each.incident]
        pages = [
            Page(
                incident.opened,
                self._lasts if incident.closed is None else incident.closed,
                incident.closed is None,
                outcome,
            )
            for incident, outcome in incidents
        ]
        return PolicyRow(
            policy.name,
            policy.is_log,
            tuple(sorted(each for condition in conditions for each in condition.held)),
            tuple(sorted(each for condition in conditions for each in condition.entries)),
            tuple(dict.fromkeys(self._windows(findings))),
            tuple(sorted(pages)),
            sum(1 for finding in findings if finding.outcome is Outcome.MISSED),
        )

    def _windows(self, findings: Iterable[AlertResult]) -> Iterator[Window]:
        for expected in (each.expected for each in findings if each.expected):
            for span, closes in ((expected.opens, False), (expected.closes, True)):
                if span and span.after < self._lasts:
                    yield Window(span.after, min(span.by, self._lasts), closes)


def _tells(
    condition: Condition, policy: Policy, findings: Iterable[tuple[Thing, AlertResult]]
) -> bool:
    """Say whether a condition paged, or came so near to it that it is worth a row.

    Many are true at one evaluation, while a run is being written, and are not at the next.
    """
    paged = any(
        of == condition.about and _policy(finding) == policy.name for of, finding in findings
    )
    return paged or any(
        each.end - each.begin > policy.retest_window * _NEAR for each in condition.held
    )


def _policy(finding: AlertResult) -> str:
    """Return the name of the policy that a finding is about."""
    about = finding.expected or finding.incident
    return about.policy if about else ""


def _native(policy: Policy, thing: Thing) -> bool:
    """Say whether a policy looks at what Google itself measures of a thing, and can be drawn."""
    metric = {Kind.EXPORTER: "run_googleapis_com:", Kind.STREAM: ":stream_freshness"}
    return thing.kind in metric and metric[thing.kind] in (policy.query or "")


def _order(track: Track) -> tuple[bool, bool, float, int, tuple[str | int, ...]]:
    """Return what tracks are sorted by: what is wrong first, then the exporter, then by time."""
    wrong = any(row.wrong for row in track.policies)
    return (
        not wrong,
        track.thing != EXPORTER,
        _opened(row for row in track.policies if not row.is_log),
        track.thing.kind,
        _natural(track.thing.name),
    )


def _natural(name: str) -> tuple[str | int, ...]:
    """Return what names are sorted by that differ in a number: 2 comes before 10."""
    parts = re.split("([0-9]+)", name)
    return tuple(int(part) if place % 2 else part for place, part in enumerate(parts))


def _opened(rows: Iterable[PolicyRow]) -> float:
    """Return when the first of some pages opened."""
    return min((page.begin for row in rows for page in row.pages), default=math.inf)


def _grouped(tracks: Sequence[Track]) -> list[Track]:
    """Return one track of each kind of fate, with the others that share it."""
    fates: dict[object, list[Track]] = {}
    for track in tracks:
        fates.setdefault(_fate(track), []).append(track)
    return [
        Track(
            first.thing,
            first.states,
            first.samples,
            first.policies,
            tuple(track.thing for track in others),
        )
        for first, *others in fates.values()
    ]


def _fate(track: Track) -> object:
    """Return what two tracks have in common that are alike: seconds of a page left out."""
    return (
        track.thing.kind,
        track.states,
        tuple(
            (row.policy, row.windows, len(row.pages), row.wrong, bool(row.held))
            for row in sorted(track.policies, key=lambda row: row.policy)
        ),
    )
