"""Plays scenarios, and finds one that notices a changed policy."""

from collections.abc import Iterator, Sequence
from threading import Event

from lab.policies.files import Policy
from lab.policies.model import INTERVAL
from lab.prove.engine import Engine, QueryError
from lab.prove.scenarios import evaluate, start_times
from lab.side_by_side import side_by_side
from lab.simulate.scenario import ExpectedIncident, Scenario
from lab.simulate.simulation import Recording, simulate


def play(scenarios: Sequence[Scenario]) -> Iterator[Recording]:
    """Play scenarios side by side, days apart, and yield their recordings."""
    starts = [start.timestamp() for start in start_times(scenarios)]
    items = [*zip(scenarios, starts, strict=True)]
    return side_by_side(_simulate, items, Event())


def _simulate(item: tuple[Scenario, float]) -> Recording:
    return simulate(*item)


def noticed_by(
    mutant: Policy, played: Sequence[tuple[Scenario, Recording]], engine: Engine
) -> str | None:
    """Return the name of a scenario that fails with a changed policy, or None.

    The engine holds the series of all recordings.
    """
    own: dict[str, tuple[ExpectedIncident, ...]] = {}
    for scenario, _ in played:
        expected = [each for each in scenario.expect if each.policy == mutant.name]
        own[scenario.name] = tuple(expected)
    # Most mutants are noticed where the policy fires, and soonest by a short scenario.
    shortest = sorted(played, key=lambda pair: pair[0].lasts)
    likely = sorted(shortest, key=lambda pair: not own[pair[0].name])
    for scenario, recording in likely:
        # One evaluation phase is quick and notices most; the others come after it.
        for spacing in (INTERVAL, scenario.spacing):
            update = {"expect": own[scenario.name], "spacing": spacing}
            alone = scenario.model_copy(update=update)
            try:
                if not evaluate(alone, recording, [mutant], engine).passed:
                    return scenario.name
            except QueryError:
                # A refused query never fires: a join that finds two partners, for
                # example.
                return scenario.name
    return None
