"""Reading history: the points of whole days from Cloud Monitoring, page by page.

Nothing is aligned: the points come as they were written.
https://cloud.google.com/monitoring/api/ref_v3/rest/v3/projects.timeSeries/list
"""

from __future__ import annotations

import threading
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from google.api import metric_pb2
from google.api_core import exceptions
from google.cloud import monitoring_v3

from exporter.gcp.deadline import Deadline
from exporter.gcp.errors import CallError, Failure, FailureKind, Target, explain_call_error
from exporter.gcp.retry import Calls, call_with_retry, is_transient
from exporter.write.writer import SERVICE
from lab.backtest.distributions import Parts, distribution_of
from lab.backtest.history import GAUGE, Piece, Points

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from threading import Event

    from exporter.progress import Progress
    from lab.backtest.history import History

PERMISSION = "monitoring.timeSeries.list"
ROLE = "roles/monitoring.viewer"

POINTS_A_PAGE = 100_000
"""The most that the API gives (ListTimeSeriesRequest.page_size)."""

_AT_ONCE = 4
_TRY_SECONDS = 90.0
"""For one try of a page: the client's own default for this method."""
_PATIENCE_SECONDS = 45.0
_LOOK_SECONDS = 0.1

_NO_METRIC = "Cannot find metric"
"""In what a refusal says of a metric that nobody has written: an observed text, matched by part."""

_Type = metric_pb2.MetricDescriptor.ValueType
_FIELDS = {
    _Type.INT64: "int64_value",
    _Type.DOUBLE: "double_value",
    _Type.BOOL: "bool_value",
    _Type.DISTRIBUTION: "distribution_value",
}
"""Where a value is; texts are for no query."""


class Span(NamedTuple):
    """From when until when points are read, in unix seconds, both included."""

    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Source:
    """Where history is read.

    Attributes:
        client: Google's client.
        project: The metrics project.
        calls: Where calls are counted.
        stop: Set when somebody asks to stop.
        progress: Receives how many points of each metric are read.
        keep: Given each series as it came, by any thread.
        page_size: Points in a page.
        end: Ends the calls under way.
        patience: Seconds after which a page that is refused is not asked for again.
    """

    client: monitoring_v3.MetricServiceClient
    project: str
    calls: Calls
    stop: Event
    progress: Progress
    keep: Callable[[Any], None] = lambda _series: None
    page_size: int = POINTS_A_PAGE
    end: Callable[[], None] = lambda: None
    patience: float = _PATIENCE_SECONDS


def read_history(source: Source, wanted: Mapping[str, Span], into: History) -> tuple[str, ...]:
    """Read metrics, some at once; after ``stop`` what was not read by then is missing.

    Args:
        source: Where they are read.
        wanted: What is read: the metrics' full types, each with its time.
        into: Where the points go.

    Returns:
        A sentence for each metric of which the answer may not be whole.

    Raises:
        CallError: One of them cannot be read.
    """
    ending = threading.Event()
    refused: list[BaseException] = []
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="read") as pool:
        reading = [
            pool.submit(_read_metric, source, metric, span, into, ending)
            for metric, span in wanted.items()
        ]
        left = set(reading)
        while left:
            finished, left = wait(left, timeout=_LOOK_SECONDS, return_when=FIRST_EXCEPTION)
            refused += [error for each in finished if (error := each.exception())]
            if (source.stop.is_set() or refused) and not ending.is_set():
                # The first refusal says what is wrong; the others would only take their time.
                ending.set()
                source.end()
    if source.stop.is_set():
        return ()
    if refused:
        raise refused[0]
    return tuple(sentence for each in reading for sentence in each.result())


def _read_metric(
    source: Source, metric: str, span: Span, into: History, ending: Event
) -> list[str]:
    doubts: dict[str, None] = {}
    points = 0
    for answer in _pages(source, metric, span, ending):
        for series in answer.time_series:
            source.keep(series)
            points += len(series.points)
            for piece in pieces_of(series):
                into.add(piece)
        for error in answer.execution_errors:
            doubts[f"{metric} may not be read whole: {error.message}"] = None
        source.progress.update(f"reading points of {metric}", points)
    source.progress.update(f"reading points of {metric}", points, points)
    return list(doubts)


def _pages(source: Source, metric: str, span: Span, ending: Event) -> Iterator[Any]:
    """Yield the raw answers.

    Raises:
        CallError: The metric cannot be read.
    """
    request = monitoring_v3.ListTimeSeriesRequest(
        name=f"projects/{source.project}",
        filter=f'metric.type = "{metric}"',
        interval={
            "start_time": {"seconds": int(span.start)},
            "end_time": {"seconds": int(span.end)},
        },
        view=monitoring_v3.ListTimeSeriesRequest.TimeSeriesView.FULL,
        page_size=source.page_size,
    )

    def attempt(timeout: float) -> Any:
        pager = source.client.list_time_series(request, retry=None, timeout=timeout)
        return monitoring_v3.ListTimeSeriesResponse.pb(next(iter(pager.pages)))

    while not ending.is_set():
        patient = Deadline.after(source.patience)
        try:
            answer = call_with_retry(
                attempt,
                deadline=Deadline.after(source.patience + _TRY_SECONDS, ending),
                longest=_TRY_SECONDS,
                calls=source.calls,
                again=partial(_again, patient),
            )
        except exceptions.NotFound as error:
            # What was never written is unknown to Cloud Monitoring.
            if _NO_METRIC in str(error.message):
                return
            raise CallError(_failure(error, source.project)) from error
        except Exception as error:
            raise CallError(_failure(error, source.project)) from error
        yield answer
        if not answer.next_page_token:
            return
        request.page_token = answer.next_page_token


def _again(patient: Deadline, error: BaseException) -> bool:
    return is_transient(error) and patient.left > 0


def pieces_of(series: Any) -> Iterator[Piece]:
    """Yield what a raw google.monitoring.v3.TimeSeries holds, as PromQL sees it."""
    if not series.points or series.value_type not in _FIELDS:
        return
    field = _FIELDS[series.value_type]
    parts, points = Parts(), Points()
    for point in series.points:
        start, end = point.interval.start_time, point.interval.end_time
        at = (start.seconds + start.nanos / 1e9, end.seconds + end.nanos / 1e9)
        value = getattr(point.value, field)
        if field == "distribution_value":
            parts.add(*at, distribution_of(value))
        else:
            points.add(*at, value)
    kind = metric_pb2.MetricDescriptor.MetricKind.Name(series.metric_kind)
    whole = Piece(
        series.metric.type,
        GAUGE if kind == "METRIC_KIND_UNSPECIFIED" else kind,
        dict(series.metric.labels),
        series.resource.type,
        dict(series.resource.labels),
        points,
    )
    if field == "distribution_value":
        yield from parts.pieces(whole)
    else:
        yield whole


def _failure(error: Exception, project: str) -> Failure:
    """Return what a refusal means, with a hint that asks for no config.yaml."""
    failure = explain_call_error(error, Target(SERVICE, project, PERMISSION, ROLE, _NO_KEY))
    if not isinstance(error, exceptions.GoogleAPICallError):
        return failure
    if failure.kind is FailureKind.UNAVAILABLE:
        check, connects_not, _ = failure.hint.partition(f", and {_NO_KEY}")
        return replace(failure, hint=f"{check}." if connects_not else _LATER)
    hint = _HINTS.get(failure.kind)
    return replace(failure, hint=hint.format(project)) if hint else failure


_NO_KEY = "endpoints.monitoring"
_LATER = "Try again later; see https://status.cloud.google.com if it lasts."
_HINTS = {
    FailureKind.NOT_FOUND: "Check that {} is the project that the exporter writes to.",
    FailureKind.QUOTA: f"{_LATER} Fewer --days ask for less.",
    FailureKind.TIMED_OUT: f"{_LATER} Fewer --days ask for less.",
    FailureKind.REFUSED: "Check that {} is the project that the exporter writes to.",
}
