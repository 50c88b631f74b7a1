"""Writing: samples to Cloud Monitoring, without loss where that can be had.

Batches go out side by side. Each worker takes the next samples, builds one request of them and
settles it before it takes more, so that there are never more requests in memory than workers.
A request that may have had its effect is sent again with the same points and the same
timestamp: an answer that they come too late then says that the first one was written.

Source: https://cloud.google.com/monitoring/api/ref_v3/rpc/google.monitoring.v3 (CreateTimeSeries).
"""

from __future__ import annotations

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from google.api import metric_pb2
from google.api_core import exceptions
from google.cloud import monitoring_v3

from exporter.gcp.errors import Failure, Target, explain_call_error
from exporter.gcp.retry import Calls, call_with_retry
from exporter.measure.definitions import RESOURCE
from exporter.measure.samples import LAST_SEEN, Sample
from exporter.progress import Progress
from exporter.write.partial_write import PartialWrite, parse_partial_write

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from exporter.gcp.deadline import Deadline
    from exporter.names import LocationName

BATCH = 200
"""Series in a request, the most that the API takes (CreateTimeSeriesRequest.time_series)."""

SERVICE = "monitoring.googleapis.com"

_LONGEST_TRY = 12.0
"""Seconds that one request may take: the client's own default for this method."""

MAX_LISTED_ERRORS = 20
"""Failed batches that are told of in full; a hundred thousand lost points are one story."""

_GAUGE = metric_pb2.MetricDescriptor.GAUGE
_VALUE_TYPES = dict(metric_pb2.MetricDescriptor.ValueType.items())


@dataclass(frozen=True, slots=True)
class WriteError:
    """Points of one batch that were not written.

    Attributes:
        points: How many.
        failure: Why; None where another run's points got there first.
        series: The series, or all of the batch's where the answer does not say which.
        named: Whether the answer said which.
    """

    points: int
    failure: Failure | None
    series: tuple[Sample, ...]
    named: bool


@dataclass(slots=True)
class WriteResult:
    """What became of the points of a run.

    Attributes:
        accepted: Points that Cloud Monitoring took.
        superseded: Points whose series has the same or a newer one by another run.
        lost: Points that were due and not accepted.
        left_out: Points that were not sent because somebody asked the run to stop.
        withheld_locations: Locations with a ``last_seen`` that was, or may be, not written.
        errors: The first of what did not go through, for the log.
        unlisted_errors: How many more of these there were.
    """

    accepted: int = 0
    superseded: int = 0
    lost: int = 0
    left_out: int = 0
    withheld_locations: set[LocationName] = field(default_factory=set)
    errors: list[WriteError] = field(default_factory=list)
    unlisted_errors: int = 0

    @property
    def settled(self) -> int:
        """Points of which it is known what became of them."""
        return self.accepted + self.superseded + self.lost

    def add(self, points: int, errors: Iterable[WriteError]) -> None:
        """Count a batch of so many points, and what was not written of it."""
        self.accepted += points
        for error in errors:
            self.accepted -= error.points
            if error.failure is None:
                self.superseded += error.points
            else:
                self.lost += error.points
            self.withheld_locations.update(
                sample.at for sample in error.series if sample.metric is LAST_SEEN
            )
            if len(self.errors) < MAX_LISTED_ERRORS:
                self.errors.append(error)
            else:
                self.unlisted_errors += 1


class Writer:
    """Writes samples into one project, through one Cloud Monitoring client."""

    def __init__(
        self,
        client: monitoring_v3.MetricServiceClient,
        project: str,
        calls: Calls,
        *,
        workers: int,
    ) -> None:
        """Keep what every write shares; nothing is called yet.

        Args:
            client: Google's client.
            project: The project that the series go to.
            calls: Where calls are counted.
            workers: How many requests may be under way at once.
        """
        self._client = client
        self._project = project
        self._calls = calls
        self._workers = workers

    def write(
        self,
        samples: Iterable[Sample],
        at: int,
        deadline: Deadline,
        into: WriteResult,
        *,
        ahead: int = 0,
        progress: Progress | None = None,
    ) -> None:
        """Write samples; a batch that fails keeps none of the others from being sent.

        Args:
            samples: What to write; no series twice. Taken as they are needed.
            at: Unix time of every point, in whole seconds.
            deadline: What is not accepted by then is lost. After its ``stop`` requests under
                way are finished and no further one is begun.
            into: Where the outcome is added up.
            ahead: How many of the samples, from the first, must be settled before the batches
                without any of these are sent.
            progress: Told how many points are settled.
        """
        batches = _batches(samples)
        first = list(itertools.islice(batches, -(-ahead // BATCH)))
        for part in (iter(first), batches):
            self._write(part, at, deadline, into, progress or Progress())

    def _write(
        self,
        batches: Iterator[Sequence[Sample]],
        at: int,
        deadline: Deadline,
        into: WriteResult,
        progress: Progress,
    ) -> None:
        taking = threading.Lock()
        adding = threading.Lock()

        def work() -> None:
            while True:
                with taking:
                    batch = None if deadline.stopped else next(batches, None)
                if batch is None:
                    return
                settled = self._send_batch(batch, at, deadline)
                with adding:
                    into.add(len(batch), settled)
                    progress.update("writing points", into.settled)

        with ThreadPoolExecutor(self._workers, thread_name_prefix="write") as pool:
            for working in [pool.submit(work) for _ in range(self._workers)]:
                working.result()
        into.left_out += sum(map(len, batches))

    def _send_batch(self, batch: Sequence[Sample], at: int, deadline: Deadline) -> list[WriteError]:
        """Send a batch until it is settled; return what was not written of it."""
        attempts: list[PartialWrite] = []

        def attempt(timeout: float) -> None:
            request = self._request(batch, at)
            try:
                self._client.create_time_series(request, retry=None, timeout=timeout)
            except exceptions.GoogleAPICallError as error:
                attempts.append(parse_partial_write(error, len(batch)))
                raise

        def again(error: BaseException) -> bool:
            answered = isinstance(error, exceptions.GoogleAPICallError) and attempts
            return bool(answered) and attempts[-1].transient > 0

        errors = []
        try:
            call_with_retry(
                attempt, deadline=deadline, longest=_LONGEST_TRY, calls=self._calls, again=again
            )
        except Exception as error:  # noqa: BLE001 - whatever befalls a batch, the others are sent
            # A point that one answer took stays taken, whatever a later one says.
            least = min(
                reversed(attempts),
                key=lambda partial_write: partial_write.unwritten,
                default=PartialWrite(len(batch), 0, len(batch), None),
            )
            if least.unwritten:
                failure = explain_call_error(error, target(self._project))
                errors.append(_write_error(batch, least, failure))
        # Of a first try alone: later, the same answer says that an earlier try was written.
        if attempts and attempts[0].late:
            errors.append(_write_error(batch, attempts[0], None))
        return errors

    def _request(self, batch: Sequence[Sample], at: int) -> monitoring_v3.CreateTimeSeriesRequest:
        request = monitoring_v3.CreateTimeSeriesRequest.pb()(name=f"projects/{self._project}")
        for sample in batch:
            _fill(request.time_series.add(), sample, at, self._project)
        wrapped: monitoring_v3.CreateTimeSeriesRequest = monitoring_v3.CreateTimeSeriesRequest.wrap(
            request
        )
        return wrapped


def target(project: str, permission: str = "monitoring.timeSeries.create") -> Target:
    """Return what a call to Cloud Monitoring needs, for the sentence about its failure."""
    return Target(
        service=SERVICE,
        project=project,
        permission=permission,
        role="roles/monitoring.metricWriter",
        key="endpoints.monitoring",
    )


def _batches(samples: Iterable[Sample]) -> Iterator[Sequence[Sample]]:
    rest = iter(samples)
    while batch := tuple(itertools.islice(rest, BATCH)):
        yield batch


def _write_error(
    batch: Sequence[Sample], partial_write: PartialWrite, failure: Failure | None
) -> WriteError:
    """Return what was refused for a failure or, without one, because another run was first."""
    late = failure is None
    points = partial_write.late if late else partial_write.unwritten
    if partial_write.named is None:
        return WriteError(points, failure, tuple(batch), named=False)
    series = (
        batch[index] for index, is_late in sorted(partial_write.named.items()) if is_late is late
    )
    return WriteError(points, failure, tuple(series), named=True)


def _fill(series: Any, sample: Sample, at: int, project: str) -> None:
    """Make an empty raw TimeSeries message hold one sample."""
    metric = sample.metric
    series.metric.type = metric.type
    for key, value in zip(metric.labels, sample.labels, strict=True):
        series.metric.labels[key] = value
    series.resource.type = RESOURCE
    labels = series.resource.labels
    labels["project_id"] = project
    labels["location"] = sample.location
    labels["namespace"] = sample.namespace
    labels["node_id"] = sample.node_id
    series.metric_kind = _GAUGE
    series.value_type = _VALUE_TYPES[metric.value_type]
    point = series.points.add()
    point.interval.end_time.seconds = at
    if metric.value_type == "DOUBLE":
        point.value.double_value = sample.value
    else:
        point.value.int64_value = int(sample.value)
