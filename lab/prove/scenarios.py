"""Plays scenarios, and compares the policies' incidents with the expected ones."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from threading import Event
from typing import NamedTuple

from lab.policies.files import Policy
from lab.prove.comparison import AlertResult, alert_results
from lab.prove.engine import Engine, check_installed, start_engine
from lab.prove.incidents import Incident, incidents_of
from lab.side_by_side import side_by_side
from lab.simulate.scenario import Scenario
from lab.simulate.simulation import Recording, simulate

# A Monday, after all times that scenarios set themselves
_FIRST_DAY = datetime(2027, 1, 4, tzinfo=UTC)
# Evaluation phases of a policy that are tried. One that is evaluated every five minutes
# has a phase each ten seconds: at each five, its queries took most of the time
_MOST_PHASES = 30


class ScenarioResult(NamedTuple):
    """A scenario that was played, and how its alerts compare with the expected ones."""

    scenario: Scenario  # the scenario
    recording: Recording  # what the simulated exporter and Datastream wrote
    incidents: list[Incident]  # every incident, in every evaluation phase
    # Every expected alert and every extra one, in every evaluation phase
    results: list[AlertResult]

    @property
    def passed(self) -> bool:
        """Whether exactly the expected alerts fired, in every phase."""
        return all(result.passed for result in self.results)


def play_all(
    scenarios: Sequence[Scenario], policies: Sequence[Policy], stop: Event
) -> Iterator[ScenarioResult]:
    """Play scenarios side by side and yield their results in order.

    Each scenario has its own engine and its own start time, so its result doesn't
    depend on which other scenarios are played. ``stop`` ends it early.
    """
    check_installed()
    yield from side_by_side(partial(_play, tuple(policies)), scenarios, stop)


def _play(policies: Sequence[Policy], scenario: Scenario) -> ScenarioResult:
    recording = record(scenario)
    with start_engine(recording.series) as engine:
        return evaluate(scenario, recording, policies, engine)


def record(scenario: Scenario) -> Recording:
    """Play a scenario, at midnight where it doesn't say when."""
    return simulate(scenario, (scenario.starts or _FIRST_DAY).timestamp())


def evaluate(
    scenario: Scenario, recording: Recording, policies: Sequence[Policy], engine: Engine
) -> ScenarioResult:
    """Compare the incidents of policies with the alerts that a scenario expects.

    ``recording`` is what the scenario recorded; the engine holds its series.
    """
    incidents: list[Incident] = []
    # By name: policies of several routes have one. Without its policy, an alert is
    # missed.
    phases_of = {alert.policy: [0.0] for alert in scenario.expect}
    for policy in policies:
        if scenario.applies(policy.name, enabled=policy.enabled):
            spacing = max(scenario.spacing, policy.interval / _MOST_PHASES)
            # A policy on a log has one phase.
            phases = round(policy.interval / spacing) or 1
            phases_of[policy.name] = [number * spacing for number in range(phases)]
            incidents += incidents_of(policy, recording, engine, spacing)
    results: list[AlertResult] = []
    for name, tried in phases_of.items():
        alerts = [alert for alert in scenario.expect if alert.policy == name]
        own = [each for each in incidents if each.policy == name]
        for phase in tried:
            in_phase = [each for each in own if each.phase == phase]
            results += alert_results(alerts, in_phase, phase, len(tried))
    return ScenarioResult(scenario, recording, incidents, results)
