"""Which things of a scenario matter: those that paged or should have, and those that changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.emulator.timeline import matches
from lab.report.things import EXPORTER, Kind, is_of_exporter, named, thing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lab.policies.files import Policy
    from lab.prove.comparison import AlertResult
    from lab.report.conditions import Condition
    from lab.report.things import Thing
    from lab.report.truth import Truth
    from lab.simulate.scenario import ExpectedIncident, ScenarioFile


def assigned(
    findings: Sequence[AlertResult],
    policies: Mapping[str, Policy],
    conditions: Sequence[Condition],
    truth: Truth,
) -> tuple[tuple[Thing, AlertResult], ...]:
    """Return findings with what they are about.

    A page that was expected and did not come is about the first thing that it may be about: one
    for which the condition was true, one that changed, or any.

    Args:
        findings: Of one phase, and those on log entries.
        policies: The policies by name.
        conditions: When they were true.
        truth: What exists.
    """
    found = [
        (thing(each.incident.about, policies.get(each.incident.policy)), each)
        for each in findings
        if each.incident
    ]
    taken = {(each.incident.policy, of) for of, each in found if each.incident}
    for each in findings:
        if each.incident is None and each.expected is not None and not each.passed:
            policy = policies[each.expected.policy]
            for of in _candidates(each.expected, policy, conditions, truth):
                if (policy.name, of) not in taken:
                    taken.add((policy.name, of))
                    found.append((of, each))
                    break
    return tuple(found)


def of_note(
    scenario: ScenarioFile,
    findings: Sequence[tuple[Thing, AlertResult]],
    conditions: Sequence[Condition],
    truth: Truth,
) -> tuple[Thing, ...]:
    """Return the things that matter, each once; one stream at least, for which nothing happens.

    Args:
        scenario: The scenario.
        findings: What paged, or should have.
        conditions: When conditions were true.
        truth: What exists.
    """
    wanted = dict.fromkeys(of for of, _ in findings)
    # At first the exporter has not run yet, and is nearly silent in every scenario.
    wanted |= dict.fromkeys(each.about for each in conditions if each.about != EXPORTER)
    wanted |= dict.fromkeys(changed(truth))
    if _irregular(scenario):
        wanted[EXPORTER] = None
    if not any(each.kind in {Kind.STREAM, Kind.CONNECTION} for each in wanted):
        wanted |= dict.fromkeys([named(name) for name in truth.names()][:1])
    return tuple(wanted)


def changed(truth: Truth) -> Iterator[Thing]:
    """Yield the streams with which not the same is the case all the time."""
    for name in truth.names():
        of = named(name)
        if len(truth.of(of)) > 1:
            yield of


def _candidates(
    expected: ExpectedIncident, policy: Policy, conditions: Sequence[Condition], truth: Truth
) -> Iterator[Thing]:
    """Yield what an expected page may be about, the likeliest first."""
    if is_of_exporter(policy):
        yield EXPORTER
        return
    likely = [each.about for each in conditions if each.policy == policy.name]
    streams = [named(name) for name in truth.names()]
    above = [named(name) for name in dict.fromkeys(_above(of) for of in streams)]
    for of in dict.fromkeys([*likely, *changed(truth), *streams, *above]):
        if expected.of == "*" or matches(expected.of, of.name):
            yield of


def _above(of: Thing) -> str:
    return of.name.rpartition("/streams/")[0]


def _irregular(scenario: ScenarioFile) -> bool:
    """Say whether how the exporter runs is a part of what happens."""
    return len(scenario.exporters) > 1 or any(
        each.silent or each.first or each.ends is not None or each.tasks > 1 or each.skew
        for each in scenario.exporters
    )
