"""Collects what is optional: the objects of streams, and private connections."""

import random
from collections.abc import Iterable

from exporter.config.model import Collect
from exporter.google.calls import Deadline, attempt
from exporter.google.errors import Failure
from exporter.names import Name, StreamName
from exporter.run.threads import map_in_threads
from exporter.steps.compare import ComparedLocation
from exporter.steps.measure import Sample, connection_samples, object_samples
from exporter.steps.read import Datastream

# Why nothing was collected, by the location or stream that was read
Uncollected = dict[Name, Failure]


# Streams of a location whose objects are listed at the same time
_AT_ONCE = 8
# The part of the time left that one list may take, so that one that hangs leaves some
_LIST_SHARE = 1 / 4


def collect(
    api: Datastream, wanted: Collect, at: ComparedLocation, deadline: Deadline
) -> tuple[list[Sample], Uncollected]:
    """Read what is wanted of a location; return samples, and what failed.

    A stop leaves out what has not begun.
    """

    def collect_one(name: Name) -> Iterable[Sample] | Failure:
        if deadline.stopped:
            return ()
        share = deadline.within(deadline.left * _LIST_SHARE)

        def read() -> Iterable[Sample]:
            if isinstance(name, StreamName):
                return object_samples(name, api.objects(name, share))
            return connection_samples(at.name, api.connections(at.name, share))

        return attempt(read, share)

    names: list[Name] = []
    if wanted.objects:
        names += [one.name for one in at.listed]
        # Where time is short, each stream gets a turn by chance.
        random.shuffle(names)
    if wanted.private_connections:
        names.insert(0, at.name)
    results = map_in_threads(collect_one, names, _AT_ONCE)
    samples: list[Sample] = []
    failed: Uncollected = {}
    for name, result in zip(names, results, strict=True):
        if isinstance(result, Failure):
            failed[name] = result
        else:
            samples += result
    return samples, failed
