"""Evaluates policies over a project's history.

The second at which Cloud Monitoring evaluates is unknown, so incidents may open up to
an evaluation interval sooner or later.
"""

from collections.abc import Iterator, Sequence
from threading import Event
from typing import NamedTuple

from exporter.measure import RESOURCE
from lab.backtest.history import History
from lab.backtest.read import EXPORTER_DELAY
from lab.policies.deployment import without_placeholders
from lab.policies.files import Policy
from lab.policies.model import INTERVAL
from lab.policies.promql import Selector, known_series, read
from lab.prove.engine import Engine, QueryError, run_engine
from lab.prove.incidents import Incident, firing_intervals, resource_name, round_up
from lab.simulate.series import VisibilityDelay, adjust_for_delay
from lab.terminal import Progress
from lab.timeline.spans import METRICS, Period

# Extra seconds to look back, for late points and for selectors without a range
_MARGIN = 600.0


class BacktestResult(NamedTuple):
    """Which alerts the policies would have opened."""

    period: Period  # the time of the evaluation
    # When the exporter's history starts, if that is later than requested
    history_start: float | None
    policies: tuple[Policy, ...]  # all policies
    # The incidents, oldest first, in seconds after the start. One that was open at the
    # start has opened at 0
    incidents: list[Incident]
    not_evaluated: dict[str, str]  # why a policy could not be evaluated, by its name


def metrics_to_read(policies: Sequence[Policy]) -> tuple[list[str], float]:
    """Return the types of the metrics to read, and how many seconds earlier to begin.

    A metric that the lab does not know is left out: its type does not follow from its
    PromQL name.
    """
    metrics = {metric.type for metric in METRICS}
    earlier = 0.0
    for policy in policies:
        query = policy.parsed_query
        if not query:
            continue
        window = round_up(policy.retest_window, policy.interval)
        earlier = max(earlier, query.look_back + window)
        for selector in query.selectors:
            known = known_series().get(selector.metric)
            if known:
                metrics.add(known.type)
    return sorted(metrics), earlier + _MARGIN


def evaluate(
    policies: Sequence[Policy],
    history: History,
    period: Period,
    progress: Progress,
    stop: Event,
) -> BacktestResult:
    """Evaluate policies over a history; the result is incomplete after ``stop``."""
    unknown_seconds = max(history.first - period.start, 0.0)
    start = period.start + unknown_seconds // INTERVAL * INTERVAL
    evaluated = Period(start, period.end)
    incidents: list[Incident] = []
    not_evaluated = {}
    with run_engine(history.data) as engine:
        for policy in progress.track(policies, description="evaluating policies"):
            found, reason = _evaluate(policy, history, evaluated, engine)
            incidents += found
            if reason:
                not_evaluated[policy.name] = reason
            if stop.is_set():
                break
    return BacktestResult(
        evaluated,
        history.first if unknown_seconds else None,
        tuple(policies),
        sorted(incidents, key=lambda incident: incident.opened),
        not_evaluated,
    )


def _evaluate(
    policy: Policy,
    history: History,
    period: Period,
    engine: Engine,
) -> tuple[list[Incident], str]:
    """Return a policy's incidents, and why it could not be evaluated (mostly empty)."""
    if not policy.enabled:
        return [], "is disabled in its file"
    if policy.query is None:
        return [], "matches log entries, which the history does not have"
    query = without_placeholders(policy.query)
    selectors = read(query, known_only=False).selectors
    texts = [_missing(each, history) for each in selectors]
    missing = [text for text in texts if text]
    found: list[Incident] = []
    if len(missing) < len(selectors):
        try:
            found += _incidents(policy, query, engine, period, history.first)
        except QueryError as error:
            return [], str(error)
    # A policy that alerts without a series does not need it.
    if found or not missing:
        return found, ""
    return [], f"there is no series of {' and '.join(dict.fromkeys(missing))}"


def _incidents(
    policy: Policy,
    query: str,
    engine: Engine,
    period: Period,
    known_since: float,
) -> Iterator[Incident]:
    """Yield a policy's incidents; a retest window may have begun before the period."""
    interval, start = policy.interval, period.start
    window = round_up(policy.retest_window, interval)
    earlier = min(window, max(start - known_since, 0.0))
    first = start - earlier // interval * interval
    last = first + (period.end - first) // interval * interval
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


def _missing(selector: Selector, history: History) -> str:
    """Return the metric and resource that a selector doesn't find, or an empty text.

    Labels of the metric don't count: a failure may never have happened.
    """
    known = known_series().get(selector.metric)
    native = known.resource_labels if known and known.resource != RESOURCE else ()
    keys = {"monitored_resource", *native}
    labels = {key: value for key, value in selector.equal.items() if key in keys}
    if history.has_series(selector.metric, labels):
        return ""
    labels.pop("monitored_resource", None)
    resource = ", ".join(f'{key}="{value}"' for key, value in labels.items())
    name = known.type if known else selector.metric
    return f"{name} with {resource}" if resource else name
