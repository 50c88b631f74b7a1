"""What a plan's changes do to the scenarios: pages gained and lost, later and sooner."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from lab.prove.engine import QueryError
from lab.prove.evaluation import metric_incidents
from lab.prove.log_matching import log_incidents
from lab.prove.scenarios import engine_for, start_times
from lab.review.comparing import Effect, compared
from lab.review.plans import Action
from lab.review.triggers import Trigger, UnclearError, trigger
from lab.simulate import log_entries
from lab.simulate.simulation import Recording, simulate
from lab.simulate.visibility import VisibilityDelay

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lab.prove.engine import Engine
    from lab.prove.incidents import Incident
    from lab.review.plans import PolicyChange
    from lab.simulate.scenario import Scenario


class Question(NamedTuple):
    """A change to look at in every scenario.

    Attributes:
        policies: The names of the policies that change so: one, but where a policy on a log is
            made in several projects.
        label: The name of the file that they were made of; empty where nothing tells.
        before: What decides when they page; None where nothing does.
        after: The same after the apply.
    """

    policies: tuple[str, ...]
    label: str
    before: Trigger | None
    after: Trigger | None


class Unclear(NamedTuple):
    """A policy whose change the scenarios cannot tell of, and why."""

    policy: str
    reason: str


@dataclass(frozen=True, slots=True)
class Found:
    """What a change does to one scenario.

    Attributes:
        scenario: The scenario's name.
        question: The place of the question among those that were asked.
        effects: What is different.
        paged: Whether anything pages, before or after.
        refused: What Prometheus says of the query before or after, if it refuses one.
    """

    scenario: str
    question: int
    effects: tuple[Effect, ...]
    paged: bool
    refused: tuple[str, ...] = ()


class Task(NamedTuple):
    """A scenario and what is asked of it: all that another process needs."""

    scenario: Scenario
    questions: tuple[Question, ...]


def questions(
    changes: Iterable[PolicyChange],
) -> tuple[tuple[Question, ...], tuple[Unclear, ...]]:
    """Return what to ask the scenarios, and the policies of which they cannot tell.

    Nothing is asked where nothing changes that decides when a policy pages.
    """
    asked: dict[tuple[str, Trigger | None, Trigger | None], list[str]] = {}
    unclear = []
    for change in changes:
        # What is let go stays in Cloud Monitoring, and pages on.
        if change.action in {Action.KEPT, Action.FORGOTTEN}:
            continue
        try:
            before, after = trigger(change.before), trigger(change.after)
        except UnclearError as error:
            unclear.append(Unclear(change.name, str(error)))
        else:
            if before != after:
                asked.setdefault((change.label, before, after), []).append(change.name)
    return (
        tuple(Question(tuple(names), *key) for key, names in asked.items()),
        tuple(unclear),
    )


def answer(task: Task) -> tuple[Found, ...]:
    """Play a scenario and return what each question's change does to it.

    Raises:
        NotInstalledError: Prometheus is not installed.
        EngineError: It cannot be filled or started.
    """
    scenario = task.scenario
    start = start_times([scenario])[0].timestamp()
    asked = [
        (number, each)
        for number, each in enumerate(task.questions)
        if each.label not in scenario.switched_off
    ]
    queries = [
        side.query
        for _, each in asked
        for side in (each.before, each.after)
        if side and side.query is not None
    ]
    if queries:
        recording = _needed(simulate(scenario, start), queries)
    else:
        # What is logged needs no exporter.
        entries = log_entries.entries(scenario.world)
        recording = Recording(
            scenario.name, start, scenario.lasts, (), VisibilityDelay(0, 0), entries, ()
        )
    with engine_for([recording]) if queries else nullcontext() as engine:
        return tuple(
            _found(number, question, scenario, recording, engine) for number, question in asked
        )


def _needed(recording: Recording, queries: Sequence[str]) -> Recording:
    """Return a recording without the series that no query names: the engine is filled faster."""
    if any("__name__" in query for query in queries):
        return recording
    names = {
        name
        for name in {series.name for series in recording.series}
        if any(name in query for query in queries)
    }
    return replace(
        recording, series=tuple(series for series in recording.series if series.name in names)
    )


def _found(
    number: int, question: Question, scenario: Scenario, recording: Recording, engine: Engine | None
) -> Found:
    spacing = scenario.spacing
    refused = []
    sides: list[tuple[Incident, ...]] = []
    for side in (question.before, question.after):
        try:
            sides.append(_incidents(side, question.policies[0], recording, spacing, engine))
        except QueryError as error:
            # A query that is refused pages never: the apply of it would fail.
            sides.append(())
            refused.append("it is sensitive" if side and side.hidden else str(error))
    before, after = sides
    intervals = _interval(question.before), _interval(question.after)
    return Found(
        scenario.name,
        number,
        compared(before, after, intervals, spacing),
        bool(before or after),
        tuple(refused),
    )


def _interval(of: Trigger | None) -> int:
    return of.interval if of else 0


def _incidents(
    of: Trigger | None, name: str, recording: Recording, spacing: float, engine: Engine | None
) -> tuple[Incident, ...]:
    if of is None:
        return ()
    policy = of.policy(name)
    # Where no query is asked, there is no engine.
    if engine is None or policy.is_log:
        return log_incidents(policy, recording)
    return metric_incidents(policy, recording, engine, spacing)
