"""Plays scenarios, evaluates the policies and compares their incidents with the expected ones."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from threading import Event

from lab.policies.files import Policy
from lab.prove.comparison import AlertResult, compare
from lab.prove.engine import Engine, check_installed, start_engine
from lab.prove.incidents import Incident, log_incidents, metric_incidents
from lab.side_by_side import side_by_side
from lab.simulate.scenario import Scenario
from lab.simulate.simulation import Recording, simulate

# A Monday, after all times that scenarios set themselves
_FIRST_DAY = datetime(2027, 1, 4, tzinfo=UTC)
# Between two scenarios in one engine. A query looks back 25 hours at most, retest
# window included, so no scenario sees another's series
_APART = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class ScenarioResult:
    """A scenario that was played, and how its alerts compare with the expected ones."""

    scenario: Scenario  # the scenario
    recording: Recording  # what the simulated exporter and Datastream wrote
    incidents: tuple[Incident, ...]  # every incident, in every evaluation phase
    # Every expected alert and every extra one, in every evaluation phase
    results: tuple[AlertResult, ...]

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
    recording = simulate(scenario, start_times([scenario])[0].timestamp())
    with engine_for([recording]) as engine:
        return evaluate(scenario, recording, policies, engine)


def start_times(scenarios: Sequence[Scenario]) -> list[datetime]:
    """Return when each scenario starts: its own ``starts``, else a midnight far from the others."""
    return [
        scenario.starts or _FIRST_DAY + number * _APART
        for number, scenario in enumerate(scenarios)
    ]


def engine_for(recordings: Iterable[Recording]) -> AbstractContextManager[Engine]:
    """Return a context that runs an engine with the series of recordings."""
    # Prometheus takes the samples of a series in order of time only.
    in_order = sorted(recordings, key=lambda recording: recording.start)
    return start_engine(
        [series for recording in in_order for series in recording.series]
    )


def evaluate(
    scenario: Scenario, recording: Recording, policies: Sequence[Policy], engine: Engine
) -> ScenarioResult:
    """Compare the incidents of policies with the alerts that a scenario expects.

    ``recording`` is what the scenario recorded; the engine holds its series.
    """
    spacing = scenario.spacing
    applied = [
        policy
        for policy in policies
        if scenario.applies(policy.name, enabled=policy.enabled)
    ]
    # Policies of several routes have one name.
    of_policy: dict[str, list[Incident]] = {policy.name: [] for policy in applied}
    for policy in applied:
        of_policy[policy.name] += (
            log_incidents(policy, recording)
            if policy.is_log
            else metric_incidents(policy, recording, engine, spacing)
        )
    results: list[AlertResult] = []
    for name, interval in {policy.name: policy.interval for policy in applied}.items():
        expected = [each for each in scenario.expect if each.policy == name]
        found, phases = of_policy[name], round(interval / spacing)
        if not phases:
            results += compare(expected, found, None)
        for phase in (number * spacing for number in range(phases)):
            in_phase = [incident for incident in found if incident.phase == phase]
            results += compare(expected, in_phase, phase, phases)
    # Without its policy, an expected alert is missed.
    results += compare(
        [each for each in scenario.expect if each.policy not in of_policy], (), 0.0
    )
    incidents = tuple(incident for found in of_policy.values() for incident in found)
    return ScenarioResult(scenario, recording, incidents, tuple(results))
