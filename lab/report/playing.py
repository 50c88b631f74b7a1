"""A scenario played, judged and drawn: all that has to be done while its engine runs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from lab.prove.scenarios import engine_for, evaluate, start_times
from lab.report.conditions import conditions
from lab.report.timeline import shown_phase, timeline
from lab.simulate.simulation import simulate

if TYPE_CHECKING:
    from lab.policies.files import Policy
    from lab.prove.scenarios import ScenarioResult
    from lab.report.marks import Timeline
    from lab.simulate.scenario import Scenario


class Task(NamedTuple):
    """A scenario and what it is held against: all that another process needs."""

    scenario: Scenario
    policies: tuple[Policy, ...]


def play(task: Task) -> tuple[ScenarioResult, Timeline]:
    """Return how a scenario came out, without its series, and its marks.

    Raises:
        NotInstalledError: Prometheus is not installed.
        EngineError: It does not do what it is asked to.
    """
    scenario, policies = task
    recording = simulate(scenario, start_times([scenario])[0].timestamp())
    applied = [each for each in policies if each.name not in scenario.switched_off]
    with engine_for([recording]) as engine:
        proof = evaluate(scenario, recording, policies, engine)
        true = conditions(applied, recording, engine, shown_phase(proof))
    drawn = timeline(proof, policies, true)
    # Hundreds of streams have many thousands of points, which nobody asks for any more.
    return replace(proof, recording=replace(recording, series=(), runs=())), drawn
