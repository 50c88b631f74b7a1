"""Collects what is optional: the objects of streams, and private connections."""

import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeAlias

from exporter import measure
from exporter.expectations import ComparedLocation
from exporter.google.calls import Deadline
from exporter.google.errors import Failure, FailureKind
from exporter.measure import Sample
from exporter.names import LocationName, StreamName
from exporter.read import attempt
from exporter.run_parts import RunParts

# What was collected from a location and its streams, or why that failed
Collected: TypeAlias = dict[LocationName | StreamName, list[Sample] | Failure]

# Streams of a location whose objects are listed at the same time
_AT_ONCE = 8
# The part of the time left that one list may take, so that one that hangs leaves some
_LIST_SHARE = 1 / 4
_NO_TIME = Failure(
    FailureKind.TIMED_OUT,
    "the run had no time left for it",
    "Raise run.deadline, or turn collect.objects off.",
)


def collect(parts: RunParts, at: ComparedLocation) -> Collected:
    """Read what config asks for; a stop leaves out what has not begun."""
    collected: Collected = {}
    wanted = parts.config.collect
    if wanted.private_connections:
        collected[at.name] = attempt(
            lambda: _connections(parts, at.name), parts.deadlines.collecting
        )
    if wanted.objects:
        names = [one.name for one in at.streams if one.exists]
        # Where time is short, each stream gets a turn by chance.
        random.shuffle(names)
        collected.update(zip(names, _all_objects(parts, names), strict=True))
    return collected


def _connections(parts: RunParts, name: LocationName) -> list[Sample]:
    states = parts.api.connections(name, _share(parts))
    return list(measure.connection_samples(name, states))


def _all_objects(
    parts: RunParts, names: Sequence[StreamName]
) -> list[list[Sample] | Failure]:
    def objects(name: StreamName) -> list[Sample] | Failure:
        return _objects(parts, name)

    try:
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="objects") as pool:
            return list(pool.map(objects, names))
    except RuntimeError:
        # No other thread can be started, so this one does it.
        return list(map(objects, names))


def _objects(parts: RunParts, name: StreamName) -> list[Sample] | Failure:
    deadline = parts.deadlines.collecting
    if deadline.stopped:
        return []
    if deadline.left <= 0:
        return _NO_TIME

    def samples() -> list[Sample]:
        objects = parts.api.objects(name, _share(parts))
        return list(measure.object_samples(name, objects))

    return attempt(samples, deadline)


def _share(parts: RunParts) -> Deadline:
    deadline = parts.deadlines.collecting
    return deadline.within(deadline.left * _LIST_SHARE)
