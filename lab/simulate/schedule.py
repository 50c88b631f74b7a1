"""When an exporter runs: ticks, late starts, runs that are missed."""

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
        deployment: Which exporter's, by its place in the scenario.
        tick: The number of its tick.
        task: Which of the job's tasks.
        objects: Whether it collects objects alone.
    """

    at: float
    deployment: int
    tick: int
    task: int
    objects: bool


def scheduled_runs(
    deployments: Sequence[Deployment], lasts: float, seed: str
) -> list[ScheduledRun]:
    """Return every run that happens, in order.

    Args:
        deployments: The exporters.
        lasts: Seconds that are looked at.
        seed: What the late starts are drawn by: the same for the same text.
    """
    return sorted(
        run
        for index, deployment in enumerate(deployments)
        for run in [
            *_ticks(deployment, index, lasts, seed, objects=False),
            *_ticks(deployment, index, lasts, seed, objects=True),
        ]
    )


def fraction(*of: object) -> float:
    """Return a number from 0 up to 1 that looks drawn at random, the same for the same values."""
    return zlib.crc32(repr(of).encode()) / (1 << 32)


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


def _delay(deployment: Deployment, tick: int, of: tuple[object, ...]) -> float:
    """Return how late a run starts: a process that runs on is on time."""
    if deployment.delays:
        return deployment.delays[tick % len(deployment.delays)]
    if deployment.mode == "continuous":
        return 0.0
    return fraction(*of) * deployment.delay
