"""Evaluates policies over a project's history.

The engine holds some hours at a time, so that neither its files nor its memory grow with the number
of days. The second at which Cloud Monitoring evaluates is unknown, so incidents may open up to 30
seconds sooner or later.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from exporter.measure import definitions
from exporter.terminal import Progress
from lab.backtest.history import EXPORTER_DELAY, find_gaps
from lab.backtest.required import (
    LAST_RUN,
    look_back,
    resource_labels,
    retest_window,
    selector_text,
    selectors,
)
from lab.policies.model import INTERVAL
from lab.policies.promql import promql_name
from lab.prove.engine import QueryError, start_engine
from lab.prove.evaluation import resource_name
from lab.prove.incidents import Incident, firing_intervals
from lab.simulate.visibility import adjust_for_delay

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from threading import Event

    from lab.backtest.history import History
    from lab.policies.files import Policy
    from lab.prove.engine import Engine

DAY = 86_400.0

POINTS_PER_ENGINE = 2_000_000
"""Roughly: a point takes some 600 bytes of a file while the engine is filled."""

_LONGEST_PAUSE = 300.0
"""Seconds between runs of the exporter that are not a gap."""
_FEWEST_STEPS = 20
"""Evaluations per engine: each engine takes time to start, and repeats the look-back."""
_EXPORTER_PREFIX = promql_name(f"{definitions.definitions()['prefix']}/")

_Labels = tuple[tuple[str, str], ...]


class NotEvaluated(NamedTuple):
    """A policy that could not be evaluated, and why."""

    policy: Policy
    reason: str


class ExporterGap(NamedTuple):
    """A period in which an exporter wrote nothing, in unix seconds."""

    exporter: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class BacktestResult:
    """Which alerts the policies would have opened.

    Attributes:
        start: Start of the evaluation, unix seconds.
        end: Its end.
        history_start: When the exporter's history starts, if that is later than requested.
        policies: All policies.
        incidents: The incidents, oldest first, in seconds after the start. One that was open at the
            start has opened at 0.
        not_evaluated: The policies that could not be evaluated.
        gaps: When the exporter wrote nothing.
    """

    start: float
    end: float
    history_start: float | None
    policies: tuple[Policy, ...]
    incidents: tuple[Incident, ...]
    not_evaluated: tuple[NotEvaluated, ...]
    gaps: tuple[ExporterGap, ...]

    @property
    def quiet(self) -> tuple[Policy, ...]:
        """The policies that were evaluated and would not have alerted."""
        others = {incident.policy for incident in self.incidents}
        others |= {each.policy.name for each in self.not_evaluated}
        return tuple(policy for policy in self.policies if policy.name not in others)


def exporter_span(history: History) -> tuple[float, float] | None:
    """Return the times of the first and last point that the exporter wrote, if there are any."""
    return history.span(lambda name: name.startswith(_EXPORTER_PREFIX))


class Backtest:
    """Evaluates policies over a history."""

    def __init__(
        self,
        policies: Sequence[Policy],
        history: History,
        stop: Event,
        progress: Progress | None = None,
        *,
        points_per_engine: int = POINTS_PER_ENGINE,
    ) -> None:
        """Prepare a back-test.

        Args:
            policies: The policies.
            history: The series of the names in :func:`look_back`.
            stop: Set to interrupt it; the result is incomplete then.
            progress: Receives how many parts of the time are evaluated.
            points_per_engine: Roughly how many points an engine holds.
        """
        self._policies = tuple(policies)
        self._history = history
        self._stop = stop
        self._progress = progress or Progress()
        self._points_per_engine = points_per_engine
        self._look_back = look_back(policies)
        self._true_at: dict[str, dict[_Labels, list[float]]] = {}
        self._missing_series: dict[str, str] = {}
        self._rejected: dict[str, str] = {}

    def run(self, start: float, end: float) -> BacktestResult:
        """Evaluate the policies.

        Args:
            start: Start of the evaluation, unix seconds.
            end: Its end.

        Raises:
            NotInstalledError: Prometheus is not installed.
            EngineError: It cannot be filled or started.
        """
        span = exporter_span(self._history)
        history_start = None
        if span and span[0] > start:
            history_start = span[0]
            start += math.floor((history_start - start) / INTERVAL) * INTERVAL
        # Evaluations before the start count for a retest window, as far as there is history.
        known = max(0.0, math.floor((start - span[0]) / INTERVAL) * INTERVAL) if span else 0.0
        last = start + math.floor((end - start) / INTERVAL) * INTERVAL
        policies = [policy for policy in self._policies if self._can_evaluate(policy)]
        first = {policy.name: start - min(known, retest_window(policy)) for policy in policies}
        for part_start, part_end in self._parts(min(first.values(), default=start), last):
            if self._stop.is_set():
                break
            since = {name: part_start - seconds for name, seconds in self._look_back.items()}
            with start_engine(self._history.series(since, part_end)) as engine:
                for policy in policies:
                    at = max(part_start, first[policy.name])
                    if at <= part_end and not self._stop.is_set():
                        self._evaluate(policy, engine, at, part_end)
        gaps = [
            ExporterGap(exporter, *gap)
            for exporter, times in self._history.times_by_label(LAST_RUN, "namespace").items()
            for gap in find_gaps(times, start, end, _LONGEST_PAUSE)
        ]
        return BacktestResult(
            start,
            end,
            history_start,
            self._policies,
            tuple(sorted(self._incidents(start, last), key=lambda incident: incident.opened)),
            tuple(self._not_evaluated()),
            tuple(gaps),
        )

    def _can_evaluate(self, policy: Policy) -> bool:
        """Return whether there is anything to evaluate; record what is missing."""
        if not policy.enabled:
            self._rejected[policy.name] = "is disabled in its file"
            return False
        if policy.is_log:
            self._rejected[policy.name] = "matches log entries, which the history does not have"
            return False
        needed = selectors(policy)
        missing = [
            selector
            for selector in needed
            if not self._history.has_series(selector.metric, resource_labels(selector))
        ]
        if missing:
            texts = " and ".join(dict.fromkeys(map(selector_text, missing)))
            self._missing_series[policy.name] = f"there is no series of {texts}"
        return len(missing) < len(needed)

    def _parts(self, start: float, last: float) -> Iterator[tuple[float, float]]:
        """Yield the first and last evaluation of each engine."""
        steps = round((last - start) / INTERVAL) + 1
        needed = -(-self._history.points // self._points_per_engine)
        parts = max(1, min(needed, steps // _FEWEST_STEPS))
        for part in self._progress.track("evaluating", range(parts), parts):
            first, after = part * steps // parts, (part + 1) * steps // parts
            yield start + first * INTERVAL, start + (after - 1) * INTERVAL

    def _evaluate(self, policy: Policy, engine: Engine, start: float, last: float) -> None:
        """Record when a policy's condition is true."""
        query = adjust_for_delay(policy.query or "", EXPORTER_DELAY)
        try:
            found = engine.query_range(query, start, last, INTERVAL)
        except QueryError as error:
            self._rejected[policy.name] = str(error)
            return
        by_labels = self._true_at.setdefault(policy.name, {})
        for series in found:
            by_labels.setdefault(tuple(sorted(series.labels.items())), []).extend(series.times)

    def _incidents(self, start: float, last: float) -> Iterator[Incident]:
        for policy in self._policies:
            interval = policy.interval or INTERVAL
            until = last - (last - start) % interval
            for labels, true_at in self._true_at.get(policy.name, {}).items():
                evaluated = [at for at in true_at if round(at - start) % interval == 0]
                for opened, closed in firing_intervals(
                    evaluated, retest_window=policy.retest_window, interval=interval, last=until
                ):
                    if closed is None or closed > start:
                        yield Incident(
                            policy.name,
                            resource_name(dict(labels), is_exporter=policy.watches_exporter),
                            dict(labels),
                            max(opened - start, 0.0),
                            None if closed is None else closed - start,
                        )

    def _not_evaluated(self) -> Iterator[NotEvaluated]:
        for policy in self._policies:
            reason = self._rejected.get(policy.name)
            if not reason and not self._true_at.get(policy.name):
                # A policy that alerts without a series does not need it.
                reason = self._missing_series.get(policy.name)
            if reason:
                yield NotEvaluated(policy, reason)
