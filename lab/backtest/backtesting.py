"""Policies evaluated against what really happened: which incidents there would have been.

The engine is filled with some hours at a time, so that neither its files nor its memory grow with
the days. Evaluations come every 30 seconds; at which second of those Cloud Monitoring begins is
not known, and by so much an incident may open sooner or later.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from exporter.measure import definitions
from exporter.progress import Progress
from lab.backtest.history import LATE, gaps
from lab.backtest.needs import LAST_RUN, called, names, of_resource, retest_window, selectors
from lab.policies.known_metrics import promql_name
from lab.policies.model import INTERVAL
from lab.prove.engine import QueryError, start_engine
from lab.prove.evaluation import resource_name
from lab.prove.incidents import Incident, firing_intervals
from lab.simulate.visibility import adjust_for_delay

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from threading import Event

    from lab.backtest.history import History
    from lab.policies.files import Policy
    from lab.policies.label_inference import Selector
    from lab.prove.engine import Engine

DAY = 86_400.0

SILENCE_SECONDS = 300.0
"""From one run to the next; after a longer time the exporter counts as silent."""

_OWN = promql_name(f"{definitions.definitions()['prefix']}/")

POINTS_AT_ONCE = 2_000_000
"""In the engine, about: a point takes some 600 bytes of a file while it is filled."""
_LEAST_STEPS = 20
"""Evaluations of a part: each part starts an engine, and repeats what comes before it."""

_Labels = tuple[tuple[str, str], ...]


class Unjudged(NamedTuple):
    """A policy of which it is not known whether it would have paged, and why not."""

    policy: Policy
    reason: str


class Gap(NamedTuple):
    """A time in which an exporter was silent, in unix seconds."""

    exporter: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Backtest:
    """What would have paged.

    Attributes:
        start: From when on, unix seconds.
        end: Until when.
        begins: When the exporter's history begins, where that is later than was asked for.
        policies: All that were looked at.
        incidents: What would have paged, oldest first; moments in seconds after the start. One
            that is open at the start has that moment.
        unjudged: The policies that cannot be judged by what there is.
        gaps: When the exporter was silent.
    """

    start: float
    end: float
    begins: float | None
    policies: tuple[Policy, ...]
    incidents: tuple[Incident, ...]
    unjudged: tuple[Unjudged, ...]
    gaps: tuple[Gap, ...] = field(default=())

    @property
    def quiet(self) -> tuple[Policy, ...]:
        """The policies that were judged and would not have paged."""
        loud = {incident.policy for incident in self.incidents}
        loud |= {each.policy.name for each in self.unjudged}
        return tuple(policy for policy in self.policies if policy.name not in loud)


def own_span(history: History) -> tuple[float, float] | None:
    """Return the time of the first and the last point of the exporter's own, if there are any."""
    return history.span(lambda name: name.startswith(_OWN))


class Backtester:
    """Evaluates policies against a history."""

    def __init__(
        self,
        policies: Sequence[Policy],
        history: History,
        stop: Event,
        progress: Progress | None = None,
        *,
        points_at_once: int = POINTS_AT_ONCE,
    ) -> None:
        """Take what is evaluated.

        Args:
            policies: The policies.
            history: What was read, of the names that :func:`names` gives.
            stop: Set when somebody asks to stop; what was found by then is incomplete.
            progress: Receives how many parts of the time are evaluated.
            points_at_once: How many points the engine is filled with at once, about.
        """
        self._policies = tuple(policies)
        self._history = history
        self._stop = stop
        self._progress = progress or Progress()
        self._points_at_once = points_at_once
        self._back = names(policies)
        self._true: dict[str, dict[_Labels, list[float]]] = {}
        self._lacking: dict[str, str] = {}
        self._refused: dict[str, str] = {}

    def run(self, start: float, end: float) -> Backtest:
        """Evaluate all that can be judged.

        Args:
            start: From when on, unix seconds.
            end: Until when.

        Raises:
            NotInstalledError: Prometheus is not installed.
            EngineError: It cannot be filled or started.
        """
        own = own_span(self._history)
        begins = None
        if own and own[0] > start:
            begins = own[0]
            start += math.floor((begins - start) / INTERVAL) * INTERVAL
        # What came before the first evaluation counts for a hold, as far as anything is known.
        known = max(0.0, math.floor((start - own[0]) / INTERVAL) * INTERVAL) if own else 0.0
        last = start + math.floor((end - start) / INTERVAL) * INTERVAL
        judged = [policy for policy in self._policies if self._can_judge(policy)]
        first = {policy.name: min(known, retest_window(policy)) for policy in judged}
        earliest = start - max(first.values(), default=0.0)
        for begin, until in self._parts(earliest, last):
            if self._stop.is_set():
                break
            since = {name: begin - back for name, back in self._back.items()}
            with start_engine(self._history.series(since, until)) as engine:
                for policy in judged:
                    at = max(begin, start - first[policy.name])
                    if at <= until and not self._stop.is_set():
                        self._evaluate(policy, engine, at, until)
        return Backtest(
            start,
            end,
            begins,
            self._policies,
            tuple(sorted(self._incidents(start, last), key=lambda each: each.opened)),
            tuple(self._not_judged()),
            tuple(self._gaps(start, end)),
        )

    def _can_judge(self, policy: Policy) -> bool:
        """Say whether there is anything to judge a policy by; note where something is not there."""
        if not policy.enabled:
            self._refused[policy.name] = "is switched off in its file"
            return False
        if policy.is_log:
            self._refused[policy.name] = "looks at log entries, which are no metric"
            return False
        lacking = [each for each in selectors(policy) if not self._is_there(each)]
        if lacking:
            told = dict.fromkeys(map(called, lacking))
            self._lacking[policy.name] = f"there is no series of {' and '.join(told)}"
        return len(lacking) < len(selectors(policy))

    def _is_there(self, selector: Selector) -> bool:
        return self._history.incidents(selector.metric, of_resource(selector))

    def _parts(self, start: float, last: float) -> Iterator[tuple[float, float]]:
        """Yield the first and the last evaluation of each part of the time."""
        steps = round((last - start) / INTERVAL) + 1
        needed = -(-self._history.points // self._points_at_once)
        parts = max(1, min(needed, steps // _LEAST_STEPS))
        for part in range(parts):
            self._progress.update("evaluating", part, parts)
            begin, until = part * steps // parts, (part + 1) * steps // parts - 1
            yield start + begin * INTERVAL, start + until * INTERVAL
        self._progress.update("evaluating", parts, parts)

    def _evaluate(self, policy: Policy, engine: Engine, start: float, last: float) -> None:
        """Note when a policy's condition is true."""
        try:
            found = engine.query_range(
                adjust_for_delay(policy.query or "", LATE), start, last, INTERVAL
            )
        except QueryError as error:
            self._refused[policy.name] = str(error)
            return
        moments = self._true.setdefault(policy.name, {})
        for each in found:
            moments.setdefault(tuple(sorted(each.labels.items())), []).extend(each.times)

    def _incidents(self, start: float, last: float) -> Iterator[Incident]:
        for policy in self._policies:
            for labels, times in self._true.get(policy.name, {}).items():
                for opened, closed in firing_intervals(
                    times, retest_window=policy.retest_window, interval=INTERVAL, last=last
                ):
                    if closed is None or closed > start:
                        yield Incident(
                            policy.name,
                            resource_name(dict(labels), is_exporter=policy.watches_exporter),
                            dict(labels),
                            max(opened - start, 0.0),
                            None if closed is None else closed - start,
                        )

    def _not_judged(self) -> Iterator[Unjudged]:
        for policy in self._policies:
            reason = self._refused.get(policy.name)
            if not (reason or self._true.get(policy.name)):
                # One that pages by what there is needs no more.
                reason = self._lacking.get(policy.name)
            if reason:
                yield Unjudged(policy, reason)

    def _gaps(self, start: float, end: float) -> Iterator[Gap]:
        for exporter, times in self._history.times(LAST_RUN, "namespace").items():
            for before, after in gaps(times, start, end, SILENCE_SECONDS):
                yield Gap(exporter, before, after)
