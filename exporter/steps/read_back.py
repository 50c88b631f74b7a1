"""Reads back what earlier runs wrote of problems: the memory of a process that starts.

Source: https://cloud.google.com/monitoring/api/ref_v3/rpc/google.monitoring.v3
(ListTimeSeries).
"""

import sys
from collections import defaultdict
from itertools import product
from typing import Any

from google.cloud import monitoring_v3

from exporter.google.calls import Calls, Deadline, attempt, list_pages
from exporter.google.clients import Clients
from exporter.google.errors import CallError, Failure, FailureKind, is_unknown_metric
from exporter.logger import LOGGER
from exporter.names import LocationName
from exporter.steps.measure import MetricName, metrics
from exporter.steps.problems import EarlierProblems, Key, Kind, ProblemPoint
from exporter.text import plural

PERMISSION = "monitoring.timeSeries.list"
# How far back all points count: the newest may not be visible to every run, and a
# number may have been had ten minutes ago
_RECENT_SECONDS = 601
_BEFORE_SECONDS = 86_400 - 600  # how far back from there the last one counts
_MOST_POINTS = 20_000  # in an answer: few calls, little memory
_FIRST_WAIT_SECONDS = 0.5  # until it is tried again
_NEXT_OLDER = monitoring_v3.Aggregation.Aligner.ALIGN_NEXT_OLDER

# Failures that the next run meets again; all others are in passing
REFUSALS = {FailureKind.API_DISABLED, FailureKind.PERMISSION_DENIED}

# The four lists: of each metric, the recent points and the last ones before them
_METRICS: tuple[MetricName, ...] = ("stream/problem", "stream/problem_since")
_LISTS = tuple(product(_METRICS, (True, False)))

# The value of each series at each of its times, in unix seconds
_Values = defaultdict[tuple[LocationName, Key], dict[int, int]]


def read_back(
    clients: Clients, project: str, timestamp: int, deadline: Deadline, calls: Calls
) -> EarlierProblems | Failure:
    """Return what a project's own series tell of problems before a run, or why not.

    The run is at ``timestamp``, in unix seconds. What fails in passing is tried again
    until the deadline.
    """
    numbers: dict[int, int] = {}  # each once, as there are very many that are equal

    def list_values(what: tuple[MetricName, bool]) -> _Values:
        """Return all recent values of a metric, or each series' last one before."""
        metric, recent = what
        type_ = metrics()[metric].type
        start, end, aggregation = timestamp - _RECENT_SECONDS, timestamp, {}
        if not recent:
            start, end = start - _BEFORE_SECONDS, start
            aggregation = {
                "alignment_period": {"seconds": _BEFORE_SECONDS},
                "per_series_aligner": _NEXT_OLDER,
            }
        request = monitoring_v3.ListTimeSeriesRequest.pb()(
            name=f"projects/{project}",
            # Of a scoping project, the list has the series of other projects as well.
            filter=f'metric.type = "{type_}" AND'
            f' resource.labels.project_id = "{project}"',
            interval={"start_time": {"seconds": start}, "end_time": {"seconds": end}},
            aggregation=aggregation,
            page_size=_MOST_POINTS,
        )
        values: _Values = defaultdict(dict)
        pages = list_pages(
            clients.monitoring.list_time_series, request, PERMISSION, deadline, calls
        )
        try:
            for page in pages:
                for series in page.time_series:
                    _add_points(series, values, numbers)
        except CallError as error:
            if not is_unknown_metric(error.failure):
                raise
        return values

    def list_all() -> EarlierProblems:
        try:
            with clients.pool(len(_LISTS), "list") as pool:
                found = list(pool.map(list_values, _LISTS))
        except RuntimeError:
            # No other thread can be started, so this one lists them all.
            found = list(map(list_values, _LISTS))
        return _join(*found)

    wait = _FIRST_WAIT_SECONDS
    while True:
        found = attempt(list_all, deadline, calls)
        if not isinstance(found, Failure) or found.kind in REFUSALS:
            return found
        wait = max(wait, found.retry_seconds)
        if deadline.left < wait or deadline.stop.wait(wait):
            return found
        wait *= 2


def _add_points(series: Any, values: _Values, numbers: dict[int, int]) -> None:
    """Add the points of a listed series; an exporter before this one wrote no kind."""
    kind = series.metric.labels["kind"]
    if kind in set(Kind):
        labels = series.resource.labels
        name = LocationName(labels["namespace"], labels["location"])
        # Equal ids are one object, too.
        stream = sys.intern(series.metric.labels["stream_id"])
        of_series = values[name, (stream, Kind(kind))]
        for point in series.points:
            seconds, value = point.interval.end_time.seconds, point.value.int64_value
            seconds = numbers.setdefault(seconds, seconds)
            of_series[seconds] = numbers.setdefault(value, value)


def _join(
    recent: _Values, before: _Values, since_recent: _Values, since_before: _Values
) -> EarlierProblems:
    """Yield the points of each problem; warn of values that no exporter writes."""
    impossible: list[str] = []
    for series in before.keys() | recent.keys():
        name, (stream, kind) = series
        since = since_before[series] | since_recent[series]
        points = []
        for time, value in (before[series] | recent[series]).items():
            # A beginning that isn't visible yet is the point's own time.
            point = ProblemPoint(time, value, since.get(time, time))
            if point.can_be(kind):
                points.append(point)
            else:
                impossible.append(f"{value} of {name.stream(stream)} ({kind})")
        yield *series, sorted(points)
    if impossible:
        LOGGER.warning(
            "%s of stream/problem left out, as the exporter writes no such value: %s."
            " Does something else write this metric?",
            plural(len(impossible), "point"),
            impossible[0],
        )
