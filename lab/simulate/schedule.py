"""When an exporter runs: ticks, late starts, missed runs."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lab.simulate.scenario import Deployment


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
    deployments: Sequence[Deployment], lasts: float, seed: str
) -> list[ScheduledRun]:
    """Return every run that happens, in order of time.

    Args:
        deployments: The exporters.
        lasts: The scenario's length in seconds.
        seed: Determines the late starts.
    """
    return sorted(
        run
        for index, deployment in enumerate(deployments)
        for run in [
            *_ticks(deployment, index, lasts, seed, objects=False),
            *_ticks(deployment, index, lasts, seed, objects=True),
        ]
    )


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
    if deployment.mode == "worker_pool":
        return 0.0
    return fraction(*seed) * deployment.delay
