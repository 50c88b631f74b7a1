"""Back-tests a Terraform plan: the policies before and after it, on one history.

Of config, the limits are worked out again from the recorded states, as the exporter
does. What else config decides is as it was recorded.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cache, partial
from typing import NamedTuple

from exporter.config import Config, Source, from_text
from exporter.config.model import matches
from exporter.names import LocationName
from exporter.steps.compare import Expectations
from exporter.steps.measure import location_samples, metrics
from exporter.steps.read import Stream
from lab.backtest.backtest import AlertCounts, BacktestResult
from lab.plans.plan import HIDDEN, Plan
from lab.plans.planned import notified
from lab.policies.files import Policy
from lab.policies.promql import promql_name
from lab.simulate.series import Series, SeriesSet

_STATE = promql_name(metrics()["stream/state"].type)
_LIMIT = promql_name(metrics()["stream/limit"].type)
# The history has the limits of the new config under a name of their own.
_PLANNED_LIMIT = f"{_LIMIT}_planned"
_AS_RECORDED = (
    "The plan changes config.yaml. Its limits (lag, quiet, and their windows) count"
    " here. Expected states, patience (failed), mutes, grouping, what is watched and"
    " how often the exporter runs are as they were recorded."
)
_HIDDEN = "The plan hides config.yaml: what it decides is as it was recorded."


class PlanSides(NamedTuple):
    """What a plan changes, as far as a history can tell."""

    before: list[Policy]  # the policies now, by their names in the plan
    after: list[Policy]
    configs: list[Config]  # the new configs, if they change
    notes: list[str]  # what the history can't tell


def plan_sides(plan: Plan) -> PlanSides:
    """Return both sides of a plan, or raise InputError for a mistake in its config."""
    old, new = plan.configs
    notes = [*plan.notes]
    configs: list[Config] = []
    if HIDDEN in old + new:
        notes.append(_HIDDEN)
    elif old != new:
        notes.append(_AS_RECORDED)
        configs = [from_text(text, "new config.yaml", {}) for text in new]
    sides = PlanSides([], [], configs, notes)
    for change in plan.changes:
        name, before, after = change.name, change.before, change.after
        if before and before.policy:
            sides.before.append(replace(before.policy, name=name))
        if after and after.policy:
            query = after.policy.query
            if query and configs:
                query = query.replace(_LIMIT, _PLANNED_LIMIT)
            sides.after.append(replace(after.policy, name=name, query=query))
    return sides


def planned_limits(series: Sequence[Series], configs: Iterable[Config]) -> list[Series]:
    """Return the limits that configs set at the times of the recorded states.

    Also those of streams that are no longer watched: they are in the history.
    """
    found = SeriesSet()
    for config in configs:
        limited = [each.match for each in config.expectations if each.limits]
        unmuted = config.model_copy(update={"mutes": ()})
        # Streams have points of the same times.
        expectations = cache(partial(Expectations, unmuted))
        for each in series:
            if each.name != _STATE:
                continue
            labels = dict(each.labels)
            at = LocationName(labels["namespace"], labels["location"])
            id_ = labels["stream_id"]
            if not (config.source_of(at) and matches(str(at.stream(id_)), limited)):
                continue
            source = Source(project=at.project)
            for point in each.samples:
                stream = Stream(id_, int(point.value))
                now = expectations(int(point.time)).compare(at, source, [stream])
                for sample in location_samples(now, 0, errors=False):
                    if sample.metric == "stream/limit":
                        own = labels | {"limit": sample.labels[1]}
                        limits = found.series(_PLANNED_LIMIT, own)
                        limits.add(point.visible_at, point.time, sample.value)
    return [*found.values()]


def compared(
    plan: Plan, before: BacktestResult, after: BacktestResult
) -> BacktestResult:
    """Return both results as one."""
    incidents = [each for each in before.incidents if each in after.incidents]
    for side, own, other in (("before", before, after), ("after", after, before)):
        incidents += [
            each._replace(side=side)
            for each in own.incidents
            if each not in other.incidents
        ]
    was = Counter(each.policy for each in before.incidents)
    will = Counter(each.policy for each in after.incidents)
    alerts = []
    not_evaluated = before.not_evaluated | after.not_evaluated
    for change in plan.changes:
        name, now, then = change.name, change.before, change.after
        if was[name] or will[name]:
            told = dict.fromkeys((notified(now), notified(then)))
            counts = AlertCounts(name, was[name], will[name], " → ".join(told))
            alerts.append(counts)
        for planned in (now, then):
            if planned and planned.problem:
                not_evaluated[name] = planned.problem
    return before._replace(
        policies=before.policies + after.policies,
        incidents=incidents,
        not_evaluated=not_evaluated,
        alerts=alerts,
    )
