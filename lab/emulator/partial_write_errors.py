"""The errors of CreateTimeSeries that name the series it refused, in the formats seen in use."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from google.cloud import monitoring_v3

from lab.emulator.status_errors import StatusError, code_number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lab.emulator.world_values import PartialWriteFormat

_Summary: Any = monitoring_v3.CreateTimeSeriesSummary.pb()


@dataclass(frozen=True, slots=True)
class RejectedSeries:
    """A series of a request that was not written.

    Attributes:
        index: Its place in the request.
        series: The raw TimeSeries as it came.
        code: The status code's name.
        text: Why it was not written.
        times: The two times in conflict, where only the series' own history was in the way; the
            newer format ends with them.
    """

    index: int
    series: Any
    code: str
    text: str
    times: str = ""


def partial_write_error(
    rejected: Sequence[RejectedSeries], points: int, format_: PartialWriteFormat
) -> StatusError:
    """Return the error for a request with series that were not written.

    Args:
        rejected: The series that were not written.
        points: How many points the request holds.
        format_: How the series are named.
    """
    summary = _Summary(total_point_count=points, success_point_count=points - len(rejected))
    for code, count in Counter(each.code for each in rejected).items():
        # A code and a count: Google sends no text here.
        summary.errors.add(point_count=count).status.code = code_number(code)
    text = "One or more TimeSeries could not be written"
    if format_ != "nameless":
        groups: dict[tuple[str, str], list[RejectedSeries]] = defaultdict(list)
        for each in rejected:
            groups[each.text, _braced(each.series.resource)].append(each)
        name = _newer if format_ == "newer" else _older
        text += ": " + "; ".join(name(group) for group in groups.values())
    return StatusError("INVALID_ARGUMENT", text, [summary])


def _newer(group: Sequence[RejectedSeries]) -> str:
    first = group[0]
    example = "example " if len(group) > 1 else ""
    metric = first.series.metric
    labels = ", ".join(f'"{key}": "{value}"' for key, value in sorted(metric.labels.items()))
    where = f'{_indexes(group)} ({example}metric.type="{metric.type}", metric.labels={{{labels}}})'
    if not first.times:
        return f"{where}: {first.text}"
    resource = _braced(first.series.resource)
    return f"{where}: write for resource={resource} failed with: {first.text}{first.times}"


def _older(group: Sequence[RejectedSeries]) -> str:
    first = group[0]
    if not first.times:
        return f"{first.text}: {_indexes(group)}"
    resource, metric = _braced(first.series.resource), _braced(first.series.metric)
    return f"{first.text}: {resource} {_indexes(group)}: {metric}"


def _braced(typed: Any) -> str:
    """Write a metric or a resource as ``type{key:value,…}``."""
    labels = ",".join(f"{key}:{value}" for key, value in sorted(typed.labels.items()))
    return f"{typed.type}{{{labels}}}"


def _indexes(group: Sequence[RejectedSeries]) -> str:
    """Write which series: ``timeSeries[0-2,5]``."""
    ranges = []
    # The indexes of a range are as far from their places in the group as each other.
    for _, run in groupby(enumerate(each.index for each in group), lambda pair: pair[1] - pair[0]):
        indexes = [index for _, index in run]
        ranges.append("-".join(map(str, dict.fromkeys((indexes[0], indexes[-1])))))
    return f"timeSeries[{','.join(ranges)}]"
