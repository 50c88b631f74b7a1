"""Writes samples to Cloud Monitoring and says what happened to every point.

Source: https://cloud.google.com/monitoring/api/ref_v3/rpc/google.monitoring.v3
(CreateTimeSeries).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from google.api_core import exceptions
from google.cloud import monitoring_v3

from exporter.google.calls import Calls, Deadline, call_with_retry
from exporter.google.errors import Failure, explain_call_error
from exporter.steps.measure import RESOURCE, Sample, metrics
from exporter.steps.partial_write import PartialWrite, parse_partial_write
from exporter.text import plural

BATCH = 200  # series in a request, the most that the API takes
# How long one request may take: the client's own default for this method
_TRY_SECONDS = 12.0
_LEAST_TRY_SECONDS = 1.0
# The most of the time left that one may take, a second at least: one that hangs is sent
# again
_TRY_SHARE = 1 / 3


class WriteError(NamedTuple):
    """Points of one request that were not written."""

    points: int  # how many
    among: Sequence[Sample]  # what the request contained
    failure: Failure | None  # why; None if another run wrote newer points first


@dataclass(frozen=True)
class Written:
    """What happened to some points; add them up with ``+``."""

    accepted: int = 0  # points that Cloud Monitoring accepted
    # Points whose series has the same or a newer one from another run
    superseded: int = 0
    lost: int = 0  # points that were due and not accepted, or not sent after a stop
    errors: tuple[WriteError, ...] = ()  # requests that were not written completely

    @property
    def complete(self) -> bool:
        """Whether every point was accepted."""
        return not (self.superseded or self.lost)

    def __add__(self, other: "Written") -> "Written":
        return Written(
            self.accepted + other.accepted,
            self.superseded + other.superseded,
            self.lost + other.lost,
            self.errors + other.errors,
        )


class Writer(NamedTuple):
    """Writes the points of one run into one project; its threads share it."""

    clients: Sequence[monitoring_v3.MetricServiceClient]
    project: str
    timestamp: int  # of every point, in whole unix seconds
    calls: Calls

    def write_points(self, samples: Iterable[Sample], deadline: Deadline) -> Written:
        """Write samples, no series twice, one request after the other.

        What is not accepted by the deadline is lost, and what its ``stop`` leaves
        unsent.
        """
        rest = list(samples)
        written = Written()
        while rest and not deadline.stopped:
            written += self._send(rest[:BATCH], deadline)
            rest = rest[BATCH:]
        return written + Written(lost=len(rest))

    def _send(self, batch: Sequence[Sample], deadline: Deadline) -> Written:
        """Send a request, with retries, until the fate of its points is known."""
        client = self.clients[hash(batch[0].location) % len(self.clients)]
        refusals: list[PartialWrite] = []  # the answers to the tries that failed

        def attempt(timeout: float) -> None:
            request = monitoring_v3.CreateTimeSeriesRequest.wrap(self._request(batch))
            try:
                client.create_time_series(request, retry=None, timeout=timeout)
            except exceptions.GoogleAPICallError as error:
                refusals.append(parse_partial_write(error, len(batch)))
                raise

        longest = min(_TRY_SECONDS, max(_LEAST_TRY_SECONDS, deadline.left * _TRY_SHARE))
        points = plural(len(batch), "point")
        what = f"CreateTimeSeries projects/{self.project}, {points}"
        lost = 0
        errors = []
        try:
            call_with_retry(
                attempt,
                deadline,
                self.calls,
                what,
                longest,
                again=lambda _: bool(refusals and refusals[-1].transient),
            )
        except Exception as error:  # noqa: BLE001 - whatever happens to a request, others are sent
            lost = len(batch)
            for refusal in refusals:
                # A point that one try wrote stays written, whatever a later one says.
                lost = min(lost, refusal.refused - refusal.late)
            if lost:
                failure = explain_call_error(
                    error,
                    self.project,
                    "monitoring.timeSeries.create",
                    self.calls.caller,
                )
                errors.append(WriteError(lost, batch, failure))
        # On a retry, "too late" usually means that our first try was written.
        superseded = refusals[0].late if refusals else 0
        if superseded:
            errors.append(WriteError(superseded, batch, None))
        accepted = len(batch) - lost - superseded
        return Written(accepted, superseded, lost, tuple(errors))

    def _request(self, batch: Sequence[Sample]) -> Any:
        """Return a raw message: proto-plus takes four times as long to build one."""
        request = monitoring_v3.CreateTimeSeriesRequest.pb()(
            name=f"projects/{self.project}"
        )
        for sample in batch:
            metric = metrics()[sample.metric]
            series = request.time_series.add(
                metric_kind="GAUGE", value_type=metric.value_type
            )
            series.metric.type = metric.type
            series.metric.labels.update(zip(metric.labels, sample.labels, strict=True))
            series.resource.type = RESOURCE
            series.resource.labels.update(
                project_id=self.project,
                location=sample.location,
                namespace=sample.namespace,
                node_id=sample.node_id,
            )
            point = series.points.add()
            point.interval.end_time.seconds = self.timestamp
            if metric.value_type == "DOUBLE":
                point.value.double_value = sample.value
            else:
                point.value.int64_value = int(sample.value)
        return request
