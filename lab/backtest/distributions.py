"""Distributions as PromQL sees them: a count, a sum, and how many values each bound holds.

https://cloud.google.com/monitoring/promql/promql-mapping
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from lab.backtest.history import Piece, Points

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


@dataclass(frozen=True, slots=True)
class Distribution:
    """A value that is a distribution.

    Attributes:
        count: How many values there are.
        total: Their sum.
        bounds: The upper bounds of all buckets but the last, which has none, rising.
        counts: How many values each bucket holds; trailing zeros may be left out.
    """

    count: float
    total: float
    bounds: tuple[float, ...]
    counts: tuple[float, ...]


def distribution_of(message: Any) -> Distribution:
    """Return the value that a raw google.api.Distribution holds."""
    return Distribution(
        float(message.count),
        float(message.mean * message.count),
        _bounds(message.bucket_options),
        tuple(map(float, message.bucket_counts)),
    )


def _bounds(options: Any) -> tuple[float, ...]:
    """Return the bounds that google.api.Distribution.BucketOptions say."""
    match options.WhichOneof("options"):
        case "linear_buckets":
            linear = options.linear_buckets
            return tuple(
                linear.offset + linear.width * number
                for number in range(linear.num_finite_buckets + 1)
            )
        case "exponential_buckets":
            exponential = options.exponential_buckets
            return tuple(
                exponential.scale * exponential.growth_factor**number
                for number in range(exponential.num_finite_buckets + 1)
            )
        case _:
            return tuple(options.explicit_buckets.bounds)


@dataclass(slots=True)
class Parts:
    """The points of a distribution as those of the series that PromQL sees."""

    count: Points = field(default_factory=Points)
    total: Points = field(default_factory=Points)
    buckets: dict[str, Points] = field(default_factory=dict)

    def add(self, start: float, end: float, value: Distribution) -> None:
        """Add a point."""
        self.count.add(start, end, value.count)
        self.total.add(start, end, value.total)
        below = 0.0
        for bound, held in _padded(value.bounds, value.counts):
            below += held
            self.buckets.setdefault(f"{bound:g}", Points()).add(start, end, below)
        self.buckets.setdefault("+Inf", Points()).add(start, end, value.count)

    def pieces(self, whole: Piece) -> Iterator[Piece]:
        """Yield the series, each with the name and labels of the whole one."""
        yield replace(whole, points=self.count, part="_count")
        yield replace(whole, points=self.total, part="_sum")
        for bound, points in self.buckets.items():
            yield replace(whole, points=points, part="_bucket", bound=bound)


def _padded(bounds: Sequence[float], counts: Sequence[float]) -> Iterator[tuple[float, float]]:
    for index, bound in enumerate(bounds):
        yield bound, counts[index] if index < len(counts) else 0.0
