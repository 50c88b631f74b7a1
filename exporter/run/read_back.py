"""Reads back what earlier runs wrote of problems: the memory of a process that starts.

Source: https://cloud.google.com/monitoring/api/ref_v3/rpc/google.monitoring.v3
(ListTimeSeries).
"""

from array import array
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, TypeAlias

from google.cloud import monitoring_v3

from exporter.google.calls import Calls, Deadline, list_pages
from exporter.google.errors import (
    STATUS,
    CallError,
    Failure,
    FailureKind,
    is_unknown_metric,
)
from exporter.names import LocationName
from exporter.run.threads import map_in_threads
from exporter.steps.measure import MetricName, metrics
from exporter.steps.problems import Kind, ProblemPoint, Series

PERMISSION = "monitoring.timeSeries.list"
_LAST_SECONDS = 86_400  # how far back the last point of a series counts
# How far back all points count: the newest may not be visible to every run
_RECENT_SECONDS = 600
# Points in an answer: few calls, little memory
_PAGE = 20_000
_ALIGNER = monitoring_v3.Aggregation.Aligner.ALIGN_NEXT_OLDER

# Failures that the next run meets again; all others are in passing
REFUSALS = {FailureKind.API_DISABLED, FailureKind.PERMISSION_DENIED}

# The points of each series: a time and a value in turn, as plain numbers take the least
# memory
_Numbers: TypeAlias = dict[Series, "array[int]"]


def read_back(
    client: monitoring_v3.MetricServiceClient,
    project: str,
    timestamp: int,
    deadline: Deadline,
    calls: Calls,
) -> Iterator[tuple[Series, list[ProblemPoint]]]:
    """Return what a project's own series tell of problems, oldest points first.

    These are all points of the last ten minutes, or the day's last one, before a run at
    ``timestamp``, in unix seconds. Raise CallError unless all could be read.
    """
    # Each name is kept once.
    names: dict[Any, Any] = {}

    def numbers(query: tuple[MetricName, int]) -> _Numbers:
        """Return each series' points of the last ten minutes, or the day's last one."""
        metric, seconds = query
        request = monitoring_v3.ListTimeSeriesRequest.pb()(
            name=f"projects/{project}",
            # Of a scoping project, the list has the series of other projects as well.
            filter=f'metric.type = "{metrics()[metric].type}" AND'
            f' resource.labels.project_id = "{project}"',
            page_size=_PAGE,
        )
        request.interval.start_time.seconds = timestamp - seconds
        request.interval.end_time.seconds = timestamp
        if seconds == _LAST_SECONDS:
            request.aggregation.alignment_period.seconds = seconds
            request.aggregation.per_series_aligner = _ALIGNER
        needs = (project, PERMISSION)
        method = client.list_time_series
        pages = list_pages(method, request, needs, deadline, calls)
        found: _Numbers = defaultdict(lambda: array("q"))
        try:
            for page in pages:
                _add_numbers(page, found, names)
        except CallError as error:
            if not is_unknown_metric(error.failure):
                raise
        return found

    queries: list[tuple[MetricName, int]] = [
        ("stream/problem", _LAST_SECONDS),
        ("stream/problem", _RECENT_SECONDS),
        ("stream/problem_since", _LAST_SECONDS),
        ("stream/problem_since", _RECENT_SECONDS),
    ]
    last, recent, last_since, recent_since = map_in_threads(numbers, queries, 4)
    nothing = array("q")

    def points() -> Iterator[tuple[Series, list[ProblemPoint]]]:
        # Where there are recent points, they count alone.
        for series, of_series in (last | recent).items():
            since = _by_time(recent_since.get(series, nothing))
            last_of = _by_time(last_since.get(series, nothing))
            days_last = max(last_of.values(), default=0)
            told = [
                ProblemPoint(time, value, since.get(time) or days_last or time)
                for time, value in sorted(_by_time(of_series).items())
            ]
            yield series, told

    return points()


def _by_time(numbers: "array[int]") -> dict[int, int]:
    return dict(zip(numbers[::2], numbers[1::2], strict=True))


def _add_numbers(
    page: Any,
    found: _Numbers,
    names: dict[Any, Any],
) -> None:
    """Add the points of an answer."""
    if page.execution_errors:
        text = "Cloud Monitoring could not read all series"
        raise CallError(Failure(FailureKind.UNREACHABLE, text, f"{STATUS}."))
    for series in page.time_series:
        labels = series.metric.labels
        if labels["kind"] not in set(Kind):
            continue  # an exporter before this one wrote no kind
        at = series.resource.labels
        name = LocationName(at["namespace"], at["location"])
        name = names.setdefault(name, name)
        key = name, (labels["stream_id"], Kind(labels["kind"]))
        numbers = found[names.setdefault(key, key)]
        for point in series.points:
            numbers.append(point.interval.end_time.seconds)
            numbers.append(point.value.int64_value)
