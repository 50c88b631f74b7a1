"""Handles one location in one run: read, compare with config, write, collect.

Its streams are written first, then ``last_read``, if every point before it was
accepted: a stream is missing when its location was read after it was last seen.
"""

from collections.abc import Iterable
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

from exporter import measure
from exporter.collect import Collector
from exporter.config import Config, Source
from exporter.config.model import Grouping
from exporter.deadlines import RunDeadlines
from exporter.expectations import ComparedLocation, Expectations
from exporter.google.calls import Deadline
from exporter.google.errors import Failure
from exporter.logs import LOGGER
from exporter.measure import Sample
from exporter.memory import Memory, Observation
from exporter.names import LocationName, StreamName
from exporter.problems import LocationProblems, follow
from exporter.read import Datastream, attempt
from exporter.write import Writer, Written

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RunParts:
    """What all threads of a run share."""

    config: Config
    memory: Memory
    timestamp: int  # unix time of every point, in whole seconds
    deadlines: RunDeadlines
    api: Datastream
    expectations: Expectations
    writer: Writer | None  # None in a run that writes nothing
    collector: Collector | None  # None in a run that does not collect
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


class LocationRun:
    """One location in one run, which a thread of its own handles."""

    def __init__(self, parts: RunParts, name: LocationName, source: Source) -> None:
        self._parts = parts
        self.name = name
        self._source = source
        # The location as it was read, or why it was not
        self.reading: Future[ComparedLocation | Failure] = Future()
        self.done: Future[None] = Future()  # of everything else about it, too
        self.points = Points(parts.writer, parts.deadlines.writing)
        # What the collectors could not read of it, and why
        self.uncollected: dict[StreamName | LocationName, Failure] = {}
        # Whether its ``last_read`` was not written, as a point before was not accepted
        self.held_back = False
        # The problems of its streams; None if those of earlier runs could not be read
        self.problems: LocationProblems | None = None

    @property
    def compared(self) -> ComparedLocation | None:
        """The location as it was read; None if it was not."""
        return self.result if isinstance(self.result, ComparedLocation) else None

    @property
    def result(self) -> ComparedLocation | Failure | None:
        """The location as it was read, or why not; None if a stop came first."""
        return self.reading.result() if self.reading.done() else None

    def go(self) -> None:
        """Read it; write and collect if it was read in time. Raises nothing."""
        parts = self._parts
        try:
            decide(self.reading, attempt(self._read, parts.deadlines.reading))
            # An answer that comes after "no answer" was decided is dropped.
            compared = self.compared
            if compared is None or parts.stopped:
                return
            parts.recalled.result()
            self._follow_problems(compared)
            if compared.empty:
                self._write_ended()
            else:
                self._write(compared)
            if parts.collector is not None and not parts.stopped:
                self._collect(parts.collector, compared)
        except Exception:
            LOGGER.exception("The exporter failed to write %s:", self.name)
            # Of what was due next, nobody knows how many points.
            self.points.written += Written(lost=1)
        finally:
            self.done.set_result(None)

    def _read(self) -> ComparedLocation:
        parts = self._parts
        streams = parts.api.streams(self.name, parts.deadlines.reading)
        return parts.expectations.compare(self.name, self._source, streams)

    def _follow_problems(self, compared: ComparedLocation) -> None:
        """Find which problems begin, go on and end."""
        memory = self._parts.memory
        if memory.problems is None:
            return
        grouping: Grouping | None = self._parts.config.grouping
        before = memory.problems.get(self.name, LocationProblems())
        if memory.problems_refused:
            grouping = None
            if self.name not in memory.problems:
                # Whichever of its streams had a problem, nobody knows.
                before = LocationProblems(ended=frozenset(compared.held))
        timestamp = self._parts.timestamp
        self.problems = follow(before, compared.problem_states, timestamp, grouping)
        memory.problems[self.name] = self.problems

    def _write(self, compared: ComparedLocation) -> None:
        """Write its streams, then that it was read, if it is due."""
        parts, points = self._parts, self.points
        values = measure.values(compared, self.problems)
        if not parts.memory.claim(
            self.name, Observation(readable=True, streams=values)
        ):
            return
        samples = [measure.up(self.name, readable=True)]
        samples.append(measure.location_streams(self.name, len(list(compared.listed))))
        errors = parts.config.collect.errors
        samples += measure.stream_samples(compared, parts.timestamp, errors=errors)
        if self.problems is not None:
            samples += measure.problem_samples(self.name, self.problems)
        points.write(samples)
        if not points.written.complete:
            self.held_back = not parts.stopped
            return
        points.write([measure.last_read(self.name, parts.timestamp)])
        if self.problems is None:
            # What is written of a problem are two points.
            points.written += Written(lost=2 * len(compared.problem_states))
        elif points.written.complete:
            self._forget_ended(self.problems)
            parts.memory.mark_written(self.name)

    def _write_ended(self) -> None:
        """Write that problems are over in a location whose streams are all gone."""
        if self.problems is None or not self.problems.ended:
            return
        self.points.write(measure.problem_samples(self.name, self.problems))
        if self.points.written.complete:
            self._forget_ended(self.problems)

    def _forget_ended(self, problems: LocationProblems) -> None:
        """Forget problems that are over, as their last points were accepted."""
        if self._parts.memory.problems is not None:
            self._parts.memory.problems[self.name] = LocationProblems(problems.current)

    def _collect(self, collector: Collector, compared: ComparedLocation) -> None:
        samples: list[Sample] = []
        for name, collected in collector.collect(compared).items():
            if isinstance(collected, Failure):
                self.uncollected[name] = collected
            else:
                samples += collected
        self.points.write(samples)
