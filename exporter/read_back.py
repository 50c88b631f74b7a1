"""Reads back what earlier runs wrote of problems: the memory of a process that starts.

Source: https://cloud.google.com/monitoring/api/ref_v3/rpc/google.monitoring.v3
(ListTimeSeries).
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from google.cloud import monitoring_v3

from exporter.config import Config
from exporter.google.calls import Calls, Deadline
from exporter.google.clients import Clients
from exporter.google.errors import STATUS, CallError, Failure, FailureKind
from exporter.measure import PROBLEM, PROBLEM_SINCE, Metric
from exporter.memory import Memory
from exporter.names import LocationName, StreamName
from exporter.problems import (
    LocationProblems,
    Problem,
    ProblemPoint,
    last_problem,
    merge_groups,
)
from exporter.read import attempt, list_pages

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

# The values of each stream's series, by unix time
_Series: TypeAlias = Mapping[StreamName, Mapping[int, int]]


def recall(
    clients: Clients,
    config: Config,
    memory: Memory,
    timestamp: int,
    deadline: Deadline,
    calls: Calls,
) -> Failure | None:
    """Give a process the problems that earlier runs wrote; return why that failed.

    Where Google refuses it for good, every problem is alone from now on, until a later
    run is let: more pages, and no silence.
    """
    if memory.problems is not None and not memory.problems_refused:
        return None
    found = attempt(
        lambda: read_back(clients, config, timestamp, deadline, calls), deadline
    )
    if not isinstance(found, Failure):
        memory.problems, memory.problems_refused = found, False
        return None
    if memory.problems is None and found.kind in _FOR_GOOD:
        memory.problems, memory.problems_refused = {}, True
    return found


def read_back(
    clients: Clients, config: Config, timestamp: int, deadline: Deadline, calls: Calls
) -> dict[LocationName, LocationProblems]:
    """Return the problems of each location before a run; raise CallError.

    ``timestamp`` is the run's unix time.
    """

    def series(metric: Metric, seconds: int, *, aligned: bool) -> _Series:
        request = _request(config, metric, timestamp, seconds, aligned=aligned)
        return _values(clients.monitoring.list_time_series, request, deadline, calls)

    found: dict[LocationName, dict[str, Problem]] = defaultdict(dict)
    last = series(PROBLEM, _LAST_SECONDS, aligned=True)
    last_since = series(PROBLEM_SINCE, _LAST_SECONDS, aligned=True)
    recent = series(PROBLEM, _RECENT_SECONDS, aligned=False)
    recent_since = series(PROBLEM_SINCE, _RECENT_SECONDS, aligned=False)
    for name in last.keys() | recent.keys():
        values, since = last.get(name, {}), last_since.get(name, {})
        if name in recent:
            values, since = recent[name], recent_since.get(name, {})
        problem = last_problem(
            ProblemPoint(time, value, since.get(time, time))
            for time, value in values.items()
        )
        if problem is not None:
            found[name.location_name][name.stream] = problem
    return {
        name: LocationProblems(merge_groups(problems, config.grouping))
        for name, problems in found.items()
    }


def _request(
    config: Config, metric: Metric, end: int, seconds: int, *, aligned: bool
) -> Any:
    request = monitoring_v3.ListTimeSeriesRequest.pb()(
        name=f"projects/{config.metrics.project}",
        filter=f'metric.type = "{metric.type}"',
        page_size=_PAGE,
    )
    request.interval.start_time.seconds = end - seconds
    request.interval.end_time.seconds = end
    if aligned:
        request.aggregation.alignment_period.seconds = seconds
        request.aggregation.per_series_aligner = _ALIGNER
    return request


def _values(
    method: Callable[..., Any], request: Any, deadline: Deadline, calls: Calls
) -> _Series:
    """Return the values of each stream that a request asks for."""
    found: dict[StreamName, dict[int, int]] = defaultdict(dict)
    needs = (request.name.removeprefix("projects/"), PERMISSION)
    for answer in list_pages(method, request, needs, deadline, calls):
        if answer.execution_errors:
            text = "Cloud Monitoring could not read all series"
            raise CallError(Failure(FailureKind.UNREACHABLE, text, f"{STATUS}."))
        for series in answer.time_series:
            labels = series.resource.labels
            name = StreamName(
                labels["namespace"],
                labels["location"],
                series.metric.labels["stream_id"],
            )
            for point in series.points:
                time = point.interval.end_time.seconds
                found[name][time] = point.value.int64_value
    return found
