"""What a refused CreateTimeSeries says of each point: the reading of Cloud Monitoring's errors.

A batch is not atomic: the valid points of a refused request are written. The answer counts them
in a CreateTimeSeriesSummary and, in most wordings, names the refused series by their index.

Source: google/monitoring/v3/metric_service.proto, CreateTimeSeriesSummary; the wordings are
matched by substring, as they have changed and will again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from google.cloud import monitoring_v3
from google.rpc import code_pb2

from exporter.calls import is_transient

if TYPE_CHECKING:
    from collections.abc import Mapping

    from google.api_core import exceptions

_ORDER = re.compile(
    r"must be written in order|more frequently than the maximum sampling period", re.IGNORECASE
)
_INDEXES = re.compile(r"timeSeries\[([\d,\s-]+)\]", re.IGNORECASE)
_SEGMENTS = re.compile(r";\s+|;?\s*\n")
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
class Refusal:
    """What one refused request says of its points.

    Attributes:
        refused: How many points were refused; all of them where there is no summary.
        late: How many of these because their series has the same or a newer point, or one
            within the last seconds: another write got there first.
        transient: How many of these may be accepted if they are sent again.
        named: The refused series by their index in the request, each with whether it is late;
            None where the answer does not name every one of them.
    """

    refused: int
    late: int
    transient: int
    named: Mapping[int, bool] | None

    @property
    def final(self) -> int:
        """How many points were refused for good, for another reason than being late."""
        return self.refused - self.late - self.transient


def refusal_of(error: exceptions.GoogleAPICallError, sent: int) -> Refusal:
    """Read a refusal of a request of ``sent`` series."""
    message = error.message or ""
    summary = _summary(error)
    if summary is None:
        if is_transient(error):
            return Refusal(sent, 0, sent, None)
        return Refusal(sent, sent if _all_late(message) else 0, 0, _named(message, sent, sent))
    refused = summary.total_point_count - summary.success_point_count
    if not 0 < refused <= sent:
        # A summary that contradicts itself is no evidence that anything was written.
        refused = sent
    transient = sum(
        entry.point_count for entry in summary.errors if entry.status.code in _TRANSIENT_CODES
    )
    if is_transient(error) and not summary.errors:
        transient = refused
    named = _named(message, refused, sent)
    if named is not None and not transient:
        return Refusal(refused, sum(named.values()), 0, named)
    transient = min(transient, refused)
    final_texts = [
        entry.status.message
        for entry in summary.errors
        if entry.status.code not in _TRANSIENT_CODES and entry.status.message
    ]
    late = all(map(_all_late, final_texts)) if final_texts else _all_late(message)
    return Refusal(refused, refused - transient if late else 0, transient, None)


def _summary(error: exceptions.GoogleAPICallError) -> Any:
    for detail in error.details or ():
        summary = monitoring_v3.CreateTimeSeriesSummary.pb(monitoring_v3.CreateTimeSeriesSummary())
        # google-api-core does not know this type and leaves it packed.
        if hasattr(detail, "Unpack") and detail.Unpack(summary):
            return summary
    return None


def _segments(message: str) -> list[str]:
    return [part for part in _SEGMENTS.split(_PREFIX.sub("", message.strip())) if part.strip()]


def _all_late(message: str) -> bool:
    """Say whether every reason that the text gives is that the points came too late."""
    segments = _segments(message)
    return bool(segments) and all(_ORDER.search(segment) for segment in segments)


def _named(message: str, refused: int, sent: int) -> dict[int, bool] | None:
    """Return each refused index and whether it is late, if the text names exactly ``refused``."""
    named: dict[int, bool] = {}
    for segment in _segments(message):
        late = bool(_ORDER.search(segment))
        for listed in _INDEXES.findall(segment):
            for index in _expand(listed):
                named[index] = late
    known = len(named) == refused and all(0 <= index < sent for index in named)
    return named if known else None


def _expand(listed: str) -> list[int]:
    """Return the numbers of a list such as ``0-2,5``; none where it is no such list."""
    indexes: list[int] = []
    for part in listed.split(","):
        first, _, last = (text.strip() for text in part.partition("-"))
        if not first.isdigit() or not (last.isdigit() or not last):
            return []
        low, high = int(first), int(last or first)
        if high - low >= _MOST_SERIES:
            return []
        indexes.extend(range(low, high + 1))
    return indexes
