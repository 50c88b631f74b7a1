"""Collects what is optional: the objects of streams, and private connections."""

import random
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, TypeAlias

from exporter.config.model import Collect
from exporter.google.calls import Deadline
from exporter.google.errors import Failure
from exporter.names import LocationName, StreamName
from exporter.steps.compare import ComparedLocation
from exporter.steps.measure import Sample, connection_samples, object_samples
from exporter.steps.read import Datastream, attempt

# Why nothing was collected, by the location or stream that was read
Uncollected: TypeAlias = dict[LocationName | StreamName, Failure]


class Collected(NamedTuple):
    """What was collected from a location."""

    samples: list[Sample]
    failed: Uncollected


# Streams of a location whose objects are listed at the same time
_AT_ONCE = 8
# The part of the time left that one list may take, so that one that hangs leaves some
_LIST_SHARE = 1 / 4


def collect(
    api: Datastream, wanted: Collect, at: ComparedLocation, deadline: Deadline
) -> Collected:
    """Read what is wanted of a location; a stop leaves out what has not begun."""

    def connections(share: Deadline) -> Iterable[Sample]:
        return connection_samples(at.name, api.connections(at.name, share))

    def objects(name: StreamName) -> list[Sample] | Failure:
        return _within_share(
            lambda share: object_samples(name, api.objects(name, share)), deadline
        )

    found: dict[LocationName | StreamName, list[Sample] | Failure] = {}
    if wanted.private_connections:
        found[at.name] = _within_share(connections, deadline)
    if wanted.objects:
        names = [one.name for one in at.listed]
        # Where time is short, each stream gets a turn by chance.
        random.shuffle(names)
        try:
            with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="objects") as pool:
                listed = list(pool.map(objects, names))
        except RuntimeError:
            # No other thread can be started, so this one does it.
            listed = list(map(objects, names))
        found.update(zip(names, listed, strict=True))
    collected = Collected([], {})
    for name, result in found.items():
        if isinstance(result, Failure):
            collected.failed[name] = result
        else:
            collected.samples.extend(result)
    return collected


def _within_share(
    samples: Callable[[Deadline], Iterable[Sample]], deadline: Deadline
) -> list[Sample] | Failure:
    """Return the samples of one list, which may take its share of the time left."""
    if deadline.stopped:
        return []
    share = deadline.within(deadline.left * _LIST_SHARE)
    return attempt(lambda: list(samples(share)), deadline)
