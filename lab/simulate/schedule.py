"""Says when an exporter runs: by ticks, late or not at all, and by log entries."""

import heapq
import zlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import count
from typing import NamedTuple

from exporter.function import LastRuns
from lab.simulate.scenario import Deployment

# A log entry's way to the function: through a sink, Pub/Sub and a push
LOG_SECONDS = 5.0
# Cloud Run keeps the instance of a function whose last run began no longer ago
WARM_SECONDS = 50.0


class ScheduledRun(NamedTuple):
    """A run that happens."""

    at: float  # when it starts, in seconds after the scenario's start
    deployment: int  # the index of its exporter in the scenario


class CompletedRun(NamedTuple):
    """A run that happened. Times are in seconds after the scenario's start."""

    scheduled: ScheduledRun  # when it was due
    at: int  # the timestamp of its points: whole unix seconds of its own clock
    ended: float  # when its last point was written
    waited: float  # seconds of that for which it only waited for what could not be read
    complete: bool  # whether all that was due was written
    changed: bool  # whether it found a stream changed


class FunctionCall(NamedTuple):
    """A call of a function; at the same moment, the schedule's comes first."""

    at: float  # when it arrives, in seconds after the scenario's start
    by_log: bool  # whether a log entry caused it
    cold: ScheduledRun  # the run that it starts where the function is cold


def scheduled_runs(
    deployments: Sequence[Deployment],
    lasts: float,
    seed: str,
    logged: Iterable[float] = (),
    completed: Sequence[CompletedRun] = (),
) -> Iterator[ScheduledRun]:
    """Yield every run that happens, in order of time.

    Args:
        deployments: The exporters.
        lasts: The scenario's length in seconds.
        seed: Determines the late starts.
        logged: When Datastream logs an entry that calls a function with log triggers.
        completed: Receives each run before the next one is asked for: what a run found
            decides whether a log entry starts another one.
    """
    runs: list[Iterable[ScheduledRun]] = []
    for index, deployment in enumerate(deployments):
        end = min(deployment.ends, lasts)
        calls = []
        for tick in count():
            due = deployment.first + tick * deployment.every
            if due >= end:
                break
            late = fraction(seed, index, tick) * deployment.longest_delay
            if deployment.delays:
                late = deployment.delays[tick % len(deployment.delays)]
            run = ScheduledRun(due + late, index)
            if run.at < end and not deployment.is_silent(due):
                calls.append(FunctionCall(due, by_log=False, cold=run))
        if deployment.mode != "function":
            runs.append(sorted(call.cold for call in calls))
            continue
        if deployment.log_triggers and calls:
            for entry in logged:
                arrives = entry + LOG_SECONDS
                if not deployment.is_silent(arrives):
                    starts = arrives + deployment.longest_delay
                    cold = ScheduledRun(starts, index)
                    calls.append(FunctionCall(arrives, by_log=True, cold=cold))
        runs.append(_function_runs(sorted(calls), end, completed))
    return heapq.merge(*runs)


def fraction(*values: object) -> float:
    """Return a pseudo-random number from 0 up to 1 that only depends on the values."""
    return zlib.crc32(repr(values).encode()) / (1 << 32)


def _function_runs(
    calls: Iterable[FunctionCall], end: float, completed: Sequence[CompletedRun]
) -> Iterator[ScheduledRun]:
    """Yield the runs of a function, whose calls come in order of time."""
    last = LastRuns()
    for call in calls:
        waits = call.at <= last.began
        if waits or (call.by_log and last.is_quiet(call.at)):
            continue
        is_warm = call.at - last.began <= WARM_SECONDS
        starts = last.earliest(call.at) if is_warm else call.cold.at
        if starts >= end:
            return
        last.began = starts
        yield call.cold._replace(at=starts)
        if completed:
            run = completed[-1]
            last.complete = run.complete
            last.note(by_log=call.by_log, changed=run.changed)
