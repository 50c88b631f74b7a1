"""What a run has to do whatever goes wrong, and what it broke of that, in sentences.

The truth is what a run does that nothing disturbs, and what this run was answered.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from exporter import config
from lab.chaos.case import run_with, undisturbed, world_config

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.chaos.case import Outcome, Series
    from lab.chaos.faults import Fault

SLACK_SECONDS = 3.0
"""How much later than its deadline a process may end on a busy machine."""

MOST_LOG = 64 * 1024
"""Characters that the log of one run may have."""

_TIMES = frozenset({"location/last_read", "exporter/last_run", "exporter/run_seconds"})
"""Metrics whose values differ from run to run."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A judged run.

    Attributes:
        fault: What was in its way.
        lost: Points that were due and that Cloud Monitoring did not accept.
        seconds: How long it took.
        exit_code: Of the command.
        broken: What it did wrong, a sentence each.
    """

    fault: Fault
    lost: int
    seconds: float
    exit_code: int
    broken: tuple[str, ...]


def run_and_judge(fault: Fault) -> Verdict:
    """Run with a fault in the way and return the verdict."""
    return judge(fault, run_with(fault), undisturbed())


def judge(fault: Fault, outcome: Outcome, truth: Outcome) -> Verdict:
    """Return the verdict on a run.

    Args:
        fault: What was in its way.
        outcome: What it did.
        truth: What a run does that nothing disturbs.
    """
    answers = _Answers(outcome, truth)
    lost = answers.lost()
    broken = (
        *answers.false_points(),
        *_outcome(fault, outcome, len(lost)),
        *_log(fault, outcome, quiet=not lost and answers.complete()),
    )
    return Verdict(fault, len(lost), outcome.seconds, outcome.exit_code, broken)


class _Answers:
    """What a run was answered, next to the truth."""

    def __init__(self, outcome: Outcome, truth: Outcome) -> None:
        self._outcome = outcome
        self._truth = truth

    def complete(self) -> bool:
        """Whether everything was answered, so that nothing is unknown."""
        return self._outcome.answered == self._truth.answered

    def lost(self) -> set[Series]:
        """Return the series whose point was due and not accepted."""
        accepted = self._outcome.points
        return {
            series for series in self._truth.points if series not in accepted and self._due(series)
        }

    def false_points(self) -> Iterator[str]:
        """Yield a sentence for each point that says what was not seen."""
        for series, value in self._outcome.points.items():
            metric = series[0]
            read = self._read(series)
            if metric == "location/up":
                if value != read:
                    yield f"{series} is {value:g}, though it was {'' if read else 'not '}read"
            elif metric.startswith("exporter/"):
                pass
            elif not read:
                yield f"{series} is written, though its location was not read"
            elif metric == "location/last_read" and self._unseen(series):
                yield f"{series} is written, though a last_seen was lost"
            elif self._differs(series, value):
                yield f"{series} is {value:g}, and should be {self._truth.points.get(series)}"

    def _differs(self, series: Series, value: float) -> bool:
        expected = self._truth.points.get(series)
        if series[0] == "stream/last_seen":
            # 0 is a stream that is missing; any other time is this run's.
            return expected is None or (value == 0) != (expected == 0)
        return expected is None or (series[0] not in _TIMES and value != expected)

    def _due(self, series: Series) -> bool:
        metric = series[0]
        if metric.startswith("exporter/"):
            return True
        if not self._read(series):
            # Of a location that is configured or required, it is known that it was not read.
            return metric == "location/up" and _parent(series) in _named()
        if metric.startswith("stream/object"):
            return self._answered("ListStreamObjects", f"{_parent(series)}/streams/{series[3]}")
        if metric.startswith("private_connection/"):
            return self._answered("ListPrivateConnections", _parent(series))
        return metric != "location/last_read" or not self._unseen(series)

    def _unseen(self, last_read: Series) -> bool:
        """Whether a ``last_seen`` of the location was not accepted."""
        return any(
            series[0] == "stream/last_seen" and series[1:3] == last_read[1:3]
            for series in self._truth.points.keys() - self._outcome.points.keys()
        )

    def _read(self, series: Series) -> bool:
        method = "ListLocations" if series[2] == "global" else "ListStreams"
        return self._answered(method, _parent(series))

    def _answered(self, method: str, parent: str) -> bool:
        return (method, parent) in self._outcome.answered


@cache
def _named() -> frozenset[str]:
    """Return what a run of this fleet knows without any answer: its config's own names."""
    configured = config.from_text(world_config()[config.WHOLE], "world.yaml", {}).config
    sources = configured.sources
    locations = {
        f"projects/{source.project}/locations/{location}"
        for source in sources
        for location in configured.locations_to_read(source)
    }
    return frozenset(locations | {f"projects/{source.project}" for source in sources})


def _parent(series: Series) -> str:
    _, project, location, *_ = series
    return f"projects/{project}" + ("" if location == "global" else f"/locations/{location}")


def _outcome(fault: Fault, outcome: Outcome, lost: int) -> Iterator[str]:
    if outcome.seconds > outcome.deadline + SLACK_SECONDS:
        yield f"it took {outcome.seconds:.1f} s, with a deadline of {outcome.deadline:g} s"
    if fault.passes and lost:
        yield f"{lost} points are lost, though the fault ends and a retry helps"
    if outcome.exit_code not in (0, 1):
        yield f"the exit code is {outcome.exit_code}"
    if outcome.exit_code == 0 and lost:
        yield f"the exit code is 0, though {lost} points are lost"
    if fault.passes and outcome.exit_code:
        yield f"the exit code is {outcome.exit_code}, though the fault ends and a retry helps"


def _log(fault: Fault, outcome: Outcome, *, quiet: bool) -> Iterator[str]:
    log = outcome.log
    if len(log) > MOST_LOG:
        yield f"the log has {len(log):,} characters"
    if "Traceback" in log or "bug in the exporter" in log:
        yield "the log has a traceback or blames the exporter"
    if not quiet and not any("acme-" in line for line in log.splitlines()):
        yield f"no line of the log names the project, though {fault.target} failed"
