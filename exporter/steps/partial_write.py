"""Reads the errors of CreateTimeSeries: how many points of a request were written.

A request is not atomic: its valid points are written even if it fails. The error counts
them in a CreateTimeSeriesSummary (google/monitoring/v3/metric_service.proto). Wordings
have changed before.
"""

import re
from typing import NamedTuple

from google.api_core import exceptions
from google.cloud import monitoring_v3

from exporter.google.errors import is_transient

_LATE = re.compile(
    r"must be written in order|more frequently than the maximum sampling period",
    re.IGNORECASE,
)
_PREFIX = re.compile(
    r"^(\d{3} )?One or more TimeSeries could not be written:\s*", re.IGNORECASE
)


class PartialWrite(NamedTuple):
    """What happened to the points of a request that failed."""

    refused: int  # how many points were refused; all of them where there is no summary
    late: int  # how many of these because another write of their series was first
    transient: int  # how many of these may be accepted on a retry


def parse_partial_write(
    error: exceptions.GoogleAPICallError, sent: int
) -> PartialWrite:
    """Return what the error of a request with ``sent`` series says about its points."""
    summary = monitoring_v3.CreateTimeSeriesSummary()
    for detail in error.details or ():
        # google-api-core does not know this type and leaves it packed.
        if hasattr(detail, "Unpack"):
            detail.Unpack(type(summary).pb(summary))
    refused = summary.total_point_count - summary.success_point_count
    if summary.total_point_count != sent or not 0 < refused <= sent:
        # Without a summary, or with one that contradicts itself, no point is surely
        # written.
        refused = sent
    transient = late = 0
    for one in summary.errors:
        code, text = one.status.code, one.status.message
        if is_transient(exceptions.from_grpc_status(code, text)):
            transient += one.point_count
        # Of an entry without a text, the error's own has the reasons.
        elif _is_late(text or error.message or ""):
            late += one.point_count
    if not summary.errors:
        if is_transient(error):
            transient = refused
        elif _is_late(error.message or ""):
            late = refused
    transient = max(0, min(transient, refused))
    return PartialWrite(refused, max(0, min(late, refused - transient)), transient)


def _is_late(message: str) -> bool:
    """Return whether every reason in the text is that the points came too late."""
    parts = re.split(r"[;\n]", _PREFIX.sub("", message.strip()))
    reasons = [part for part in parts if part.strip()]
    return bool(reasons) and all(_LATE.search(reason) for reason in reasons)
