"""Says when an exporter runs: by ticks, late or not at all, and by calls of log entries."""

import heapq
import math
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from exporter.function import LEAST_SECONDS, is_settled
from lab.simulate.scenario import Deployment

# A log entry's way to the function: through a sink, Pub/Sub and a push
LOG_SECONDS = 5.0
# A function whose last run began no longer ago has an instance: Cloud Run keeps it for
# a while
WARM_SECONDS = 50.0


class ScheduledRun(NamedTuple):
    """A run that happens."""

    at: float  # when it starts, in seconds after the scenario's start
    deployment: int  # the index of its exporter in the scenario
    tick: int  # the number of its tick; -1 where a log entry caused it
    task: int  # the index of its task


@dataclass(frozen=True, slots=True)
class CompletedRun:
    """A run that happened. Times are in seconds after the scenario's start."""

    scheduled: ScheduledRun  # when it was due
    at: int  # the timestamp of its points: whole unix seconds of its own clock
    ended: float  # when its last point was written
    waited: float  # seconds of that for which it only waited for what could not be read
    complete: bool  # whether all that was due was written
    changed: bool  # whether it found a stream changed


def scheduled_runs(
    deployments: Sequence[Deployment],
    lasts: float,
    seed: str,
    logged: Iterable[float] = (),
    completed: Sequence[CompletedRun] = (),
    quiet: list[tuple[int, float]] | None = None,
) -> Iterator[ScheduledRun]:
    """Yield every run that happens, in order of time.

    Args:
        deployments: The exporters.
        lasts: The scenario's length in seconds.
        seed: Determines the late starts.
        logged: When Datastream logs what calls a function with log triggers.
        completed: Receives each run before the next one is asked for: what a run found decides
            whether a log entry starts another one.
        quiet: Receives the calls of log entries that start no run: the exporter, and when.
    """
    runs: list[Iterable[ScheduledRun]] = []
    for index, deployment in enumerate(deployments):
        end = lasts if deployment.ends is None else min(deployment.ends, lasts)
        ticks = sorted(_ticks(deployment, index, end, seed))
        if deployment.mode == "function":
            calls = [
                (deployment.first + run.tick * deployment.seconds, run) for run in ticks
            ]
            if deployment.log_triggers and ticks:
                calls += [
                    (at, ScheduledRun(at + deployment.longest_delay, index, -1, 0))
                    for at in (entry + LOG_SECONDS for entry in logged)
                    if not deployment.is_silent(at, 0)
                ]
            runs.append(
                _function_runs(calls, end, completed, [] if quiet is None else quiet)
            )
        else:
            runs.append(ticks)
    return heapq.merge(*runs)


def fraction(*values: object) -> float:
    """Return a pseudo-random number from 0 up to 1 that only depends on the values."""
    return zlib.crc32(repr(values).encode()) / (1 << 32)


def _ticks(
    deployment: Deployment, index: int, end: float, seed: str
) -> Iterator[ScheduledRun]:
    tick = 0
    while (at := deployment.first + tick * deployment.seconds) < end:
        for task in range(deployment.tasks):
            starts = at + _delay(deployment, tick, (seed, index, tick, task, False))
            if starts < end and not deployment.is_silent(at, task):
                yield ScheduledRun(starts, index, tick, task)
        tick += 1


def _delay(deployment: Deployment, tick: int, seed: tuple[object, ...]) -> float:
    """Return how late a run starts; a worker pool is always on time."""
    if deployment.delays:
        return deployment.delays[tick % len(deployment.delays)]
    return fraction(*seed) * deployment.longest_delay


def _function_runs(
    calls: Iterable[tuple[float, ScheduledRun]],
    end: float,
    completed: Sequence[CompletedRun],
    quiet: list[tuple[int, float]],
) -> Iterator[ScheduledRun]:
    """Yield the runs of a function.

    ``calls`` says when each call arrives, and the run that it starts if the function is
    cold.
    """
    began = log_began = change_began = -math.inf
    complete = False
    for at, cold in sorted(calls, key=lambda call: (call[0], call[1].tick < 0)):
        by_log = cold.tick < 0
        # Another call waits for a run, or the scheduled run is soon enough.
        if at <= began or (
            by_log and complete and is_settled(at, log_began, change_began)
        ):
            quiet += [(cold.deployment, at)] * by_log
            continue
        begins = (
            cold.at if at - began > WARM_SECONDS else max(at, began + LEAST_SECONDS)
        )
        if begins >= end:
            return
        began = begins
        yield cold._replace(at=begins)
        log_began = began if by_log else log_began
        if completed:
            complete = completed[-1].complete
            change_began = began if completed[-1].changed else change_began
