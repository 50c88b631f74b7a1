"""Reads back what earlier runs wrote of problems: the memory of a process that starts.

Source: https://cloud.google.com/monitoring/api/ref_v3/rpc/google.monitoring.v3
(ListTimeSeries).
"""

from collections import defaultdict
from collections.abc import Mapping
from typing import TypeAlias

from google.cloud import monitoring_v3

from exporter.google.errors import STATUS, CallError, Failure, FailureKind
from exporter.names import LocationName, StreamName
from exporter.run.run_parts import RunParts
from exporter.steps.measure import PROBLEM, PROBLEM_SINCE, Metric
from exporter.steps.problems import (
    LocationProblems,
    Problem,
    ProblemPoint,
    last_problem,
    merge_groups,
)
from exporter.steps.read import attempt, list_pages

PERMISSION = "monitoring.timeSeries.list"
_LAST_SECONDS = 86_400  # how far back the last point of a series counts
# How far back all points count: the newest may not be visible to every run
_RECENT_SECONDS = 600
_PAGE = 10_000  # points in an answer
_ALIGNER = monitoring_v3.Aggregation.Aligner.ALIGN_NEXT_OLDER

_FOR_GOOD = {
    FailureKind.API_DISABLED,
    FailureKind.PERMISSION_DENIED,
    FailureKind.NOT_FOUND,
    FailureKind.REFUSED,
}

# Part of the error for a metric that was never written, as observed
_NO_METRIC = "Cannot find metric"

# The values of each stream's series, by unix time
_Series: TypeAlias = Mapping[StreamName, Mapping[int, int]]


def recall(parts: RunParts) -> None:
    """Give a process the problems that earlier runs wrote.

    Where Google refuses it for good, every problem is alone from now on, until a later
    run is let: more pages, and no silence.
    """
    memory, failure = parts.memory, None
    if not memory.recalled or memory.problems_refused:
        found = attempt(lambda: _read_back(parts), parts.deadlines.early)
        if not isinstance(found, Failure):
            memory.problems = found
            memory.recalled, memory.problems_refused = True, False
        else:
            failure = found
            if not memory.recalled and found.kind in _FOR_GOOD:
                memory.recalled = memory.problems_refused = True
    parts.recalled.set_result(failure)


def _read_back(parts: RunParts) -> dict[LocationName, LocationProblems]:
    """Return the problems of each location before a run; raise CallError."""
    found: dict[LocationName, dict[str, Problem]] = defaultdict(dict)
    last = _values(parts, PROBLEM, _LAST_SECONDS, aligned=True)
    last_since = _values(parts, PROBLEM_SINCE, _LAST_SECONDS, aligned=True)
    recent = _values(parts, PROBLEM, _RECENT_SECONDS)
    recent_since = _values(parts, PROBLEM_SINCE, _RECENT_SECONDS)
    # Where there are recent points, they count alone.
    all_since = {**last_since, **recent_since}
    for name, values in {**last, **recent}.items():
        since = all_since.get(name, {})
        problem = last_problem(
            ProblemPoint(time, value, since.get(time, time))
            for time, value in values.items()
        )
        if problem is not None:
            found[name.location_name][name.stream] = problem
    grouping = parts.config.grouping
    return {
        name: LocationProblems(merge_groups(problems, grouping))
        for name, problems in found.items()
    }


def _values(
    parts: RunParts, metric: Metric, seconds: int, *, aligned: bool = False
) -> _Series:
    """Return each stream's values in the last seconds; if aligned, the last one."""
    project, end = parts.config.metrics.project, parts.timestamp
    request = monitoring_v3.ListTimeSeriesRequest.pb()(
        name=f"projects/{project}",
        filter=f'metric.type = "{metric.type}"',
        page_size=_PAGE,
    )
    request.interval.start_time.seconds = end - seconds
    request.interval.end_time.seconds = end
    if aligned:
        request.aggregation.alignment_period.seconds = seconds
        request.aggregation.per_series_aligner = _ALIGNER
    found: dict[StreamName, dict[int, int]] = defaultdict(dict)
    answers = list_pages(
        parts.api.clients.monitoring.list_time_series,
        request,
        (project, PERMISSION),
        parts.deadlines.early,
        parts.api.calls,
    )
    try:
        pages = list(answers)
    except CallError as error:
        if _NO_METRIC not in error.failure.message:
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
