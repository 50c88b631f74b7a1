"""One run: read, measure, write.

The order of writing is part of what the metrics mean. A location's counts come first, so that an
alert evaluated in the middle of a run sees "forty streams failed together" before it sees forty
failed streams. Then the streams. A location's ``last_read`` follows them, and only if each of its
``last_seen`` was written, since a stream is missing when its location was read after it was last
seen. The exporter's own series come last: they report on all the others. A batch that hangs holds
up none of this for longer than a few seconds.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from exporter.gcp.errors import CallError
from exporter.gcp.retry import Calls
from exporter.measure.evaluation import evaluate
from exporter.measure.samples import ExporterName, Measurement, ObjectsMeasurement
from exporter.progress import Progress
from exporter.read.datastream import Datastream
from exporter.read.reader import Collect, read
from exporter.shard import Shard
from exporter.write.result import WriteResult
from exporter.write.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from exporter.config import Config
    from exporter.gcp.clients import Clients
    from exporter.gcp.cloud_run import Region
    from exporter.gcp.deadline import Deadline

LOGGER = logging.getLogger("exporter")

READING_SHARE = 0.6
"""The part of the deadline that reading may use."""

_RESERVED_SHARE = 0.2
_RESERVED_SECONDS = 3.0
"""What is reserved for writing the exporter's own series, whichever of the two is less; the same
again before that for what was late."""

_PATIENCE_SHARE = 0.1
_PATIENCE_SECONDS = 3.0
"""How long a batch is waited for before the next phase starts, whichever of the two is less."""

_REGION_SECONDS = 3.0
"""How long a run waits for its region, which was asked for when the process started."""


@dataclass(frozen=True, slots=True)
class Task:
    """What this process does in each of its runs.

    Attributes:
        exporter: Its name in its own series.
        shard: Its part of the locations.
        collect: The optional collectors to run.
        measurement: Which samples it makes of what it reads.
        region: Says its location, where ``exporter`` has none.
    """

    exporter: ExporterName
    shard: Shard = field(default_factory=Shard)
    collect: Collect = field(default_factory=Collect)
    measurement: type[Measurement] = Measurement
    region: Region | None = None

    def located(self, deadline: Deadline) -> ExporterName:
        """Return the exporter's name with its location.

        Raises:
            CallError: The metadata server does not say it by the deadline.
        """
        if self.region is None:
            return self.exporter
        return self.exporter._replace(location=self.region.get(deadline))

    def for_objects(self) -> Task:
        """Return the task of collecting objects only, under a node_id of its own."""
        exporter = self.exporter._replace(node_id=f"objects-{self.shard.index}")
        collect = Collect(objects=True)
        return replace(self, exporter=exporter, collect=collect, measurement=ObjectsMeasurement)


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
        self._seconds = deadline.left
        self._progress = progress or Progress()
        self._calls = Calls()
        self._started = time.monotonic()
        self._timestamp = int((now or time.time)())

    def measure(
        self,
        known: Mapping[str, tuple[str, ...]] | None = None,
        fallback: Mapping[str, tuple[str, ...]] | None = None,
    ) -> Measurement:
        """Read and measure.

        Args:
            known: Locations by project, from an earlier discovery. These projects are not
                discovered again.
            fallback: Locations by project, to read if its discovery fails.
        """
        observations = read(
            Datastream(self._clients.datastream, self._calls),
            self._config,
            self._deadline.within(self._seconds * READING_SHARE),
            shard=self._task.shard,
            collect=self._task.collect,
            known=known,
            fallback=fallback,
            progress=self._progress,
        )
        return self._task.measurement(
            self._exporter(),
            self._task.shard,
            self._timestamp,
            observations,
            evaluate(observations, self._config, self._timestamp),
            self._config.collect.errors,
        )

    def write(self, measurement: Measurement) -> Report:
        """Write a measurement and report the outcome.

        A run that was stopped while it read has not seen everything, and writes nothing.
        """
        written = WriteResult()
        if not (self._deadline.stopped and measurement.observations.skipped):
            written = self._write(measurement)
        return Report(measurement, written, self._elapsed, self._calls.made, self._deadline.stopped)

    def _write(self, measurement: Measurement) -> WriteResult:
        writer = Writer(
            self._clients.monitoring,
            self._config.metrics.project,
            self._calls,
            timestamp=measurement.timestamp,
            workers=self._config.run.concurrency,
            progress=self._progress,
        )
        reserve = min(_RESERVED_SECONDS, self._seconds * _RESERVED_SHARE)
        patience = min(_PATIENCE_SECONDS, self._seconds * _PATIENCE_SHARE)
        deadline = self._deadline.sooner(2 * reserve)
        locations = writer.start(measurement.location_samples(), deadline)
        locations.wait(patience)
        streams = writer.start(measurement.stream_samples(), deadline)
        streams.wait(patience)
        early = streams.result.withheld_locations
        last_reads = writer.start(measurement.last_read_samples(early), deadline)
        last_reads.wait(patience)
        # A batch that hung or failed again and again has all of the time, and cost no other any.
        for phase in (locations, streams, last_reads):
            phase.wait()
        written = locations.result + streams.result + last_reads.result
        if late := early - written.withheld_locations:
            samples = measurement.last_read_samples(
                {location.name for location in measurement.locations} - late
            )
            written += writer.write(samples, self._deadline.sooner(reserve))
        own = measurement.self_samples(seconds=self._elapsed, lost=written.lost)
        return written + writer.write(own, self._deadline)

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
