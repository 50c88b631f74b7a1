"""Collects what is optional: the objects of streams, and private connections."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from exporter import measure
from exporter.config.model import Collect
from exporter.expectations import ComparedLocation
from exporter.google.calls import Deadline
from exporter.google.errors import Failure, FailureKind
from exporter.measure import Sample
from exporter.memory import COLLECT_SECONDS
from exporter.names import LocationName, StreamName
from exporter.read import Datastream, Objects, attempt

# Streams of a location whose objects are listed at the same time
_AT_ONCE = 8
# The part of the time left that one list may take, so that one that hangs leaves some
_LIST_SHARE = 1 / 4
# How many streams further each quarter begins: a run without memory doesn't know which
# streams the last one had no time for
_STRIDE = 64
_NO_TIME = Failure(
    FailureKind.TIMED_OUT,
    "the run had no time left for it",
    "Raise run.deadline, or turn collect.objects off.",
)


@dataclass(slots=True)
class Collected:
    """What was collected from one location."""

    samples: list[Sample] = field(default_factory=list)
    # What could not be read, and why
    failures: dict[StreamName | LocationName, Failure] = field(default_factory=dict)


class Collector:
    """Collects for one run, from one location at a time in each thread."""

    def __init__(
        self,
        api: Datastream,
        wanted: Collect,
        left_over: set[StreamName],
        timestamp: int,
        deadline: Deadline,
    ) -> None:
        """Keep in ``left_over`` the streams that had no turn: they are the next first."""
        self._api = api
        self._wanted = wanted
        self._left_over = left_over
        self._timestamp = timestamp
        self._deadline = deadline

    def collect(self, at: ComparedLocation) -> Collected:
        """Read what config asks for; a stop leaves out what has not begun."""
        collected = Collected()
        if self._wanted.private_connections and not self._deadline.stopped:
            self._add_connections(collected, at.name)
        if self._wanted.objects:
            held = [stream.name for stream in at.streams if stream.stream]
            self._add_objects(collected, held)
        return collected

    def _add_connections(self, collected: Collected, name: LocationName) -> None:
        share = self._deadline.within(self._deadline.left * _LIST_SHARE)
        states = attempt(lambda: self._api.connections(name, share), share)
        if isinstance(states, Failure):
            collected.failures[name] = states
        else:
            collected.samples += measure.connection_samples(name, states)

    def _add_objects(self, collected: Collected, names: Sequence[StreamName]) -> None:
        names = self._in_turn(names)
        try:
            with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="objects") as pool:
                results = list(pool.map(self._objects, names))
        except RuntimeError:
            # No other thread can be started, so this one does it.
            results = [self._objects(name) for name in names]
        for name, objects in zip(names, results, strict=True):
            if isinstance(objects, Failure):
                collected.failures[name] = objects
            elif objects:
                collected.samples += measure.object_samples(name, objects)

    def _in_turn(self, names: Sequence[StreamName]) -> list[StreamName]:
        """Return the streams in an order that gives each of them a turn."""
        quarter = self._timestamp // COLLECT_SECONDS
        first = quarter * _STRIDE % max(len(names), 1)
        turned = [*names[first:], *names[:first]]
        left_over = [name for name in turned if name in self._left_over]
        others = [name for name in turned if name not in self._left_over]
        return left_over + others

    def _objects(self, name: StreamName) -> Objects | Failure | None:
        """Return the objects of a stream, or why there are none; None after a stop."""
        if self._deadline.stopped:
            return None
        if self._deadline.left <= 0:
            self._left_over.add(name)
            return _NO_TIME
        self._left_over.discard(name)
        share = self._deadline.within(self._deadline.left * _LIST_SHARE)
        return attempt(lambda: self._api.objects(name, share), share)
