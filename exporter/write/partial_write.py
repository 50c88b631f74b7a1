"""Parsing the errors of CreateTimeSeries: which points of a request were written.

A request is not atomic: its valid points are written even if it fails. The error counts them in a
CreateTimeSeriesSummary and, in most wordings, names the refused series by index.

Source: google/monitoring/v3/metric_service.proto, CreateTimeSeriesSummary. The wordings are
matched by substring, since they have changed before.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from google.cloud import monitoring_v3
from google.rpc import code_pb2

from exporter.gcp.retry import is_transient

if TYPE_CHECKING:
    from collections.abc import Mapping

    from google.api_core import exceptions

_OFTEN = re.compile(r"more frequently than the maximum sampling period", re.IGNORECASE)
_ORDER = re.compile(rf"must be written in order|{_OFTEN.pattern}", re.IGNORECASE)
_NO_LOCATION = re.compile(r"unrecognized region or location", re.IGNORECASE)
_INDEXES = re.compile(r"timeSeries\[([0-9,\s-]+)\]", re.IGNORECASE)
_RANGE = re.compile(r"\s*([0-9]{1,9})(?:\s*-\s*([0-9]{1,9}))?\s*")
_SEGMENTS = re.compile(r"[;\n]")
_MOST_SERIES = 200  # in a request: a longer range is no list of them
_PREFIX = re.compile(r"^(\d{3} )?One or more TimeSeries could not be written:\s*", re.IGNORECASE)
_TRANSIENT_CODES = frozenset(
    {
        code_pb2.UNAVAILABLE,
        code_pb2.DEADLINE_EXCEEDED,
        code_pb2.RESOURCE_EXHAUSTED,
        code_pb2.INTERNAL,
        code_pb2.ABORTED,
    }
)


@dataclass(frozen=True, slots=True)
class PartialWrite:
    """What happened to the points of a request that failed.

    Attributes:
        refused: How many points were refused; all of them where there is no summary.
        late: How many of these because their series has the same or a newer point, or one
            within the last seconds: another write was first.
        transient: How many of these may be accepted on a retry.
        named: The refused series by their index in the request, each with whether it is late;
            None if the error doesn't name all of them.
        older: Whether a point that is older than the late ones can be the reason, since it is
            only seconds older. Nothing newer was written to their series then.
        unknown_locations: The indexes of the series whose location Cloud Monitoring doesn't know;
            none if the error doesn't name all series.
    """

    refused: int
    late: int
    transient: int
    named: Mapping[int, bool] | None
    older: bool = False
    unknown_locations: frozenset[int] = frozenset()

    @property
    def unwritten(self) -> int:
        """How many points were refused, for now or finally, for a reason other than being late."""
        return self.refused - self.late

    def without(self, indexes: frozenset[int]) -> PartialWrite:
        """Return the same without some named series, none of them late."""
        named = {index: late for index, late in (self.named or {}).items() if index not in indexes}
        return replace(self, refused=self.refused - len(indexes), named=named)


def parse_partial_write(error: exceptions.GoogleAPICallError, sent: int) -> PartialWrite:
    """Return what the error of a request with ``sent`` series says about its points."""
    message = error.message or ""
    summary = _summary(error)
    reasons = [message]
    if summary is None:
        if is_transient(error):
            # All of it may be written, whichever series the text names.
            return PartialWrite(sent, 0, sent, None)
        refused, transient = sent, 0
    else:
        refused = summary.total_point_count - summary.success_point_count
        if summary.total_point_count != sent or not 0 < refused <= sent:
            # A summary that contradicts itself or the request proves no point written.
            refused = sent
        transient = sum(
            entry.point_count for entry in summary.errors if entry.status.code in _TRANSIENT_CODES
        )
        if is_transient(error) and not summary.errors:
            transient = refused
        final_texts = [
            entry.status.message
            for entry in summary.errors
            if entry.status.code not in _TRANSIENT_CODES and entry.status.message
        ]
        reasons = final_texts or reasons
    named = _named(message, refused, sent)
    transient = max(0, min(transient, refused))
    if named is not None:
        late = sum(named.values())
    else:
        late = refused - transient if all(map(_all_late, reasons)) else 0
    older = any(map(_OFTEN.search, reasons))
    unknown = _indexes(message, _NO_LOCATION) if named is not None else frozenset()
    return PartialWrite(refused, late, min(transient, refused - late), named, older, unknown)


def _summary(
    error: exceptions.GoogleAPICallError,
) -> monitoring_v3.CreateTimeSeriesSummary | None:
    for detail in error.details or ():
        summary: monitoring_v3.CreateTimeSeriesSummary = monitoring_v3.CreateTimeSeriesSummary.pb(
            monitoring_v3.CreateTimeSeriesSummary()
        )
        # google-api-core does not know this type and leaves it packed.
        if hasattr(detail, "Unpack") and detail.Unpack(summary):
            return summary
    return None


def _segments(message: str) -> list[str]:
    return [part for part in _SEGMENTS.split(_PREFIX.sub("", message.strip())) if part.strip()]


def _all_late(message: str) -> bool:
    """Return whether every reason in the text is that the points came too late."""
    segments = _segments(message)
    return bool(segments) and all(_ORDER.search(segment) for segment in segments)


def _named(message: str, refused: int, sent: int) -> dict[int, bool] | None:
    """Return each refused index and whether it is late, if the text names exactly ``refused``."""
    named: dict[int, bool] = {}
    for segment in _segments(message):
        late = bool(_ORDER.search(segment))
        for listed in _INDEXES.findall(segment):
            for index in _expand(listed):
                named[index] = late and named.get(index, True)
    known = len(named) == refused and all(0 <= index < sent for index in named)
    return named if known else None


def _indexes(message: str, reason: re.Pattern[str]) -> frozenset[int]:
    """Return the indexes of the series that are refused for a reason."""
    return frozenset(
        index
        for segment in _segments(message)
        if reason.search(segment)
        for listed in _INDEXES.findall(segment)
        for index in _expand(listed)
    )


def _expand(listed: str) -> list[int]:
    """Return the numbers of a list such as ``0-2,5``, or none if it can't be parsed."""
    indexes: list[int] = []
    for part in listed.split(","):
        found = _RANGE.fullmatch(part)
        if found is None:
            return []
        low, high = int(found[1]), int(found[2] or found[1])
        if high - low >= _MOST_SERIES:
            return []
        indexes.extend(range(low, high + 1))
    return indexes
