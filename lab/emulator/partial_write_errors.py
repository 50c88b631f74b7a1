"""How CreateTimeSeries words which series it refused: the wordings seen in the field."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from google.cloud import monitoring_v3

from lab.emulator.status_errors import StatusError, code_number

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lab.emulator.world_values import PartialWriteFormat

_Summary: Any = monitoring_v3.CreateTimeSeriesSummary.pb()


class RejectedSeries(NamedTuple):
    """A series of a request that was not written."""

    at: int
    series: Any
    """The raw TimeSeries as it came."""
    code: str
    text: str
    at_write: bool = False
    """Whether the request was in order and only the series' own history was against it."""
    times: str = ""
    """What the newer wording adds: the times in the way of each other."""


def partial_write_error(
    rejected: Sequence[RejectedSeries], points: int, wording: PartialWriteFormat
) -> StatusError:
    """Return what a request is answered with, some of whose points were not written.

    Args:
        rejected: The series that were not written.
        points: How many points the request holds.
        wording: How to name them.
    """
    summary = _Summary(total_point_count=points, success_point_count=points - len(rejected))
    counts: dict[str, int] = defaultdict(int)
    for each in rejected:
        counts[each.code] += 1
    for code, count in counts.items():
        # A code and a count: Google sends no text here.
        summary.errors.add(point_count=count).status.code = code_number(code)
    text = "One or more TimeSeries could not be written"
    if wording != "nameless":
        groups: dict[tuple[str, str], list[RejectedSeries]] = defaultdict(list)
        for each in rejected:
            groups[each.text, _braced(each.series.resource)].append(each)
        name = _newer if wording == "newer" else _older
        text += ": " + "; ".join(name(group) for group in groups.values())
    return StatusError("INVALID_ARGUMENT", text, [summary])


def _newer(group: Sequence[RejectedSeries]) -> str:
    first = group[0]
    example = "example " if len(group) > 1 else ""
    labels = ", ".join(f'"{key}": "{value}"' for key, value in _sorted(first.series.metric.labels))
    where = (
        f'{_indexes(group)} ({example}metric.type="{first.series.metric.type}",'
        f" metric.labels={{{labels}}})"
    )
    if not first.at_write:
        return f"{where}: {first.text}"
    resource = _braced(first.series.resource)
    return f"{where}: write for resource={resource} failed with: {first.text}{first.times}"


def _older(group: Sequence[RejectedSeries]) -> str:
    first = group[0]
    if not first.at_write:
        return f"{first.text}: {_indexes(group)}"
    resource, metric = _braced(first.series.resource), _braced(first.series.metric)
    return f"{first.text}: {resource} {_indexes(group)}: {metric}"


def _braced(typed: Any) -> str:
    """Write a metric or a resource as ``type{key:value,…}``."""
    labels = ",".join(f"{key}:{value}" for key, value in _sorted(typed.labels))
    return f"{typed.type}{{{labels}}}"


def _sorted(labels: Mapping[str, str]) -> list[tuple[str, str]]:
    return sorted(labels.items())


def _indexes(group: Sequence[RejectedSeries]) -> str:
    """Write which series: ``timeSeries[0-2,5]``."""
    return f"timeSeries[{','.join(_ranges([each.at for each in group]))}]"


def _ranges(numbers: Sequence[int]) -> Iterator[str]:
    start = previous = numbers[0]
    for number in [*numbers[1:], None]:
        if number is not None and number == previous + 1:
            previous = number
            continue
        yield str(start) if start == previous else f"{start}-{previous}"
        if number is not None:
            start = previous = number
