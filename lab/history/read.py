"""Reads points from Cloud Monitoring, page by page, as PromQL sees them.

https://cloud.google.com/monitoring/api/ref_v3/rest/v3/projects.timeSeries/list and
https://cloud.google.com/monitoring/promql/promql-mapping
"""

import itertools
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from operator import attrgetter
from threading import Event
from typing import Any

from google.api.metric_pb2 import MetricDescriptor
from google.api_core import exceptions
from google.cloud import monitoring_v3

from exporter.google.calls import Calls, Deadline, call_with_retry
from exporter.google.errors import CallError, explain_call_error, is_unknown_metric
from exporter.steps.measure import metrics
from exporter.text import printable
from lab.policies.files import Policy
from lab.policies.promql import known_series, promql_name
from lab.prove.incidents import round_up
from lab.simulate.series import DELAY_SECONDS, Series
from lab.timeline.spans import METRICS, Period

# Seconds until a point of the exporter can be read, typically: Cloud Monitoring does
# not keep when a point arrived.
# https://cloud.google.com/monitoring/api/v3/latency-n-retention
EXPORTER_DELAY = 5.0

_CONCURRENCY = 4
_PAGE_SECONDS = 90.0
_POINTS_PER_PAGE = 100_000  # the API's maximum (ListTimeSeriesRequest.page_size)
# Extra seconds to look back, for late points and for selectors without a range
_MARGIN = 600.0
# Read at a time, which bounds the memory: about 300,000 points of a metric of 1,000
# streams
_PART_SECONDS = 6 * 3600.0
# Seconds: an interval may start a moment after the end of the one before
_ADJACENT = 0.5

_Types = MetricDescriptor.ValueType
# What a point says, by the end of the series' name in PromQL
_NUMBERS: dict[int, dict[str, Callable[[Any], float]]] = {
    _Types.INT64: {"": attrgetter("int64_value")},
    _Types.DOUBLE: {"": attrgetter("double_value")},
    _Types.BOOL: {"": attrgetter("bool_value")},
    _Types.DISTRIBUTION: {
        "_count": attrgetter("distribution_value.count"),
        "_sum": lambda value: (
            value.distribution_value.count * value.distribution_value.mean
        ),
    },
}
# A series' name and labels in PromQL
SeriesKey = tuple[str, tuple[tuple[str, str], ...]]
# When a point's interval starts, and its value, by when the interval ends
_Points = dict[float, tuple[float, float]]


def visible_after(name: str) -> float:
    """Return how many seconds a point typically takes until it can be read.

    ``name`` is the metric's name in PromQL.
    """
    if name.startswith("custom_googleapis_com:"):
        return EXPORTER_DELAY
    return DELAY_SECONDS


def metrics_to_read(policies: Sequence[Policy]) -> tuple[list[str], float]:
    """Return the types of the metrics to read, and how many seconds earlier to begin.

    A policy that is off needs none. A metric that the lab does not know is left out:
    its type does not follow from its PromQL name.
    """
    types = {metrics()[name].type for name in METRICS}
    earlier = 0.0
    for policy in policies:
        query = policy.parsed_query
        if not (query and policy.enabled):
            continue
        window = round_up(policy.retest_window, policy.interval)
        earlier = max(earlier, query.look_back + window)
        for selector in query.selectors:
            known = known_series().get(selector.metric)
            if known:
                types.add(known.type)
    return sorted(types), earlier + _MARGIN


def periods(first: float, end: float) -> list[Period]:
    """Return the periods to read one after the other, from unix time ``first``."""
    parts = []
    while first < end:
        until = min(first + _PART_SECONDS, end)
        parts.append(Period(first, until))
        first = until
    return parts


@dataclass
class Reader:
    """Reads periods that follow each other."""

    client: monitoring_v3.MetricServiceClient
    project: str
    stop: Event
    # A sentence for each metric that may be incomplete
    doubts: set[str] = field(default_factory=set)
    # The total of each counter, and the end of its last increment
    _counters: dict[SeriesKey, tuple[float, float]] = field(default_factory=dict)

    def read(self, metrics: Collection[str], period: Period) -> list[Series]:
        """Return the series of metrics, by full type; not all of them after ``stop``.

        Raise CallError where one cannot be read.
        """
        with ThreadPoolExecutor(_CONCURRENCY, thread_name_prefix="read") as pool:
            parts = pool.map(self._metric, metrics, itertools.repeat(period))
            return [series for part in parts for series in part]

    def _metric(self, metric: str, period: Period) -> list[Series]:
        """Return a metric's series. Increments become a counter.

        It has a point at each start and end of an increment.
        """
        found: dict[SeriesKey, _Points] = {}
        is_delta = False
        for page in self._pages(metric, period):
            for series in page.time_series:
                numbers = _NUMBERS.get(series.value_type)
                if numbers is None:
                    self.doubts.add(
                        f"{metric} is left out: a back-test reads nothing but numbers"
                    )
                    continue
                is_delta = series.metric_kind == MetricDescriptor.MetricKind.DELTA
                name, labels = _key(series, self.project)
                for suffix, number in numbers.items():
                    points = found.setdefault((f"{name}{suffix}", labels), {})
                    for point in series.points:
                        start = _unix_seconds(point.interval.start_time)
                        end = _unix_seconds(point.interval.end_time)
                        points[end] = start, float(number(point.value))
            for status in page.execution_errors:
                self.doubts.add(
                    f"{metric} may be incomplete: {printable(status.message)}"
                )
        read = []
        for key, points in found.items():
            series = Series(*key)
            delay = visible_after(series.name)
            total, last_end = self._counters.get(key, (0.0, 0.0))
            for end, (start, value) in sorted(points.items()):
                if not is_delta:
                    series.add(end + delay, end, value)
                elif end > last_end:  # Both ends of a period are in it.
                    if start > last_end + _ADJACENT:
                        series.add(start + delay, start, total)
                    total += value
                    last_end = end
                    series.add(end + delay, end, total)
            self._counters[key] = total, last_end
            read.append(series)
        return read

    def _pages(self, metric: str, period: Period) -> Iterator[Any]:
        """Yield raw responses: wrapping each point would take many times longer."""
        request = monitoring_v3.ListTimeSeriesRequest(
            name=f"projects/{self.project}",
            filter=f'metric.type = "{metric}"',
            interval={
                "start_time": {"seconds": int(period.start)},
                "end_time": {"seconds": int(period.end)},
            },
            page_size=_POINTS_PER_PAGE,
        )

        def attempt(timeout: float) -> Any:
            pager = self.client.list_time_series(request, retry=None, timeout=timeout)
            return monitoring_v3.ListTimeSeriesResponse.pb(next(iter(pager.pages)))

        while not self.stop.is_set():
            deadline = Deadline.after(_PAGE_SECONDS, self.stop)
            what = f"ListTimeSeries {request.name}"
            try:
                page = call_with_retry(attempt, deadline, Calls(), what=what)
            except exceptions.GoogleAPICallError as error:
                failure = explain_call_error(
                    error, self.project, "monitoring.timeSeries.list"
                )
                if is_unknown_metric(failure):
                    return
                raise CallError(failure) from error
            yield page
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token


def _key(series: Any, project: str) -> SeriesKey:
    labels = dict(series.resource.labels)
    # Such a series most probably has no project_id in PromQL.
    if "resource_container" not in labels:
        labels.setdefault("project_id", project)
    for key, value in series.metric.labels.items():
        is_taken = key in series.resource.labels
        labels[f"metric_{key}" if is_taken else key] = value
    labels["monitored_resource"] = series.resource.type
    return promql_name(series.metric.type), tuple(sorted(labels.items()))


def _unix_seconds(timestamp: Any) -> float:
    return float(timestamp.ToNanoseconds() / 1e9)
