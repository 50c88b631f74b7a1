"""One run: read, measure, write.

The order of writing is part of what the metrics mean. A location's counts come first, so that an
alert evaluated in the middle of a run sees "forty streams failed together" before it sees forty
failed streams. Then the streams. A location's ``last_read`` follows them, and only if each of its
``last_seen`` was written, since a stream is missing when its location was read after it was last
seen. The exporter's own series come last: they report on all the others. A batch that hangs holds
up none of this for longer than a few seconds.
"""

from __future__ import annotations

import itertools
import logging
import operator
import time
from dataclasses import dataclass, replace
from functools import partial, reduce
from typing import TYPE_CHECKING

from exporter.gcp.errors import CallError
from exporter.gcp.retry import Calls
from exporter.measure.evaluation import evaluate
from exporter.read.datastream import Datastream
from exporter.read.reader import Reader
from exporter.write.result import WriteResult
from exporter.write.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from exporter.config import Config
    from exporter.gcp.clients import Clients
    from exporter.gcp.deadline import Deadline
    from exporter.measure.samples import ExporterName, Measurement, Sample
    from exporter.names import LocationName
    from exporter.progress import Progress
    from exporter.read.observations import Observations
    from exporter.task import Task
    from exporter.write.writing import Writing

LOGGER = logging.getLogger("exporter")

PATIENCE_SECONDS = 3.0
_PATIENCE_SHARE = 0.1
_RESERVED_SECONDS = 3.0
_RESERVED_SHARE = 0.15
_READING_SHARE = 0.6

_REGION_SECONDS = 3.0
"""How long a run waits for its region, which was asked for when the process started."""


@dataclass(frozen=True, slots=True)
class Shares:
    """How the time of a run is shared out, in seconds.

    Attributes:
        reading: What reading may use.
        patience: How long a location or a batch is waited for before the others go on.
        reserve: What is reserved for the exporter's own series, and before that for each late
            ``last_read``.
    """

    reading: float
    patience: float
    reserve: float

    @classmethod
    def of(cls, seconds: float) -> Shares:
        """Return the shares of a run that may take so many seconds."""
        return cls(
            reading=seconds * _READING_SHARE,
            patience=min(PATIENCE_SECONDS, seconds * _PATIENCE_SHARE),
            reserve=min(_RESERVED_SECONDS, seconds * _RESERVED_SHARE),
        )


@dataclass(frozen=True, slots=True)
class Report:
    """How one run went.

    Attributes:
        measurement: What it read, and the samples of it.
        written: What happened to its points.
        seconds: How long it took.
        calls: How many calls it made, retries included.
        stopped: Whether it was asked to stop before it was done.
    """

    measurement: Measurement
    written: WriteResult
    seconds: float
    calls: int
    stopped: bool

    @property
    def complete(self) -> bool:
        """Whether everything that could be observed was observed and written."""
        seen = self.measurement.observations
        return not (
            self.written.lost
            or seen.uncollected
            or seen.nothing_read
            or self.stopped
            or self.measurement.exporter.location is None
        )

    @property
    def reached_nobody(self) -> bool:
        """Whether nothing was read, or nothing of what was due was written."""
        return self.measurement.observations.nothing_read or bool(
            self.written.lost and not self.written.accepted
        )


class Run:
    """One run of a task, within one deadline."""

    def __init__(
        self,
        clients: Clients,
        config: Config,
        task: Task,
        deadline: Deadline,
        *,
        now: Callable[[], float] | None = None,
        progress: Progress | None = None,
    ) -> None:
        """Start the clock of the run. No call is made yet.

        Args:
            clients: Google's clients.
            config: What to watch.
            task: What this process does.
            deadline: Bounds the run. Its ``stop`` ends the run early.
            now: Returns the unix time in seconds, the machine's by default. Deadlines ignore it.
            progress: Receives how far the run is.
        """
        self._clients = clients
        self._config = config
        self._task = task
        self._deadline = deadline
        self._shares = Shares.of(deadline.left)
        self._progress = progress
        self._calls = Calls()
        self._started = time.monotonic()
        self._timestamp = int((now or time.time)())

    def measure(self) -> Measurement:
        """Read and measure everything, to write nothing."""
        first, rest = self.measurements()
        return replace(first + rest, exporter=self._exporter())

    def measurements(
        self,
        known: Mapping[str, tuple[str, ...]] | None = None,
        fallback: Mapping[str, tuple[str, ...]] | None = None,
    ) -> Iterator[Measurement]:
        """Read and measure: what doesn't hang, then what does and what the collectors read.

        Args:
            known: Locations by project, from an earlier discovery. These projects are not
                discovered again.
            fallback: Locations by project, to read if its discovery fails.
        """
        reader = Reader(
            Datastream(self._clients.datastream, self._calls),
            self._config,
            self._deadline.within(self._shares.reading),
            shard=self._task.shard,
            collect=self._task.collect,
            known=known,
            fallback=fallback,
            progress=self._progress,
        )
        yield self._measure(reader.locations(self._shares.patience))
        yield self._measure(reader.rest())

    def write(
        self,
        measurements: Iterable[Measurement],
        due: Callable[[Measurement], Measurement] = lambda measurement: measurement,
    ) -> Report:
        """Write measurements as they come, then the exporter's own series; report the outcome.

        What was stopped while it was read is not written.

        Args:
            measurements: The parts of one run, one or more.
            due: Returns what is to be written of a measurement.
        """
        writer = Writer(
            self._clients.monitoring,
            self._config.metrics.project,
            self._calls,
            timestamp=self._timestamp,
            workers=self._config.run.concurrency,
            progress=self._progress,
        )
        read: list[Measurement] = []
        started: list[_Phases] = []
        for measurement in measurements:
            read.append(measurement)
            if not measurement.observations.skipped:
                phases = _Phases(
                    writer, due(measurement), self._deadline.sooner(2 * self._shares.reserve)
                )
                phases.write(self._shares.patience)
                started.append(phases)
        for phases in started:
            phases.finish()
        written = sum((phases.written for phases in started), WriteResult())
        late = itertools.chain.from_iterable(phases.late_last_reads() for phases in started)
        written += writer.write(late, self._deadline.sooner(self._shares.reserve))
        whole = replace(reduce(operator.add, read), exporter=self._exporter())
        if not whole.observations.skipped:
            own = whole.self_samples(seconds=self._elapsed, lost=written.lost)
            written += writer.write(own, self._deadline)
        return Report(whole, written, self._elapsed, self._calls.made, self._deadline.stopped)

    def _measure(self, observations: Observations) -> Measurement:
        return self._task.measurement(
            self._task.exporter,
            self._task.shard,
            self._timestamp,
            observations,
            evaluate(observations, self._config, self._timestamp),
            self._config.collect.errors,
        )

    def _exporter(self) -> ExporterName:
        """Return the exporter's name, without its location if that can't be found out."""
        try:
            return self._task.located(self._deadline.within(_REGION_SECONDS))
        except CallError as error:
            LOGGER.log(logging.ERROR, "%s", error)
            return self._task.exporter

    @property
    def _elapsed(self) -> float:
        return time.monotonic() - self._started


class _Phases:
    """The points of one measurement in the order in which they have to be written."""

    def __init__(self, writer: Writer, measurement: Measurement, deadline: Deadline) -> None:
        self._measurement = measurement
        self._start = partial(writer.start, deadline=deadline)
        self._streams = self._start(measurement.stream_samples())
        self._all: list[Writing] = []
        self._withheld: frozenset[LocationName] = frozenset()

    def write(self, patience: float) -> None:
        """Send everything; each batch is waited for so many seconds."""

        def send(writing: Writing) -> None:
            self._all.append(writing)
            writing.wait(patience)

        send(self._start(self._measurement.location_samples()))
        send(self._streams)
        self._withheld = self._streams.result.withheld_locations
        send(self._start(self._measurement.last_read_samples(self._withheld)))

    def finish(self) -> None:
        """Wait for what hung: it has had all of the time, and cost nothing else any of it."""
        for writing in self._all:
            writing.wait()

    @property
    def written(self) -> WriteResult:
        """What happened to the points."""
        return sum((writing.result for writing in self._all), WriteResult())

    def late_last_reads(self) -> Iterator[Sample]:
        """Yield ``last_read`` of the locations whose streams took longer than :meth:`write`."""
        late = self._withheld - self._streams.result.withheld_locations
        names = {location.name for location in self._measurement.locations}
        return self._measurement.last_read_samples(names - late)
