"""Scenarios played and judged: the whole way from files to what was right and what was not."""

from __future__ import annotations

import itertools
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from lab.prove.engine import Engine
from lab.prove.evaluating import metric_incidents
from lab.prove.judging import judge
from lab.prove.log_matching import log_incidents
from lab.simulate.simulation import simulate

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from lab.policies.files import Policy
    from lab.prove.incidents import Incident
    from lab.prove.judging import Finding
    from lab.simulate.scenario import Scenario
    from lab.simulate.simulation import Recording

_FIRST_DAY = datetime(2026, 1, 5, tzinfo=UTC)
_APART = timedelta(days=3)
"""From one scenario to the next in the engine: no look-back of one, of 25 hours at most with its
hold, reaches into another."""


@dataclass(frozen=True, slots=True)
class Proof:
    """A scenario that was played and judged.

    Attributes:
        scenario: What to play.
        recording: What it left behind.
        incidents: Every page, in every phase of the evaluations.
        findings: What was expected and what was not, in every phase.
    """

    scenario: Scenario
    recording: Recording
    incidents: tuple[Incident, ...]
    findings: tuple[Finding, ...]

    @property
    def right(self) -> bool:
        """Whether all that was expected happened, in every phase, and nothing else did."""
        return all(finding.right for finding in self.findings)


def prove_all(scenarios: Sequence[Scenario], policies: Sequence[Policy]) -> Iterator[Proof]:
    """Play scenarios, and judge one after the other.

    Args:
        scenarios: What to play.
        policies: The policies.

    Raises:
        ValueError: With a sentence, where two scenarios say times that are too close, or a policy
            on log entries is not understood.
        NotInstalledError: Prometheus is not installed.
        EngineError: It cannot be started, or refuses a query.
    """
    played = recordings(scenarios)
    with filled(played) as engine:
        for scenario, recording in zip(scenarios, played, strict=True):
            yield prove(scenario, recording, policies, engine)


def recordings(scenarios: Sequence[Scenario]) -> tuple[Recording, ...]:
    """Play scenarios, each on days of its own."""
    return tuple(
        simulate(scenario, start.timestamp())
        for scenario, start in zip(scenarios, starts(scenarios), strict=True)
    )


def starts(scenarios: Sequence[Scenario]) -> list[datetime]:
    """Return when each scenario starts: as it says, else at a midnight that is far from the others.

    Raises:
        ValueError: With a sentence, where two say times that are too close.
    """
    said = sorted((scenario.starts, scenario.name) for scenario in scenarios if scenario.starts)
    for (one, name), (other, next_name) in itertools.pairwise(said):
        if other - one < _APART:
            raise ValueError(
                f"{name} and {next_name} start within {_APART.days} days of each other; move one"
            )
    days = (
        day
        for day in (_FIRST_DAY + number * _APART for number in range(len(scenarios) * 4))
        if all(abs(day - start) >= _APART for start, _ in said)
    )
    return [scenario.starts or next(days) for scenario in scenarios]


@contextmanager
def filled(played: Iterable[Recording]) -> Iterator[Engine]:
    """Give an engine that holds the series of recordings.

    Raises:
        NotInstalledError: Prometheus is not installed.
        EngineError: It cannot be filled or started.
    """
    # The engine takes the samples of a series in the order of time alone.
    in_order = sorted(played, key=lambda recording: recording.start)
    with Engine([series for each in in_order for series in each.series]) as engine:
        yield engine


def prove(
    scenario: Scenario,
    recording: Recording,
    policies: Sequence[Policy],
    engine: Engine,
) -> Proof:
    """Judge a scenario that was played.

    Args:
        scenario: What to play.
        recording: What it left behind.
        policies: The policies.
        engine: Holds the recording's series.
    """
    spacing = scenario.spacing
    applied = [policy for policy in policies if policy.name not in scenario.switched_off]
    on_metrics = [
        incident
        for policy in applied
        if not policy.is_log
        for incident in metric_incidents(policy, recording, engine, spacing)
    ]
    on_logs = [
        incident
        for policy in applied
        if policy.is_log
        for incident in log_incidents(policy, recording)
    ]
    logs = {policy.name for policy in policies if policy.is_log}
    expected = scenario.expect
    findings: list[Finding] = [
        *judge([each for each in expected if each.policy in logs], on_logs, None)
    ]
    of_metrics = [each for each in expected if each.policy not in logs]
    # Where no policy on metrics applies, what is due of one is missed all the same.
    phases = sorted(
        {
            number * spacing
            for policy in applied
            for number in range(round(policy.interval / spacing))
        }
    ) or [0.0]
    for phase in phases:
        in_phase = [incident for incident in on_metrics if incident.phase == phase]
        findings += judge(of_metrics, in_phase, phase)
    return Proof(scenario, recording, (*on_metrics, *on_logs), tuple(findings))
