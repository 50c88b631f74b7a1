"""Reads a metric's series from Cloud Monitoring, as PromQL sees them.

https://cloud.google.com/monitoring/api/ref_v3/rest/v3/projects.timeSeries/list and
https://cloud.google.com/monitoring/promql/promql-mapping
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from operator import attrgetter
from typing import Any

from google.api.metric_pb2 import MetricDescriptor
from google.cloud import monitoring_v3

from exporter.google.calls import Calls, Deadline, list_pages
from exporter.google.errors import CallError, is_unknown_metric
from lab.policies.files import Policy
from lab.policies.promql import known_series, promql_name
from lab.simulate.series import Series
from lab.verify.target import Target

_LIST_SECONDS = 120.0  # for all points of a metric
_POINTS_PER_PAGE = 100_000  # the API's maximum (ListTimeSeriesRequest.page_size)
# Extra seconds to look back, for late points and for selectors without a range
_MARGIN = 600
# Seconds: an interval may start a moment after the end of the one before
_ADJACENT = 0.5

_Types = MetricDescriptor.ValueType
# What a point says, by the end of the series' name in PromQL
_NUMBERS: dict[int, dict[str, Callable[[Any], float]]] = {
    _Types.INT64: {"": attrgetter("int64_value")},
    _Types.DOUBLE: {"": attrgetter("double_value")},
    _Types.DISTRIBUTION: {
        "_count": attrgetter("distribution_value.count"),
        "_sum": lambda value: (
            value.distribution_value.count * value.distribution_value.mean
        ),
    },
}
# A series' name and labels in PromQL
_Key = tuple[str, tuple[tuple[str, str], ...]]
# When a point's interval starts, and its value, by when the interval ends
_Points = dict[float, tuple[float, float]]


def seconds_to_read(policies: Iterable[Policy]) -> dict[str, int]:
    """Return how far back the policies' queries look, by the type of each metric.

    A metric that the lab does not know is left out: its type does not follow from its
    PromQL name.
    """
    found: dict[str, int] = {}
    for policy in policies:
        query = policy.parsed_query
        if not query:
            continue
        seconds = query.look_back + _MARGIN
        for selector in query.selectors:
            known = known_series().get(selector.metric)
            if known:
                found[known.type] = max(seconds, found.get(known.type, 0))
    return found


def read_series(target: Target, metric: str, start: float, end: float) -> list[Series]:
    """Return a metric's series, by its full type; raise CallError if any is missing.

    Increments become a counter, with a point at each start and end of an increment.
    """
    found: dict[_Key, _Points] = defaultdict(dict)
    is_delta = False
    for page in _pages(target, metric, start, end):
        for listed in page.time_series:
            is_delta = listed.metric_kind == MetricDescriptor.MetricKind.DELTA
            name, labels = _key(listed)
            for suffix, number in _NUMBERS[listed.value_type].items():
                points = found[f"{name}{suffix}", labels]
                for point in listed.points:
                    begins = _unix_seconds(point.interval.start_time)
                    ends = _unix_seconds(point.interval.end_time)
                    points[ends] = begins, float(number(point.value))
    read = []
    for key, points in found.items():
        series = Series(*key)
        total = last = 0.0
        for ends, (begins, value) in sorted(points.items()):
            if not is_delta:
                series.add(ends, ends, value)
                continue
            if begins > last + _ADJACENT:
                series.add(begins, begins, total)
            total += value
            last = ends
            series.add(ends, ends, total)
        read.append(series)
    return read


def _pages(target: Target, metric: str, start: float, end: float) -> Iterator[Any]:
    """Yield raw responses; none of a metric that was never written."""
    request = monitoring_v3.ListTimeSeriesRequest.pb()(
        name=f"projects/{target.project}",
        filter=f'metric.type = "{metric}"',
        interval={
            "start_time": {"seconds": int(start)},
            "end_time": {"seconds": int(end)},
        },
        page_size=_POINTS_PER_PAGE,
    )
    try:
        yield from list_pages(
            target.clients.monitoring.list_time_series,
            request,
            "monitoring.timeSeries.list",
            Deadline.after(_LIST_SECONDS, target.stop),
            Calls(),
        )
    except CallError as error:
        if not is_unknown_metric(error.failure):
            raise


def _key(series: Any) -> _Key:
    labels = {**series.resource.labels, **series.metric.labels}
    labels["monitored_resource"] = series.resource.type
    return promql_name(series.metric.type), tuple(sorted(labels.items()))


def _unix_seconds(timestamp: Any) -> float:
    return float(timestamp.ToNanoseconds() / 1e9)
