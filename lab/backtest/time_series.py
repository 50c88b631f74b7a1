"""Cloud Monitoring's time series as PromQL sees them.

A distribution becomes three series: a count, a sum, and how many values are below each bound.
https://cloud.google.com/monitoring/promql/promql-mapping
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from typing import TYPE_CHECKING, Final

from google.api import metric_pb2

from lab.policies.promql import promql_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from lab.backtest.raw_messages import RawBuckets, RawDistribution, RawPoint, RawSeries

GAUGE: Final = "GAUGE"
DELTA: Final = "DELTA"
METRIC_KINDS = (GAUGE, DELTA, "CUMULATIVE")
"""google.api.MetricDescriptor.MetricKind."""

_ValueType = metric_pb2.MetricDescriptor.ValueType
_VALUE_FIELDS = {
    _ValueType.INT64: "int64_value",
    _ValueType.DOUBLE: "double_value",
    _ValueType.BOOL: "bool_value",
    _ValueType.DISTRIBUTION: "distribution_value",
}
"""Where a point's value is. PromQL has no texts."""

_MOST_BUCKETS = 2000
"""Of a distribution; Cloud Monitoring itself allows 200.
https://cloud.google.com/monitoring/quotas#custom_metrics_quotas"""


class DistributionError(ValueError):
    """A distribution cannot be shown in PromQL; ``str()`` says why."""


@dataclass(slots=True)
class Points:
    """Points of a series in columns: start and end in unix seconds, and value."""

    starts: array[float] = field(default_factory=lambda: array("d"))
    ends: array[float] = field(default_factory=lambda: array("d"))
    values: array[float] = field(default_factory=lambda: array("d"))

    def add(self, start: float, end: float, value: float) -> None:
        """Add a point."""
        self.starts.append(start)
        self.ends.append(end)
        self.values.append(value)

    def __len__(self) -> int:
        """Return how many points there are."""
        return len(self.ends)


@dataclass(frozen=True, slots=True)
class SeriesPart:
    """A series, or the part of it in a page or a line.

    Attributes:
        type: The metric's full type.
        kind: One of ``METRIC_KINDS``.
        labels: The metric labels.
        resource: The type of the monitored resource.
        resource_labels: The resource labels.
        points: The points, in any order.
        suffix: ``_count``, ``_sum`` or ``_bucket`` for a distribution.
        bound: The upper bound of a bucket, else empty.
    """

    type: str
    kind: str
    labels: Mapping[str, str]
    resource: str
    resource_labels: Mapping[str, str]
    points: Points = field(default_factory=Points)
    suffix: str = ""
    bound: str = ""

    @property
    def name(self) -> str:
        """The name in PromQL."""
        return promql_name(self.type) + self.suffix

    def promql_labels(self, project: str) -> dict[str, str]:
        """Return the labels in PromQL; ``project`` is for series that do not name theirs."""
        labels = dict(self.resource_labels)
        container = labels.get("resource_container", "").removeprefix("projects/")
        # A number is no project id.
        labels.setdefault("project_id", project if container.isdigit() else container or project)
        labels |= {
            f"metric_{key}" if key in labels else key: value for key, value in self.labels.items()
        }
        return (
            labels
            | ({"le": self.bound} if self.bound else {})
            | {"monitored_resource": self.resource}
        )


def with_points(
    series: SeriesPart, rows: Iterable[tuple[float, float, float | RawDistribution]]
) -> Iterator[SeriesPart]:
    """Yield a series with its points; the points of distributions as the series PromQL sees.

    Args:
        series: The series, without points.
        rows: The start, end and value of each point.

    Raises:
        DistributionError: A distribution cannot be shown in PromQL.
    """
    parts: dict[tuple[str, str], Points] = {}
    for start, end, value in rows:
        values = [("", "", value)] if isinstance(value, float) else _histogram(value)
        for suffix, bound, number in values:
            parts.setdefault((suffix, bound), Points()).add(start, end, number)
    for (suffix, bound), points in parts.items():
        yield replace(series, points=points, suffix=suffix, bound=bound)


def _histogram(message: RawDistribution) -> Iterator[tuple[str, str, float]]:
    """Yield a distribution's values: the suffix of the name, the bound if any, the value."""
    count = float(message.count)
    yield "_count", "", count
    yield "_sum", "", message.mean * count
    below = 0.0
    for bound, number in zip_longest(_bounds(message), message.bucket_counts, fillvalue=None):
        if bound is None:
            break
        # Trailing zeros may be missing.
        below += number or 0
        yield "_bucket", f"{bound:g}", below
    yield "_bucket", "+Inf", count


def _bounds(message: RawDistribution) -> Sequence[float]:
    """Return the upper bounds of all buckets but the last, ascending."""
    options = message.bucket_options
    kind = options.WhichOneof("options") or "explicit_buckets"
    buckets: RawBuckets = getattr(options, kind)
    explicit = kind == "explicit_buckets"
    count = len(buckets.bounds) if explicit else buckets.num_finite_buckets + 1
    if count > _MOST_BUCKETS:
        raise DistributionError(f"has {count:,} buckets; at most {_MOST_BUCKETS:,} are read")
    if explicit:
        return buckets.bounds
    try:
        if kind == "linear_buckets":
            return [buckets.offset + buckets.width * number for number in range(count)]
        return [buckets.scale * buckets.growth_factor**number for number in range(count)]
    except (OverflowError, ZeroDivisionError):
        raise DistributionError("has bucket bounds beyond the largest number") from None


def series_parts(series: RawSeries) -> Iterator[SeriesPart]:
    """Yield what a raw google.monitoring.v3.TimeSeries is in PromQL; nothing for texts.

    Raises:
        DistributionError: A distribution cannot be shown in PromQL.
    """
    if series.value_type not in _VALUE_FIELDS:
        return
    field = _VALUE_FIELDS[series.value_type]
    kind = metric_pb2.MetricDescriptor.MetricKind.Name(series.metric_kind)
    whole = SeriesPart(
        series.metric.type,
        GAUGE if kind == "METRIC_KIND_UNSPECIFIED" else kind,
        dict(series.metric.labels),
        series.resource.type,
        dict(series.resource.labels),
    )
    yield from with_points(whole, (_row(point, field) for point in series.points))


def _row(point: RawPoint, field: str) -> tuple[float, float, float | RawDistribution]:
    start, end = point.interval.start_time, point.interval.end_time
    value: float | RawDistribution = getattr(point.value, field)
    return (
        start.seconds + start.nanos / 1e9,
        end.seconds + end.nanos / 1e9,
        # Integers and truth values are numbers in PromQL.
        float(value) if isinstance(value, int) else value,
    )
