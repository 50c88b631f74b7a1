"""Reads back what earlier runs wrote of problems: the memory of a process that starts.

Source: https://cloud.google.com/monitoring/api/ref_v3/rpc/google.monitoring.v3
(ListTimeSeries).
"""

from collections import defaultdict
from itertools import product

from google.cloud import monitoring_v3

from exporter.google.calls import Calls, Deadline, list_pages
from exporter.google.errors import (
    CallError,
    FailureKind,
    is_unknown_metric,
)
from exporter.names import LocationName
from exporter.run.threads import map_in_threads
from exporter.steps.measure import MetricName, metrics
from exporter.steps.problems import Kind, ProblemPoint, ProblemPoints, Series

PERMISSION = "monitoring.timeSeries.list"
_LAST_SECONDS = 86_400  # how far back the last point of a series counts
# How far back all points count: the newest may not be visible to every run
_RECENT_SECONDS = 600
# Points in an answer: few calls, little memory
_PAGE = 20_000
_ALIGNER = monitoring_v3.Aggregation.Aligner.ALIGN_NEXT_OLDER

# Failures that the next run meets again; all others are in passing
REFUSALS = {FailureKind.API_DISABLED, FailureKind.PERMISSION_DENIED}

# The value of each series at each of its times, in unix seconds
_Values = defaultdict[Series, dict[int, int]]


def read_back(
    client: monitoring_v3.MetricServiceClient,
    project: str,
    timestamp: int,
    deadline: Deadline,
    calls: Calls,
) -> ProblemPoints:
    """Return what a project's own series tell of problems, oldest points first.

    These are all points of the last ten minutes, or the day's last one, before a run at
    ``timestamp``, in unix seconds. Raise CallError unless all could be read.
    """

    def values(query: tuple[MetricName, int]) -> _Values:
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
        pages = list_pages(
            client.list_time_series, request, (project, PERMISSION), deadline, calls
        )
        found: _Values = defaultdict(dict)
        try:
            for page in pages:
                for series in page.time_series:
                    labels = series.metric.labels
                    if labels["kind"] not in set(Kind):
                        continue  # an exporter before this one wrote no kind
                    at = series.resource.labels
                    name = LocationName(at["namespace"], at["location"])
                    key = labels["stream_id"], Kind(labels["kind"])
                    for point in series.points:
                        time = point.interval.end_time.seconds
                        found[name, key][time] = point.value.int64_value
        except CallError as error:
            if not is_unknown_metric(error.failure):
                raise
        return found

    queries: list[tuple[MetricName, int]] = list(
        product(
            ("stream/problem", "stream/problem_since"),
            (_LAST_SECONDS, _RECENT_SECONDS),
        )
    )
    last, recent, last_since, recent_since = map_in_threads(values, queries, 4)
    points: dict[Series, list[ProblemPoint]] = {}
    # Where there are recent points, they count alone.
    for series, of_series in (last | recent).items():
        since = recent_since[series]
        days_last = max(last_since[series].values(), default=0)
        points[series] = [
            ProblemPoint(time, value, since.get(time) or days_last or time)
            for time, value in sorted(of_series.items())
        ]
    return points
