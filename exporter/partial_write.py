"""Reads the errors of CreateTimeSeries: how many points of a request were written.

A request is not atomic: its valid points are written even if it fails. The error counts them in a
CreateTimeSeriesSummary.

Source: google/monitoring/v3/metric_service.proto, CreateTimeSeriesSummary. The wordings are
matched by substring, since they have changed before.
"""

import re
from dataclasses import dataclass

from google.api_core import exceptions
from google.cloud import monitoring_v3
from google.rpc import code_pb2

from exporter.google.calls import is_transient

_OFTEN = re.compile(r"more frequently than the maximum sampling period", re.IGNORECASE)
_ORDER = re.compile(rf"must be written in order|{_OFTEN.pattern}", re.IGNORECASE)
_PREFIX = re.compile(r"^(\d{3} )?One or more TimeSeries could not be written:\s*", re.IGNORECASE)
_SEGMENTS = re.compile(r"[;\n]")
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
    """What happened to the points of a request that failed."""

    refused: int  # how many points were refused; all of them where there is no summary
    # How many of these because their series has the same or a newer point, or one within the last
    # seconds: another write was first
    late: int
    transient: int  # how many of these may be accepted on a retry
    # Whether that other write can be seconds older than ours. Then nothing as new as our points is
    # in those series
    doubtful: bool = False

    @property
    def unwritten(self) -> int:
        """How many points were refused, for now or finally, for a reason other than being late."""
        return self.refused - self.late


def parse_partial_write(error: exceptions.GoogleAPICallError, sent: int) -> PartialWrite:
    """Return what the error of a request with ``sent`` series says about its points."""
    summary = _summary(error)
    if summary is None and is_transient(error):
        # All of it may be written, or nothing.
        return PartialWrite(sent, 0, sent)
    if summary is None:
        late = sent if _is_late(error.message or "") else 0
        return PartialWrite(sent, late, 0, doubtful=_is_doubtful(error.message or ""))
    refused = summary.total_point_count - summary.success_point_count
    if summary.total_point_count != sent or not 0 < refused <= sent:
        # A summary that contradicts itself or the request proves no point written.
        refused = sent
    passing = [one for one in summary.errors if one.status.code in _TRANSIENT_CODES]
    final = [one for one in summary.errors if one.status.code not in _TRANSIENT_CODES]
    transient = sum(one.point_count for one in passing)
    if is_transient(error) and not summary.errors:
        transient = refused
    transient = max(0, min(transient, refused))
    if final and all(one.status.message for one in final):
        reasons = [one.status.message for one in final]
        late = sum(one.point_count for one in final if _is_late(one.status.message))
    else:
        # An entry without a text: the error's own has the reasons.
        reasons = [error.message or ""]
        late = refused if all(map(_is_late, reasons)) else 0
    late = max(0, min(late, refused - transient))
    return PartialWrite(refused, late, transient, doubtful=any(map(_is_doubtful, reasons)))


def _summary(
    error: exceptions.GoogleAPICallError,
) -> monitoring_v3.CreateTimeSeriesSummary | None:
    for detail in error.details or ():
        summary = monitoring_v3.CreateTimeSeriesSummary()
        # google-api-core does not know this type and leaves it packed.
        if hasattr(detail, "Unpack") and detail.Unpack(type(summary).pb(summary)):
            return summary
    return None


def _is_late(message: str) -> bool:
    """Return whether every reason in the text is that the points came too late."""
    parts = _SEGMENTS.split(_PREFIX.sub("", message.strip()))
    reasons = [part for part in parts if part.strip()]
    return bool(reasons) and all(_ORDER.search(reason) for reason in reasons)


def _is_doubtful(message: str) -> bool:
    return bool(_OFTEN.search(message))
