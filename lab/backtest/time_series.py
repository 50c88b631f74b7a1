"""Cloud Monitoring's time series as PromQL sees them.

A distribution becomes three series: a count, a sum, and how many values are below each bound.
https://cloud.google.com/monitoring/promql/promql-mapping
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from google.api import metric_pb2

from lab.policies.known_metrics import promql_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lab.backtest.raw_messages import RawBuckets, RawDistribution, RawSeries

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
    points: Points
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


@dataclass(frozen=True, slots=True)
class Distribution:
    """A value that is a distribution.

    Attributes:
        count: How many values there are.
        total: Their sum.
        bounds: The upper bounds of all buckets but the last, ascending.
        counts: Values in each bucket; trailing zeros may be missing.
    """

    count: float
    total: float
    bounds: tuple[float, ...]
    counts: tuple[float, ...]


def parse_distribution(message: RawDistribution) -> Distribution:
    """Return a raw google.api.Distribution as a value.

    Raises:
        DistributionError: It has too many buckets, or their bounds are no numbers.
    """
    options = message.bucket_options
    kind = options.WhichOneof("options") or "explicit_buckets"
    buckets: RawBuckets = getattr(options, kind)
    explicit = kind == "explicit_buckets"
    count = len(buckets.bounds) if explicit else buckets.num_finite_buckets + 1
    if count > _MOST_BUCKETS:
        raise DistributionError(f"has {count:,} buckets; at most {_MOST_BUCKETS:,} are read")
    try:
        if explicit:
            bounds = tuple(buckets.bounds)
        elif kind == "linear_buckets":
            bounds = tuple(buckets.offset + buckets.width * number for number in range(count))
        else:
            bounds = tuple(buckets.scale * buckets.growth_factor**number for number in range(count))
    except (OverflowError, ZeroDivisionError):
        raise DistributionError("has bucket bounds beyond the largest number") from None
    counts = tuple(map(float, message.bucket_counts))
    return Distribution(float(message.count), float(message.mean * message.count), bounds, counts)


@dataclass(slots=True)
class DistributionPoints:
    """The points of a distribution as those of the series that PromQL sees."""

    count: Points = field(default_factory=Points)
    total: Points = field(default_factory=Points)
    buckets: dict[str, Points] = field(default_factory=dict)

    def add(self, start: float, end: float, value: Distribution) -> None:
        """Add a point."""
        self.count.add(start, end, value.count)
        self.total.add(start, end, value.total)
        below = 0.0
        for index, bound in enumerate(value.bounds):
            below += value.counts[index] if index < len(value.counts) else 0.0
            self.buckets.setdefault(f"{bound:g}", Points()).add(start, end, below)
        self.buckets.setdefault("+Inf", Points()).add(start, end, value.count)

    def parts(self, whole: SeriesPart) -> Iterator[SeriesPart]:
        """Yield the series, each with the type and labels of the whole one."""
        yield replace(whole, points=self.count, suffix="_count")
        yield replace(whole, points=self.total, suffix="_sum")
        for bound, points in self.buckets.items():
            yield replace(whole, points=points, suffix="_bucket", bound=bound)


def series_parts(series: RawSeries) -> Iterator[SeriesPart]:
    """Yield what a raw google.monitoring.v3.TimeSeries is in PromQL; nothing for texts."""
    if not series.points or series.value_type not in _VALUE_FIELDS:
        return
    value_field = _VALUE_FIELDS[series.value_type]
    distributions, points = DistributionPoints(), Points()
    for point in series.points:
        start, end = point.interval.start_time, point.interval.end_time
        times = (start.seconds + start.nanos / 1e9, end.seconds + end.nanos / 1e9)
        value = getattr(point.value, value_field)
        if value_field == "distribution_value":
            distributions.add(*times, parse_distribution(value))
        else:
            points.add(*times, value)
    kind = metric_pb2.MetricDescriptor.MetricKind.Name(series.metric_kind)
    whole = SeriesPart(
        series.metric.type,
        GAUGE if kind == "METRIC_KIND_UNSPECIFIED" else kind,
        dict(series.metric.labels),
        series.resource.type,
        dict(series.resource.labels),
        points,
    )
    yield from distributions.parts(whole) if distributions.count else [whole]
