"""One run: read, measure, write.

The order of writing is part of what the metrics mean. A location's counts go first, so that an
evaluation in the middle of a run sees "forty fail together" before it sees forty failures; then
what is known of each stream; a location's ``last_read`` after these, and only if every
``last_seen`` of it was written, since a stream is missing when the one is later than the other;
the exporter's own series last, as they tell of all the rest.
"""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from exporter.gcp.deadline import Deadline
from exporter.gcp.retry import Calls
from exporter.measure.samples import (
    EvaluatedLocation,
    ExporterName,
    Sample,
    connection_samples,
    evaluate,
    exporter_samples,
    last_read_samples,
    location_samples,
    object_samples,
    stream_samples,
)
from exporter.progress import Progress
from exporter.read.datastream import Datastream
from exporter.read.reader import Collect, read
from exporter.shard import Shard
from exporter.write.writer import Writer, WriteResult

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from threading import Event

    from exporter.config import Config
    from exporter.gcp.clients import Clients
    from exporter.read.observations import Observations

READING_OF_THE_WHOLE = 0.6
"""The part of the deadline that reading may use."""

_LAST_BATCH_OF_THE_WHOLE = 0.2
_LAST_BATCH_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Task:
    """What this process has to do in each of its runs.

    Attributes:
        exporter: Its name in its own series.
        shard: Its part of the locations.
        collect: The optional collectors to run.
        objects_alone: Whether it writes objects and nothing else of the streams, as the slower
            schedule's run does: never a series that the other run writes.
    """

    exporter: ExporterName
    shard: Shard = field(default_factory=Shard)
    collect: Collect = field(default_factory=Collect)
    objects_alone: bool = False


@dataclass(frozen=True, slots=True)
class Measurement:
    """What one run saw, measured but not written.

    Attributes:
        task: What the run had to do.
        at: Unix time of the run in whole seconds, the timestamp of every point.
        observations: What was read.
        evaluated: The cleanly read locations, compared with config.
        errors: Whether ``stream/errors`` is collected.
    """

    task: Task
    at: int
    observations: Observations
    evaluated: tuple[EvaluatedLocation, ...]
    errors: bool

    @property
    def ahead(self) -> tuple[Sample, ...]:
        """The samples to be settled before those of the streams are sent."""
        if self.task.objects_alone:
            return ()
        return tuple(location_samples(self.observations, self.evaluated, self.task.shard))

    def samples(self) -> Iterator[Sample]:
        """Yield every sample but the locations' ``last_read`` and the exporter's own."""
        yield from self.ahead
        yield from self.rest()

    def rest(self) -> Iterator[Sample]:
        """Yield the samples of the streams, and of what belongs to them."""
        if not self.task.objects_alone:
            yield from stream_samples(self.evaluated, self.at, errors=self.errors)
            yield from connection_samples(self.observations)
        yield from object_samples(self.observations)

    def last_reads(self, written: WriteResult) -> Iterator[Sample]:
        """Yield the ``last_read`` of each location whose streams were all written."""
        if not self.task.objects_alone:
            yield from last_read_samples(
                self.evaluated, self.at, frozenset(written.withheld_locations)
            )

    def own(self, *, seconds: float, lost: int) -> Iterator[Sample]:
        """Yield the exporter's own samples, given how the run went."""
        return exporter_samples(
            self.task.exporter,
            streams=self.observations.streams,
            seconds=seconds,
            lost=lost,
            last_run=None if self.task.objects_alone else self.at,
        )


@dataclass(frozen=True, slots=True)
class Report:
    """One run as it ended.

    Attributes:
        measurement: What it saw.
        written: What became of its points.
        seconds: How long it took.
        calls: How many calls it made, retries included.
        stopped: Whether somebody asked it to stop before it was done.
    """

    measurement: Measurement
    written: WriteResult
    seconds: float
    calls: int
    stopped: bool

    @property
    def complete(self) -> bool:
        """Whether all that could be observed was observed and written."""
        seen = self.measurement.observations
        return not (self.written.lost or seen.uncollected or seen.nothing_read or self.stopped)


class Run:
    """One run of a task; its deadline starts when it is made."""

    def __init__(
        self,
        clients: Clients,
        config: Config,
        task: Task,
        *,
        seconds: float,
        stop: Event,
        now: Callable[[], float] = time.time,
        progress: Progress | None = None,
    ) -> None:
        """Start the clock of the run; nothing is called yet.

        Args:
            clients: Google's clients.
            config: What to watch.
            task: What this process has to do.
            seconds: How long the run may take.
            stop: Set when somebody asks the run to end early.
            now: Gives the unix time in seconds. Deadlines are not measured by it.
            progress: Told how far the run is.
        """
        self._clients = clients
        self._config = config
        self._task = task
        self._progress = progress or Progress()
        self._calls = Calls()
        self._started = time.monotonic()
        self._seconds = seconds
        self._deadline = Deadline.after(seconds, stop)
        self._at = int(now())

    def measurement(
        self,
        found: Mapping[str, tuple[str, ...]] | None = None,
        fallback: Mapping[str, tuple[str, ...]] | None = None,
    ) -> Measurement:
        """Read and measure.

        Args:
            found: Locations of projects as an earlier discovery found them.
            fallback: Locations of projects to read where their discovery fails.
        """
        observations = read(
            Datastream(self._clients.datastream, self._calls),
            self._config,
            self._deadline.within(self._seconds * READING_OF_THE_WHOLE),
            shard=self._task.shard,
            collect=self._task.collect,
            found=found,
            fallback=fallback,
            progress=self._progress,
        )
        evaluated = evaluate(observations, self._config, self._at)
        return Measurement(
            self._task, self._at, observations, evaluated, self._config.collect.errors
        )

    def write(self, measurement: Measurement) -> Report:
        """Write what was measured, and say what became of it.

        A run that was stopped while it read has not seen everything, and writes nothing.
        """
        written = WriteResult()
        if not (self._deadline.stopped and measurement.observations.skipped):
            self._write(measurement, written)
        return Report(
            measurement,
            written,
            time.monotonic() - self._started,
            self._calls.made,
            self._deadline.stopped,
        )

    def _write(self, measurement: Measurement, written: WriteResult) -> None:
        config = self._config
        writer = Writer(
            self._clients.monitoring,
            config.metrics.project,
            self._calls,
            workers=config.run.concurrency,
        )
        reserve = min(_LAST_BATCH_SECONDS, self._seconds * _LAST_BATCH_OF_THE_WHOLE)
        deadline = self._deadline.sooner(reserve)
        ahead = measurement.ahead
        samples = itertools.chain(ahead, measurement.rest())
        writer.write(
            samples, self._at, deadline, written, ahead=len(ahead), progress=self._progress
        )
        writer.write(
            measurement.last_reads(written), self._at, deadline, written, progress=self._progress
        )
        own = measurement.own(seconds=time.monotonic() - self._started, lost=written.lost)
        writer.write(own, self._at, self._deadline, written, progress=self._progress)
