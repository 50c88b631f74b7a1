"""Reads the points of whole days from Cloud Monitoring, page by page and unaligned.

https://cloud.google.com/monitoring/api/ref_v3/rest/v3/projects.timeSeries/list
"""

from __future__ import annotations

import threading
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from google.api_core import exceptions
from google.cloud import monitoring_v3

from exporter.google.calls import Deadline
from exporter.google.errors import CallError, Failure, FailureKind, Target, explain_call_error
from exporter.google.calls import Calls, call_with_retry, is_transient
from exporter.gcp.tokens import without_tokens
from exporter.terminal import Progress
from exporter.write.writer import SERVICE
from lab.backtest.time_series import DistributionError, series_parts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from threading import Event

    from lab.backtest.history import History
    from lab.backtest.raw_messages import RawResponse, RawSeries
    from lab.backtest.required import Period

PERMISSION = "monitoring.timeSeries.list"
ROLE = "roles/monitoring.viewer"

POINTS_PER_PAGE = 100_000
"""The API's maximum (ListTimeSeriesRequest.page_size)."""

_CONCURRENCY = 4
_ATTEMPT_SECONDS = 90.0
"""The client's own default for this method."""
_RETRY_SECONDS = 45.0
_POLL_SECONDS = 0.1

_NO_METRIC = "Cannot find metric"
"""Part of the error for a metric that was never written, as observed."""


@dataclass(frozen=True, slots=True)
class ApiReader:
    """Reads metrics from Cloud Monitoring, several at once.

    Attributes:
        client: Google's client.
        project: The metrics project.
        stop: Set to interrupt the reading.
        cancel: Cancels the calls under way.
        progress: Receives how many points of each metric are read.
        on_series: Receives each raw series, from any thread; None to do nothing.
        page_size: Points in a page.
        retry_seconds: Seconds for which a page is retried.
    """

    client: monitoring_v3.MetricServiceClient
    project: str
    stop: Event
    cancel: Callable[[], None] = lambda: None
    progress: Progress = Progress()  # noqa: RUF009 - it has no state
    on_series: Callable[[RawSeries], None] | None = None
    page_size: int = POINTS_PER_PAGE
    retry_seconds: float = _RETRY_SECONDS

    def read(self, periods: Mapping[str, Period], history: History) -> tuple[str, ...]:
        """Read metrics into a history; what is missing after ``stop`` stays missing.

        Args:
            periods: The period to read of each metric, by full type.
            history: Receives the points.

        Returns:
            A sentence for each metric whose points may be incomplete.

        Raises:
            CallError: A metric cannot be read.
        """
        ended = threading.Event()
        errors: list[BaseException] = []
        with ThreadPoolExecutor(_CONCURRENCY, thread_name_prefix="read") as pool:
            reads = [
                pool.submit(self._read_metric, metric, period, history, ended)
                for metric, period in periods.items()
            ]
            pending = set(reads)
            while pending:
                done, pending = wait(pending, timeout=_POLL_SECONDS, return_when=FIRST_EXCEPTION)
                errors += [error for read in done if (error := read.exception())]
                if (self.stop.is_set() or errors) and not ended.is_set():
                    # The first error says what is wrong; there is no need to wait for others.
                    ended.set()
                    self.cancel()
        if self.stop.is_set():
            return ()
        if errors:
            raise errors[0]
        return tuple(sentence for read in reads for sentence in read.result())

    def _read_metric(
        self, metric: str, period: Period, history: History, ended: Event
    ) -> list[str]:
        doubts: dict[str, None] = {}
        points = 0
        for response in self._pages(metric, period, ended):
            for series in response.time_series:
                if self.on_series:
                    self.on_series(series)
                points += len(series.points)
                try:
                    for part in series_parts(series):
                        history.add(part)
                except DistributionError as error:
                    doubts[f"{metric} is left out in part: a distribution {error}"] = None
            for status in response.execution_errors:
                doubts[f"{metric} may be incomplete: {without_tokens(status.message)}"] = None
            self.progress.update(f"reading points of {metric}", points)
        self.progress.update(f"reading points of {metric}", points, points)
        return list(doubts)

    def _pages(self, metric: str, period: Period, ended: Event) -> Iterator[RawResponse]:
        """Yield the raw responses.

        Raises:
            CallError: The metric cannot be read.
        """
        request = monitoring_v3.ListTimeSeriesRequest(
            name=f"projects/{self.project}",
            filter=f'metric.type = "{metric}"',
            interval={
                "start_time": {"seconds": int(period.start)},
                "end_time": {"seconds": int(period.end)},
            },
            view=monitoring_v3.ListTimeSeriesRequest.TimeSeriesView.FULL,
            page_size=self.page_size,
        )

        def attempt(timeout: float) -> RawResponse:
            pager = self.client.list_time_series(request, retry=None, timeout=timeout)
            page: RawResponse = monitoring_v3.ListTimeSeriesResponse.pb(next(iter(pager.pages)))
            return page

        while not ended.is_set():
            retries = Deadline.after(self.retry_seconds)
            try:
                response = call_with_retry(
                    attempt,
                    deadline=Deadline.after(self.retry_seconds + _ATTEMPT_SECONDS, ended),
                    longest=_ATTEMPT_SECONDS,
                    calls=Calls(),
                    again=partial(_should_retry, retries),
                )
            except Exception as error:
                # Cloud Monitoring does not know a metric before its first point.
                if isinstance(error, exceptions.NotFound) and _NO_METRIC in str(error.message):
                    return
                raise CallError(_explain(error, self.project)) from error
            yield response
            if not response.next_page_token:
                return
            request.page_token = response.next_page_token


def _should_retry(retries: Deadline, error: BaseException) -> bool:
    return is_transient(error) and retries.left > 0


def _explain(error: Exception, project: str) -> Failure:
    """Return what an error means, with a hint that does not mention config.yaml."""
    key = "endpoints.monitoring"
    failure = explain_call_error(error, Target(SERVICE, project, PERMISSION, ROLE, key))
    if not isinstance(error, exceptions.GoogleAPICallError):
        return failure
    later = "Try again later; see https://status.cloud.google.com if it lasts."
    if failure.kind is FailureKind.UNAVAILABLE:
        check, no_connection, _ = failure.hint.partition(f", and {key}")
        return replace(failure, hint=f"{check}." if no_connection else later)
    if failure.kind in {FailureKind.QUOTA, FailureKind.TIMED_OUT}:
        return replace(failure, hint=f"{later} Fewer --days read less.")
    if failure.kind in {FailureKind.NOT_FOUND, FailureKind.REFUSED}:
        hint = f"Check that {project} is the project that the exporter writes to."
        return replace(failure, hint=hint)
    return failure
