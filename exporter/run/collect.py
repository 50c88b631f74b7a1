"""Collects what is optional: the objects of streams, and private connections."""

import random
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeAlias

from exporter.google.calls import Deadline
from exporter.google.errors import Failure
from exporter.names import LocationName, StreamName
from exporter.run.run_parts import RunParts
from exporter.steps.compare import ComparedLocation
from exporter.steps.measure import Sample, connection_samples, object_samples
from exporter.steps.read import attempt

# What was collected from a location and its streams, or why that failed
Collected: TypeAlias = dict[LocationName | StreamName, list[Sample] | Failure]

# Streams of a location whose objects are listed at the same time
_AT_ONCE = 8
# The part of the time left that one list may take, so that one that hangs leaves some
_LIST_SHARE = 1 / 4


def collect(parts: RunParts, at: ComparedLocation) -> Collected:
    """Read what config asks for; a stop leaves out what has not begun."""
    api = parts.api
    collected: Collected = {}
    wanted = parts.config.collect
    if wanted.private_connections:
        collected[at.name] = _within_share(
            parts,
            lambda share: connection_samples(at.name, api.connections(at.name, share)),
        )
    if wanted.objects:
        names = [one.name for one in at.streams if one.exists]
        # Where time is short, each stream gets a turn by chance.
        random.shuffle(names)
        collected.update(zip(names, _all_objects(parts, names), strict=True))
    return collected


def _all_objects(
    parts: RunParts, names: Sequence[StreamName]
) -> list[list[Sample] | Failure]:
    def objects(name: StreamName) -> list[Sample] | Failure:
        return _within_share(
            parts, lambda share: object_samples(name, parts.api.objects(name, share))
        )

    try:
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="objects") as pool:
            return list(pool.map(objects, names))
    except RuntimeError:
        # No other thread can be started, so this one does it.
        return list(map(objects, names))


def _within_share(
    parts: RunParts, samples: Callable[[Deadline], Iterable[Sample]]
) -> list[Sample] | Failure:
    """Return the samples of one list, which may take its share of the time left."""
    deadline = parts.deadlines.collecting
    if deadline.stopped:
        return []
    share = deadline.within(deadline.left * _LIST_SHARE)
    return attempt(lambda: list(samples(share)), deadline)
