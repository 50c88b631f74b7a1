"""Evaluates policies over a project's history.

The second at which Cloud Monitoring evaluates is unknown, so incidents may open up to
an evaluation interval sooner or later.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from threading import Event

from exporter import measure as samples
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
from lab.timeline.spans import Period

# Extra seconds to look back, for late points and for selectors without a range
_MARGIN = 600.0
# What a timeline shows; always read
_STATES = (samples.STATE, samples.UP, samples.CONNECTION_STATE, samples.LAST_RUN)


@dataclass(frozen=True, slots=True)
class BacktestResult:
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
    """Return the full types of the metrics to read, and from how many seconds before the start.

    A metric that the lab does not know is left out: its type does not follow from its
    PromQL name.
    """
    metrics, before = {metric.type for metric in _STATES}, 0.0
    for policy in policies:
        if query := policy.parsed_query:
            window = round_up(policy.retest_window, policy.interval)
            before = max(before, query.look_back + window)
            known = (
                known_series().get(selector.metric) for selector in query.selectors
            )
            metrics |= {each.type for each in known if each}
    return sorted(metrics), before + _MARGIN


def evaluate(
    policies: Sequence[Policy],
    history: History,
    period: Period,
    progress: Progress,
    stop: Event,
) -> BacktestResult:
    """Evaluate policies over a history; the result is incomplete after ``stop``."""
    start, end = period
    start += max((history.first - start) // INTERVAL, 0) * INTERVAL
    incidents: list[Incident] = []
    not_evaluated = {}
    with run_engine(history.data) as engine:
        for policy in progress.track("evaluating policies", policies, len(policies)):
            query = without_placeholders(policy.query or "")
            selectors = read(query, known_only=False).selectors if query else ()
            missing = [text for each in selectors if (text := _missing(each, history))]
            reason = f"there is no series of {' and '.join(dict.fromkeys(missing))}"
            found: list[Incident] = []
            if not policy.enabled:
                reason = "is disabled in its file"
            elif policy.is_log:
                reason = "matches log entries, which the history does not have"
            elif len(missing) < len(selectors):
                try:
                    found = list(
                        _incidents(
                            policy, query, engine, Period(start, end), history.first
                        )
                    )
                except QueryError as error:
                    reason = str(error)
                else:
                    # A policy that alerts without a series does not need it.
                    reason = reason if missing and not found else ""
            incidents += found
            if reason:
                not_evaluated[policy.name] = reason
            if stop.is_set():
                break
    return BacktestResult(
        Period(start, end),
        history.first if history.first > period.start else None,
        tuple(policies),
        sorted(incidents, key=lambda incident: incident.opened),
        not_evaluated,
    )


def _incidents(
    policy: Policy, query: str, engine: Engine, period: Period, known_since: float
) -> Iterator[Incident]:
    """Yield a policy's incidents; a retest window may have begun before the period."""
    interval, start = policy.interval, period.start
    window = round_up(policy.retest_window, interval)
    first = start - min(window, max(start - known_since, 0.0)) // interval * interval
    last = first + (period.end - first) // interval * interval
    query = adjust_for_delay(query, VisibilityDelay(EXPORTER_DELAY, EXPORTER_DELAY))
    for labels, values in engine.query_range(query, first, last, interval):
        about = resource_name(labels, is_exporter=policy.watches_exporter)
        for opened, closed in firing_intervals(
            values, retest_window=policy.retest_window, interval=interval, last=last
        ):
            if closed is None or closed > start:
                ends = None if closed is None else closed - start
                yield Incident(
                    policy.name, about, labels, max(opened - start, 0.0), ends
                )


def _missing(selector: Selector, history: History) -> str:
    """Return the metric and the resource that a selector doesn't find; empty if it finds them.

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
