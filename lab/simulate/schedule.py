"""Says when an exporter runs: by ticks, late or not at all."""

import math
import zlib
from collections.abc import Sequence
from itertools import count
from typing import NamedTuple

from lab.simulate.scenario import Deployment

# Cloud Run keeps the instance of a function whose last run began no longer ago
_WARM_SECONDS = 50.0
# From the beginning of a function's run to that of the next one, at least
_LEAST_BETWEEN_RUNS = 10.0  # seconds


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


def scheduled_runs(
    deployments: Sequence[Deployment], lasts: float, seed: str
) -> list[ScheduledRun]:
    """Return every run that happens, in order of time.

    Args:
        deployments: The exporters.
        lasts: The scenario's length in seconds.
        seed: Determines the late starts.
    """
    runs: list[ScheduledRun] = []
    for index, deployment in enumerate(deployments):
        end = min(deployment.ends, lasts)
        began = -math.inf
        for tick in count():
            due = deployment.first + tick * deployment.every
            if due >= end:
                break
            if deployment.is_silent(due):
                continue
            late = fraction(seed, index, tick) * deployment.longest_delay
            if deployment.delays:
                late = deployment.delays[tick % len(deployment.delays)]
            starts = due + late
            if deployment.mode == "function" and due - began <= _WARM_SECONDS:
                starts = max(due, began + _LEAST_BETWEEN_RUNS)
            if starts < end:
                runs.append(ScheduledRun(starts, index))
                began = starts
    return sorted(runs)


def fraction(*values: object) -> float:
    """Return a pseudo-random number from 0 up to 1 that only depends on the values."""
    return zlib.crc32(repr(values).encode()) / (1 << 32)
