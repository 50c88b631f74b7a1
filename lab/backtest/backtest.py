"""Evaluates policies over a project's history.

The second at which Cloud Monitoring evaluates is unknown, so incidents may open up to
an evaluation interval sooner or later.
"""

from collections.abc import Iterator, Sequence
from operator import attrgetter
from threading import Event
from typing import NamedTuple

from lab.history.history import History
from lab.history.read import EXPORTER_DELAY
from lab.policies.deployment import of_every_deployment
from lab.policies.files import Policy
from lab.policies.model import INTERVAL
from lab.prove.engine import Engine, QueryError, run_engine
from lab.prove.incidents import Incident, firing_intervals, resource_name, round_up
from lab.simulate.series import (
    EVENTS,
    FRESHNESS,
    LATENCY_COUNT,
    LATENCY_SUM,
    UNSUPPORTED,
    VisibilityDelay,
    adjust_for_delay,
)
from lab.terminal import Progress
from lab.timeline.spans import OURS, Period

# What is written only while there is something, by what is written all the time
_SPARSE = {
    EVENTS: FRESHNESS,
    LATENCY_COUNT: FRESHNESS,
    LATENCY_SUM: FRESHNESS,
    UNSUPPORTED: FRESHNESS,
    f"{OURS}stream_limit": f"{OURS}exporter_last_run",
    f"{OURS}stream_problem_since": f"{OURS}exporter_last_run",
    f"{OURS}stream_problem_state": f"{OURS}exporter_last_run",
}


class _NotEvaluatedError(Exception):
    """A policy can't be evaluated; ``str()`` is why."""


class AlertCounts(NamedTuple):
    """How often a policy alerts before and after a plan."""

    policy: str
    before: int
    after: int
    notified: str  # whom it notifies


class BacktestResult(NamedTuple):
    """Which alerts the policies would have opened."""

    period: Period  # the time of the evaluation
    # When the exporter's history starts, if that is later than requested
    history_start: float | None
    policies: tuple[Policy, ...]  # all policies
    # The incidents, by policy, in seconds after the start. One that was open at the
    # start has opened at 0
    incidents: list[Incident]
    not_evaluated: dict[str, str]  # why a policy could not be evaluated, by its name
    alerts: Sequence[AlertCounts] = ()  # of a plan


def evaluate(
    policies: Sequence[Policy],
    history: History,
    period: Period,
    progress: Progress,
    stop: Event,
) -> BacktestResult:
    """Evaluate policies over a history; none after ``stop``."""
    unknown_seconds = max(history.first - period.start, 0.0)
    start = period.start + unknown_seconds // INTERVAL * INTERVAL
    evaluated = Period(start, period.end)
    incidents: list[Incident] = []
    not_evaluated = {}
    with run_engine(history.data) as engine:
        for policy in progress.track(policies, description="evaluating policies"):
            if stop.is_set():
                not_evaluated[policy.name] = "interrupted"
                continue
            try:
                found = _evaluate(policy, history, evaluated, engine)
                incidents += sorted(found, key=attrgetter("opened"))
            except (QueryError, _NotEvaluatedError) as error:
                not_evaluated[policy.name] = str(error)
    return BacktestResult(
        evaluated,
        history.first if unknown_seconds else None,
        tuple(policies),
        incidents,
        not_evaluated,
    )


def _evaluate(
    policy: Policy, history: History, period: Period, engine: Engine
) -> list[Incident]:
    """Return a policy's incidents, or raise _NotEvaluatedError or QueryError."""
    if not policy.enabled:
        raise _NotEvaluatedError("is disabled")
    if not policy.parsed_query:
        raise _NotEvaluatedError("matches log entries, which the history does not have")
    named = dict.fromkeys(each.metric for each in policy.parsed_query.selectors)
    missing = [each for each in named if not {each, _SPARSE.get(each)} & history.names]
    found: list[Incident] = []
    if len(missing) < len(named):
        found += _incidents(policy, engine, period, history.first)
    # A policy that alerts without a series does not need it.
    if missing and not found:
        raise _NotEvaluatedError(f"there is no series of {' and '.join(missing)}")
    return found


def _incidents(
    policy: Policy, engine: Engine, period: Period, known_since: float
) -> Iterator[Incident]:
    """Yield a policy's incidents; a retest window may have begun before the period."""
    interval, start = policy.interval, period.start
    window = round_up(policy.retest_window, interval)
    earlier = min(window, max(start - known_since, 0.0))
    first = start - earlier // interval * interval
    last = first + (period.end - first) // interval * interval
    query = of_every_deployment(policy.query or "")
    query = adjust_for_delay(query, VisibilityDelay(EXPORTER_DELAY, EXPORTER_DELAY))
    for labels, values in engine.query_range(query, first, last, interval):
        about = resource_name(labels, is_exporter=policy.watches_exporter)
        for opened, closed in firing_intervals(
            values, retest_window=policy.retest_window, interval=interval, last=last
        ):
            if closed is not None and closed <= start:
                continue
            opens = max(opened - start, 0.0)
            closes = None if closed is None else closed - start
            yield Incident(policy.name, about, labels, opens, closes)
