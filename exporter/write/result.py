"""What happened to the points of a run."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from exporter.measure.samples import LAST_SEEN, Sample

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exporter.gcp.errors import Failure
    from exporter.names import LocationName
    from exporter.write.partial_write import PartialWrite

Batch: TypeAlias = tuple[Sample, ...]
"""The samples of one request."""

MAX_LISTED_ERRORS = 20
"""Failed batches that are kept in full; the others are counted."""


@dataclass(frozen=True, slots=True)
class WriteError:
    """Points of one batch that were not written.

    Attributes:
        points: How many.
        failure: Why; None if another run wrote newer points first.
        series: Their series, or all of the batch's if the answer doesn't name them.
        named: Whether the answer named them.
    """

    points: int
    failure: Failure | None
    series: tuple[Sample, ...]
    named: bool


@dataclass(frozen=True, slots=True)
class WriteResult:
    """What happened to some points; add results up with ``+``.

    Attributes:
        accepted: Points that Cloud Monitoring accepted.
        superseded: Points whose series has the same or a newer one from another run.
        lost: Points that were due and not accepted.
        left_out: Points that were not sent because the run was asked to stop.
        withheld_locations: Locations with a ``last_seen`` that was, or may be, not written.
        incomplete_locations: Locations with any point that was, or may be, lost.
        unknown_locations: Locations that Cloud Monitoring doesn't know. Their points were written
            under ``global``.
        errors: The first batches that were not written completely, for the log.
        unlisted_errors: How many more of these there were.
    """

    accepted: int = 0
    superseded: int = 0
    lost: int = 0
    left_out: int = 0
    withheld_locations: frozenset[LocationName] = frozenset()
    incomplete_locations: frozenset[LocationName] = frozenset()
    unknown_locations: frozenset[str] = frozenset()
    errors: tuple[WriteError, ...] = ()
    unlisted_errors: int = 0

    @property
    def settled(self) -> int:
        """Points whose outcome is known."""
        return self.accepted + self.superseded + self.lost

    def __add__(self, other: WriteResult) -> WriteResult:
        """Return the result of both."""
        errors = self.errors + other.errors
        return WriteResult(
            self.accepted + other.accepted,
            self.superseded + other.superseded,
            self.lost + other.lost,
            self.left_out + other.left_out,
            self.withheld_locations | other.withheld_locations,
            self.incomplete_locations | other.incomplete_locations,
            self.unknown_locations | other.unknown_locations,
            errors[:MAX_LISTED_ERRORS],
            self.unlisted_errors + other.unlisted_errors + len(errors[MAX_LISTED_ERRORS:]),
        )


def last_seen_locations(*batches: Iterable[Sample]) -> frozenset[LocationName]:
    """Return the locations with a ``last_seen`` in the batches."""
    samples = itertools.chain(*batches)
    return frozenset(sample.location_name for sample in samples if sample.metric is LAST_SEEN)


def locations_of(*batches: Iterable[Sample]) -> frozenset[LocationName]:
    """Return the locations that the samples of the batches describe."""
    return frozenset(sample.location_name for sample in itertools.chain(*batches))


def write_error(batch: Batch, refusal: PartialWrite, failure: Failure | None) -> WriteError:
    """Return the points that were lost or, without a failure, superseded."""
    superseded = failure is None
    points = refusal.late if superseded else refusal.unwritten
    if refusal.named is None:
        return WriteError(points, failure, batch, named=False)
    series = (batch[index] for index, late in sorted(refusal.named.items()) if late is superseded)
    return WriteError(points, failure, tuple(series), named=True)
