"""Reads back what earlier runs wrote of problems: the memory of a process that starts.

Source: https://cloud.google.com/monitoring/api/ref_v3/rpc/google.monitoring.v3
(ListTimeSeries).
"""

from collections import defaultdict
from collections.abc import Mapping
from typing import TypeAlias

from google.cloud import monitoring_v3

from exporter.google.calls import Calls, Deadline, list_pages
from exporter.google.errors import (
    STATUS,
    CallError,
    Failure,
    FailureKind,
    is_unknown_metric,
)
from exporter.names import LocationName, StreamName
from exporter.steps.measure import MetricName, metrics
from exporter.steps.problems import Problem, ProblemPoint, last_problem

PERMISSION = "monitoring.timeSeries.list"
_LAST_SECONDS = 86_400  # how far back the last point of a series counts
# How far back all points count: the newest may not be visible to every run
_RECENT_SECONDS = 600
_PAGE = 10_000  # points in an answer
_ALIGNER = monitoring_v3.Aggregation.Aligner.ALIGN_NEXT_OLDER

# Failures that the next run meets again
REFUSALS = {
    FailureKind.API_DISABLED,
    FailureKind.PERMISSION_DENIED,
    FailureKind.NOT_FOUND,
    FailureKind.REFUSED,
}

# The values of each stream's series, by unix time
_Series: TypeAlias = Mapping[StreamName, Mapping[int, int]]


def read_back(
    client: monitoring_v3.MetricServiceClient,
    project: str,
    timestamp: int,
    deadline: Deadline,
    calls: Calls,
) -> dict[LocationName, dict[str, Problem]]:
    """Return the problems that a project's series tell of before a run.

    ``timestamp`` is the run's, in unix seconds; the keys are locations and stream ids.
    Raise CallError unless all could be read.
    """

    def values(metric: MetricName, seconds: int, *, aligned: bool = False) -> _Series:
        """Return each stream's values in the last seconds; if aligned, the last one."""
        request = monitoring_v3.ListTimeSeriesRequest.pb()(
            name=f"projects/{project}",
            filter=f'metric.type = "{metrics()[metric].type}"',
            page_size=_PAGE,
        )
        request.interval.start_time.seconds = timestamp - seconds
        request.interval.end_time.seconds = timestamp
        if aligned:
            request.aggregation.alignment_period.seconds = seconds
            request.aggregation.per_series_aligner = _ALIGNER
        needs = (project, PERMISSION)
        answers = list_pages(
            client.list_time_series,
            request,
            needs,
            deadline,
            calls,
        )
        found: dict[StreamName, dict[int, int]] = defaultdict(dict)
        try:
            pages = list(answers)
        except CallError as error:
            if not is_unknown_metric(error.failure):
                raise
            return found
        for page in pages:
            if page.execution_errors:
                text = "Cloud Monitoring could not read all series"
                raise CallError(Failure(FailureKind.UNREACHABLE, text, f"{STATUS}."))
            for series in page.time_series:
                labels = series.resource.labels
                stream = series.metric.labels["stream_id"]
                name = StreamName(labels["namespace"], labels["location"], stream)
                for point in series.points:
                    time = point.interval.end_time.seconds
                    found[name][time] = point.value.int64_value
        return found

    last = values("stream/problem", _LAST_SECONDS, aligned=True)
    last_since = values("stream/problem_since", _LAST_SECONDS, aligned=True)
    recent = values("stream/problem", _RECENT_SECONDS)
    recent_since = values("stream/problem_since", _RECENT_SECONDS)
    problems: dict[LocationName, dict[str, Problem]] = defaultdict(dict)
    # Where there are recent points, they count alone.
    all_since = {**last_since, **recent_since}
    for name, by_time in {**last, **recent}.items():
        since = all_since.get(name, {})
        problem = last_problem(
            ProblemPoint(time, value, since.get(time, time))
            for time, value in by_time.items()
        )
        if problem is not None:
            problems[name.location_name][name.stream] = problem
    return problems
