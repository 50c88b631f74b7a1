"""When an exporter runs: ticks, late starts, missed runs, and calls that a log entry causes."""

from __future__ import annotations

import math
import zlib
from typing import TYPE_CHECKING, NamedTuple

from exporter.function import LEAST_SECONDS, LEAST_TRIGGERED_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lab.simulate.scenario import Deployment


LOG_SECONDS = 5.0
"""A log entry's way to the function: through a sink, Pub/Sub and a push."""

RETRY_SECONDS = 10.0
"""After a push is refused, Pub/Sub waits this long, at least."""

WARM_SECONDS = 50.0
"""A function that ran less than this ago has an instance, which Cloud Run keeps for a while."""


class ScheduledRun(NamedTuple):
    """A run that happens.

    Attributes:
        at: When it starts, in seconds after the scenario's start.
        deployment: The index of its exporter in the scenario.
        tick: The number of its tick.
        task: The index of its task.
        objects: Whether it only collects objects.
    """

    at: float
    deployment: int
    tick: int
    task: int
    objects: bool


def scheduled_runs(
    deployments: Sequence[Deployment], lasts: float, seed: str, logged: Sequence[float] = ()
) -> list[ScheduledRun]:
    """Return every run that happens, in order of time.

    Args:
        deployments: The exporters.
        lasts: The scenario's length in seconds.
        seed: Determines the late starts.
        logged: When Datastream logs what calls a function with log triggers.
    """
    runs: list[ScheduledRun] = []
    for index, deployment in enumerate(deployments):
        ticks = _ticks(deployment, index, lasts, seed, objects=False)
        if deployment.mode == "function":
            ticks = _function_runs(deployment, list(ticks), lasts, logged)
        runs += [*ticks, *_ticks(deployment, index, lasts, seed, objects=True)]
    return sorted(runs)


def fraction(*values: object) -> float:
    """Return a pseudo-random number from 0 up to 1 that only depends on the values."""
    return zlib.crc32(repr(values).encode()) / (1 << 32)


def _ticks(
    deployment: Deployment, index: int, lasts: float, seed: str, *, objects: bool
) -> Iterator[ScheduledRun]:
    seconds = deployment.objects_every if objects else deployment.seconds
    if not seconds:
        return
    end = lasts if deployment.ends is None else min(deployment.ends, lasts)
    tick = 0
    while (at := deployment.first + tick * seconds) < end:
        for task in range(deployment.tasks):
            starts = at + _delay(deployment, tick, (seed, index, tick, task, objects))
            if starts < end and not deployment.is_silent(at, task):
                yield ScheduledRun(starts, index, tick, task, objects)
        tick += 1


def _delay(deployment: Deployment, tick: int, seed: tuple[object, ...]) -> float:
    """Return how late a run starts; a worker pool is always on time."""
    if deployment.delays:
        return deployment.delays[tick % len(deployment.delays)]
    return fraction(*seed) * deployment.longest_delay


def _function_runs(
    deployment: Deployment, ticks: list[ScheduledRun], lasts: float, logged: Sequence[float]
) -> Iterator[ScheduledRun]:
    """Yield the runs of a function: of the schedule's requests, and of those of the log."""
    end = lasts if deployment.ends is None else min(deployment.ends, lasts)
    # The request, and the run that a scheduled one asks for.
    requests: list[tuple[float, ScheduledRun | None]] = [
        (deployment.first + run.tick * deployment.seconds, run) for run in ticks
    ]
    if deployment.log_triggers and ticks:
        requests += [(at + LOG_SECONDS, None) for at in logged]
    ready = began = triggered = -math.inf
    while requests:
        request = min(requests, key=lambda one: (one[0], one[1] is None))
        requests.remove(request)
        at, scheduled = max(request[0], ready), request[1]
        if at >= end or (scheduled is None and deployment.is_silent(at, 0)):
            continue
        allowed = at - began >= LEAST_SECONDS
        if scheduled is None and (not allowed or at - triggered < LEAST_TRIGGERED_SECONDS):
            requests.append((at + RETRY_SECONDS, None))
            continue
        if not allowed:
            continue
        if at - began >= WARM_SECONDS:
            at += deployment.longest_delay if scheduled is None else scheduled.at - request[0]
        ready = began = at
        triggered = at if scheduled is None else triggered
        yield (scheduled or ticks[0]._replace(tick=-1))._replace(at=at)
