"""Writing: sends samples to Cloud Monitoring and reports what happened to every point.

Batches are sent concurrently, and each is built when its turn comes, so no more requests are in
memory than are under way. One that hangs or fails again and again delays none of the others. A
request that may have been written is sent again with the same points and timestamp: if the
answer then is that they are too late, the first try was written.

Source: https://cloud.google.com/monitoring/api/ref_v3/rpc/google.monitoring.v3 (CreateTimeSeries).
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from google.api_core import exceptions

from exporter.gcp.errors import Target, explain_call_error
from exporter.gcp.pool import Pool
from exporter.gcp.retry import Calls, call_with_retry
from exporter.progress import Progress
from exporter.write.partial_write import PartialWrite, parse_partial_write
from exporter.write.requests import build_request, sender
from exporter.write.result import (
    WriteResult,
    last_seen_locations,
    locations_of,
    write_error,
)
from exporter.write.writing import Writing

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from google.cloud import monitoring_v3

    from exporter.gcp.deadline import Deadline
    from exporter.measure.samples import Sample
    from exporter.write.result import Batch

SERVICE = "monitoring.googleapis.com"

_TRY_SECONDS = 12.0
"""How long one request may take: the client's own default for this method."""

_LEAST_SECONDS = 1.0
_TRY_SHARE = 1 / 3
"""The most of the time left that it may take, a second at least: one that hangs is sent again."""


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
        self._send = sender(client)
        self._unknown: set[str] = set()
        self._project = project
        self._calls = calls
        self._timestamp = timestamp
        self._workers = workers
        self._progress = progress or Progress()
        self._settled = 0

    def start(self, samples: Iterable[Sample], deadline: Deadline) -> Writing:
        """Return what writes samples while it is waited for.

        Args:
            samples: What to write; no series twice. They are taken as they are needed.
            deadline: What is not accepted by then is lost. After its ``stop``, requests under way
                are finished and no other is started.
        """
        send = partial(self._send_batch, deadline=deadline)
        return Writing(samples, send, Pool(self._workers, deadline), self._count)

    def write(self, samples: Iterable[Sample], deadline: Deadline) -> WriteResult:
        """Write samples, and return what happened to them; see :meth:`start`."""
        writing = self.start(samples, deadline)
        writing.wait()
        return writing.result

    def _count(self, settled: int) -> None:
        self._settled += settled
        self._progress.update("writing points", self._settled)

    def _send_batch(self, batch: Batch, deadline: Deadline) -> WriteResult:
        """Send a batch, with retries, until it is known what happened to its points."""
        refusals: list[PartialWrite] = []
        unknown = frozenset(self._unknown)

        def attempt(timeout: float) -> None:
            request = build_request(batch, self._timestamp, self._project, unknown)
            try:
                self._send(request, timeout)
            except exceptions.GoogleAPICallError as error:
                refusals.append(parse_partial_write(error, len(batch)))
                raise

        def is_worth_retrying(error: BaseException) -> bool:
            answered = isinstance(error, exceptions.GoogleAPICallError) and refusals
            return bool(answered) and refusals[-1].transient > 0

        lost = superseded = 0
        errors = []
        moved = WriteResult()
        try:
            call_with_retry(
                attempt,
                deadline=deadline,
                longest=min(_TRY_SECONDS, max(_LEAST_SECONDS, deadline.left * _TRY_SHARE)),
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
            if again := best.unknown_locations - _located(batch, unknown):
                best = best.without(again)
                moved = self._move(tuple(batch[index] for index in sorted(again)), deadline)
            if lost := best.unwritten:
                failure = explain_call_error(error, target(self._project))
                errors.append(write_error(batch, best, failure))
        # Only on a first try: later, the same answer means that an earlier try was written, or
        # that another run wrote seconds before it. In doubt, it counts as written and not as seen.
        if refusals and (superseded := refusals[0].late):
            errors.append(write_error(batch, refusals[0], None))
        doubtful = [write_error(batch, refusal, None) for refusal in refusals[1:] if refusal.older]
        return moved + WriteResult(
            accepted=len(batch) - lost - superseded - moved.settled,
            superseded=superseded,
            lost=lost,
            withheld_locations=last_seen_locations(
                *(error.series for error in (*errors, *doubtful))
            ),
            incomplete_locations=locations_of(*(error.series for error in errors if error.failure)),
            errors=tuple(errors),
        )

    def _move(self, batch: Batch, deadline: Deadline) -> WriteResult:
        """Send samples again whose location Cloud Monitoring doesn't know, under another one."""
        locations = frozenset(sample.location for sample in batch)
        self._unknown |= locations
        return self._send_batch(batch, deadline) + WriteResult(unknown_locations=locations)


def target(project: str, permission: str = "monitoring.timeSeries.create") -> Target:
    """Return what a call to Cloud Monitoring needs, for the hint of its failure."""
    return Target(
        service=SERVICE,
        project=project,
        permission=permission,
        role="roles/monitoring.metricWriter",
        key="endpoints.monitoring",
    )


def _located(batch: Batch, locations: Collection[str]) -> frozenset[int]:
    """Return the indexes of the samples in some locations."""
    return frozenset(index for index, sample in enumerate(batch) if sample.location in locations)
