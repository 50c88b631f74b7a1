"""Writing: sends samples to Cloud Monitoring and reports what happened to every point.

Batches are sent concurrently. Each worker takes the next samples, builds one request and sends it
until it is settled before it takes more, so there are never more requests in memory than workers.
A request that may have been written is sent again with the same points and timestamp: if the
answer then is that they are too late, the first try was written.

Source: https://cloud.google.com/monitoring/api/ref_v3/rpc/google.monitoring.v3 (CreateTimeSeries).
"""

from __future__ import annotations

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from google.api_core import exceptions

from exporter.gcp.errors import Failure, Target, explain_call_error
from exporter.gcp.retry import Calls, call_with_retry
from exporter.measure.samples import LAST_SEEN, Sample
from exporter.progress import Progress
from exporter.write.partial_write import PartialWrite, parse_partial_write
from exporter.write.requests import build_request

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from google.cloud import monitoring_v3

    from exporter.gcp.deadline import Deadline
    from exporter.names import LocationName

BATCH = 200
"""Series in a request, the most that the API takes (CreateTimeSeriesRequest.time_series)."""

SERVICE = "monitoring.googleapis.com"

_TRY_SECONDS = 12.0
"""How long one request may take: the client's own default for this method."""

MAX_LISTED_ERRORS = 20
"""Failed batches that are kept in full; the others are counted."""


@dataclass(frozen=True, slots=True)
class WriteError:
    """Points of one batch that were not written.

    Attributes:
        points: How many.
        failure: Why; None if another run wrote newer points first.
        series: Their series, or all of the batch's if the answer doesn't name them.
        named: Whether the answer named them.
    """

    points: int
    failure: Failure | None
    series: tuple[Sample, ...]
    named: bool


@dataclass(frozen=True, slots=True)
class WriteResult:
    """What happened to some points; add results up with ``+``.

    Attributes:
        accepted: Points that Cloud Monitoring accepted.
        superseded: Points whose series has the same or a newer one from another run.
        lost: Points that were due and not accepted.
        left_out: Points that were not sent because the run was asked to stop.
        withheld_locations: Locations with a ``last_seen`` that was, or may be, not written.
        errors: The first batches that were not written completely, for the log.
        unlisted_errors: How many more of these there were.
    """

    accepted: int = 0
    superseded: int = 0
    lost: int = 0
    left_out: int = 0
    withheld_locations: frozenset[LocationName] = frozenset()
    errors: tuple[WriteError, ...] = ()
    unlisted_errors: int = 0

    @property
    def settled(self) -> int:
        """Points whose outcome is known."""
        return self.accepted + self.superseded + self.lost

    def __add__(self, other: WriteResult) -> WriteResult:
        """Return the result of both."""
        errors = self.errors + other.errors
        return WriteResult(
            self.accepted + other.accepted,
            self.superseded + other.superseded,
            self.lost + other.lost,
            self.left_out + other.left_out,
            self.withheld_locations | other.withheld_locations,
            errors[:MAX_LISTED_ERRORS],
            self.unlisted_errors + other.unlisted_errors + len(errors[MAX_LISTED_ERRORS:]),
        )


class Writer:
    """Writes the points of one run into one project."""

    def __init__(
        self,
        client: monitoring_v3.MetricServiceClient,
        project: str,
        calls: Calls,
        *,
        timestamp: int,
        workers: int,
        progress: Progress | None = None,
    ) -> None:
        """Keep what every write shares. No call is made yet.

        Args:
            client: Google's client.
            project: The project that the series go to.
            calls: Counts the calls.
            timestamp: Unix time of every point, in whole seconds.
            workers: How many requests may be under way at once.
            progress: Receives how many points are settled.
        """
        self._client = client
        self._project = project
        self._calls = calls
        self._timestamp = timestamp
        self._workers = workers
        self._progress = progress or Progress()
        self._settled = 0
        self._lock = threading.Lock()

    def write(self, samples: Iterable[Sample], deadline: Deadline) -> WriteResult:
        """Write samples. A batch that fails doesn't keep the others from being sent.

        Args:
            samples: What to write; no series twice. They are taken as they are needed.
            deadline: What is not accepted by then is lost. After its ``stop``, requests under way
                are finished and no other is started.
        """
        batches = _batches(samples)
        result = WriteResult()

        def send_batches() -> None:
            nonlocal result
            while True:
                with self._lock:
                    batch = None if deadline.stopped else next(batches, None)
                if batch is None:
                    return
                sent = self._send_batch(batch, deadline)
                with self._lock:
                    result += sent
                    self._settled += len(batch)
                    self._progress.update("writing points", self._settled)

        with ThreadPoolExecutor(self._workers, thread_name_prefix="write") as pool:
            for worker in [pool.submit(send_batches) for _ in range(self._workers)]:
                worker.result()
        return result + WriteResult(left_out=sum(map(len, batches)))

    def _send_batch(self, batch: tuple[Sample, ...], deadline: Deadline) -> WriteResult:
        """Send a batch, with retries, until it is known what happened to its points."""
        refusals: list[PartialWrite] = []

        def attempt(timeout: float) -> None:
            request = build_request(batch, self._timestamp, self._project)
            try:
                self._client.create_time_series(request, retry=None, timeout=timeout)
            except exceptions.GoogleAPICallError as error:
                refusals.append(parse_partial_write(error, len(batch)))
                raise

        def is_worth_retrying(error: BaseException) -> bool:
            answered = isinstance(error, exceptions.GoogleAPICallError) and refusals
            return bool(answered) and refusals[-1].transient > 0

        lost = superseded = 0
        errors = []
        try:
            call_with_retry(
                attempt,
                deadline=deadline,
                longest=_TRY_SECONDS,
                calls=self._calls,
                again=is_worth_retrying,
            )
        except Exception as error:  # noqa: BLE001 - whatever happens to a batch, the others are sent
            # A point that one try wrote stays written, whatever a later one returns.
            best = min(
                reversed(refusals),
                key=lambda refusal: refusal.unwritten,
                default=PartialWrite(len(batch), 0, len(batch), None),
            )
            if lost := best.unwritten:
                failure = explain_call_error(error, target(self._project))
                errors.append(_write_error(batch, best, failure))
        # Only on a first try: later, the same answer means that an earlier try was written.
        if refusals and (superseded := refusals[0].late):
            errors.append(_write_error(batch, refusals[0], None))
        return WriteResult(
            accepted=len(batch) - lost - superseded,
            superseded=superseded,
            lost=lost,
            withheld_locations=frozenset(
                sample.location_name
                for error in errors
                for sample in error.series
                if sample.metric is LAST_SEEN
            ),
            errors=tuple(errors),
        )


def target(project: str, permission: str = "monitoring.timeSeries.create") -> Target:
    """Return what a call to Cloud Monitoring needs, for the hint of its failure."""
    return Target(
        service=SERVICE,
        project=project,
        permission=permission,
        role="roles/monitoring.metricWriter",
        key="endpoints.monitoring",
    )


def _batches(samples: Iterable[Sample]) -> Iterator[tuple[Sample, ...]]:
    remaining = iter(samples)
    while batch := tuple(itertools.islice(remaining, BATCH)):
        yield batch


def _write_error(
    batch: tuple[Sample, ...], refusal: PartialWrite, failure: Failure | None
) -> WriteError:
    """Return the points that were lost or, without a failure, superseded."""
    superseded = failure is None
    points = refusal.late if superseded else refusal.unwritten
    if refusal.named is None:
        return WriteError(points, failure, batch, named=False)
    series = (batch[index] for index, late in sorted(refusal.named.items()) if late is superseded)
    return WriteError(points, failure, tuple(series), named=True)
