"""Types of the raw messages of google.monitoring.v3, which Google's packages leave untyped.

The raw messages are many times faster than their proto-plus wrappers. These classes only name the
fields that are used, for the type checker: nothing creates them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from google.protobuf.message import Message

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from google.protobuf.timestamp_pb2 import Timestamp


class RawLabelled(Message):
    """google.api.Metric or google.api.MonitoredResource."""

    type: str
    labels: Mapping[str, str]


class RawBuckets(Message):
    """google.api.Distribution.BucketOptions.Linear, .Exponential or .Explicit."""

    num_finite_buckets: int
    offset: float
    width: float
    scale: float
    growth_factor: float
    bounds: Sequence[float]


class RawDistribution(Message):
    """google.api.Distribution."""

    count: int
    mean: float
    bucket_options: Message
    bucket_counts: Sequence[int]


class RawInterval(Message):
    """google.monitoring.v3.TimeInterval."""

    start_time: Timestamp
    end_time: Timestamp


class RawValue(Message):
    """google.monitoring.v3.TypedValue."""

    int64_value: int
    double_value: float
    bool_value: bool
    distribution_value: RawDistribution


class RawPoint(Message):
    """google.monitoring.v3.Point."""

    interval: RawInterval
    value: RawValue


class RawSeries(Message):
    """google.monitoring.v3.TimeSeries."""

    metric: RawLabelled
    resource: RawLabelled
    metric_kind: int
    value_type: int
    unit: str
    points: Sequence[RawPoint]


class RawStatus(Message):
    """google.rpc.Status."""

    message: str


class RawResponse(Message):
    """google.monitoring.v3.ListTimeSeriesResponse."""

    time_series: Sequence[RawSeries]
    next_page_token: str
    execution_errors: Sequence[RawStatus]
