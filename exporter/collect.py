"""Collects what is optional: the objects of streams, and private connections."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeAlias

from exporter import measure
from exporter.config.model import Collect
from exporter.expectations import ComparedLocation
from exporter.google.calls import Deadline
from exporter.google.errors import Failure, FailureKind
from exporter.measure import Sample
from exporter.names import LocationName, StreamName
from exporter.read import Datastream, attempt

# What was collected from a location and its streams, or why that failed
Collected: TypeAlias = dict[LocationName | StreamName, list[Sample] | Failure]

# Streams of a location whose objects are listed at the same time
_AT_ONCE = 8
# The part of the time left that one list may take, so that one that hangs leaves some
_LIST_SHARE = 1 / 4
# How many streams further a collection without memory begins than the one before: such
# a run can't know which streams that had no time for
_STRIDE = 64
_NO_TIME = Failure(
    FailureKind.TIMED_OUT,
    "the run had no time left for it",
    "Raise run.deadline, or turn collect.objects off.",
)


@dataclass(frozen=True, slots=True)
class Collector:
    """Collects for one run, from a location in each of its threads."""

    api: Datastream
    wanted: Collect
    # The streams that had no turn: they come first next time
    left_over: set[StreamName]
    quarter: int  # how many quarters of an hour passed since 1970
    deadline: Deadline

    def collect(self, at: ComparedLocation) -> Collected:
        """Read what config asks for; a stop leaves out what has not begun."""
        collected: Collected = {}
        if self.wanted.private_connections:
            collected[at.name] = attempt(lambda: self._connections(at), self.deadline)
        if self.wanted.objects:
            names = self._in_turn([one.name for one in at.streams if one.stream])
            collected.update(zip(names, self._all_objects(names), strict=True))
        return collected

    def _in_turn(self, names: Sequence[StreamName]) -> list[StreamName]:
        """Return the streams in an order that gives each of them a turn."""
        first = self.quarter * _STRIDE % max(len(names), 1)
        turned = [*names[first:], *names[:first]]
        return sorted(turned, key=lambda name: name not in self.left_over)

    def _connections(self, at: ComparedLocation) -> list[Sample]:
        states = self.api.connections(at.name, self._share())
        return list(measure.connection_samples(at.name, states))

    def _all_objects(
        self, names: Sequence[StreamName]
    ) -> Sequence[list[Sample] | Failure]:
        try:
            with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="objects") as pool:
                return list(pool.map(self._objects, names))
        except RuntimeError:
            # No other thread can be started, so this one does it.
            return list(map(self._objects, names))

    def _objects(self, name: StreamName) -> list[Sample] | Failure:
        if self.deadline.stopped:
            return []
        if self.deadline.left <= 0:
            self.left_over.add(name)
            return _NO_TIME
        self.left_over.discard(name)

        def samples() -> list[Sample]:
            objects = self.api.objects(name, self._share())
            return list(measure.object_samples(name, objects))

        return attempt(samples, self.deadline)

    def _share(self) -> Deadline:
        return self.deadline.within(self.deadline.left * _LIST_SHARE)
