"""Holds what the threads of a run share: deadlines, clients, and points to write."""

from collections.abc import Iterable
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass
from typing import Self, TypeAlias, TypeVar

from exporter.config import Config
from exporter.google.calls import Deadline
from exporter.google.errors import Failure
from exporter.run.memory import Memory
from exporter.steps.compare import Expectations
from exporter.steps.measure import Sample
from exporter.steps.read import Datastream
from exporter.steps.write import Writer, Written

T = TypeVar("T")
# The ids of a project's locations, or why they could not be listed
Discovery: TypeAlias = Future[tuple[str, ...] | Failure]
_READING_SHARE = 0.6
_RESERVED_SECONDS = 3.0
_RESERVED_SHARE = 0.15
# The part of reading after which locations must be free to be read
_EARLY_SHARE = 1 / 3


@dataclass(frozen=True)
class RunDeadlines:
    """By when each part of a run has to be done. A stop ends all of them.

    ::

        start                    60 %            end - 2r       end - r         end
          ├─ discover, read ──────┤
          ├─ collect ──────────────────────────────┤
          ├─ write ───────────────────────────────────────────────┤
          ├─ write the exporter's own series ────────────────────────────────────┤

    ``r`` is 3 s, or 15 % of a short deadline.
    """

    reading: Deadline  # of discovery and of streams
    # Of what all locations wait for, or could do without: reading problems back, and
    # discovery where an earlier one is remembered
    early: Deadline
    collecting: Deadline  # of reading objects and private connections
    writing: Deadline  # of every point but the exporter's own
    end: Deadline  # of the exporter's own points

    @classmethod
    def of(cls, end: Deadline) -> Self:
        """Divide the time that is left."""
        reserved = min(_RESERVED_SECONDS, end.left * _RESERVED_SHARE)
        reading = end.within(end.left * _READING_SHARE)
        return cls(
            reading=reading,
            early=reading.within(reading.left * _EARLY_SHARE),
            collecting=end.sooner(2 * reserved),
            writing=end.sooner(reserved),
            end=end,
        )


@dataclass(frozen=True)
class RunParts:
    """What all threads of a run share."""

    config: Config
    memory: Memory
    timestamp: int  # unix time of every point, in whole seconds
    deadlines: RunDeadlines
    api: Datastream
    expectations: Expectations
    writer: Writer | None  # None in a run that writes nothing
    collects: bool  # whether it reads objects and private connections
    # Why problems could not be read back; None if they were
    recalled: Future[Failure | None]

    @property
    def stopped(self) -> bool:
        """Whether the run was asked to stop."""
        return self.deadlines.end.stopped


def decide(reading: Future[T], result: T) -> None:
    """Keep what a call returned, unless there is a result: it is decided once.

    The thread that makes the call and the one that waits for it may both decide.
    """
    with suppress(InvalidStateError):
        reading.set_result(result)


class Points:
    """Points that one thread writes, and what happened to them so far."""

    def __init__(self, writer: Writer | None, deadline: Deadline) -> None:
        self._writer = writer
        self._deadline = deadline
        self.samples: list[Sample] = []  # what there was to write
        self.written = Written()

    def write(self, samples: Iterable[Sample]) -> None:
        """Write samples; what is not accepted by the deadline is lost."""
        batch = list(samples)
        self.samples += batch
        if self._writer is not None:
            self.written += self._writer.write(batch, self._deadline)

    def outcome(self) -> Written:
        """Return what happened to them; what is still under way counts as lost."""
        if self._writer is None:
            return self.written
        under_way = len(self.samples) - self.written.settled
        return self.written + Written(lost=max(0, under_way))
