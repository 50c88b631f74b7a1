"""History: series as Cloud Monitoring holds them, kept small, given as the engine takes them.

What a series is called and carries in PromQL: https://cloud.google.com/monitoring/promql/promql-mapping
"""

from __future__ import annotations

import threading
import zlib
from array import array
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from lab.policies.known_metrics import promql_name
from lab.simulate import native_series
from lab.simulate.series import Series
from lab.simulate.visibility import VisibilityDelay

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

GAUGE: Final = "GAUGE"
DELTA: Final = "DELTA"
CUMULATIVE: Final = "CUMULATIVE"
KINDS = (GAUGE, DELTA, CUMULATIVE)
"""The kinds of metric; google.api.MetricDescriptor.MetricKind."""

LATE = VisibilityDelay(5.0, 5.0)
"""Seconds from the time of the exporter's points until they can be read, in the middle: how late
each of them came is not kept. https://cloud.google.com/monitoring/api/v3/latency-n-retention"""

_OWN = "custom_googleapis_com:"
_FASTEST = 1
_TOGETHER = 6 * 3600.0
_TOUCHING = 0.5
"""Seconds within which an interval begins where the one before it ended: it may begin a moment
later. google.monitoring.v3.TimeInterval"""


@dataclass(slots=True)
class Points:
    """Points of a series side by side: where each begins and ends, in unix seconds, its value."""

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
class Piece:
    """A series, or as much of it as an answer or a line holds.

    Attributes:
        type: The metric's full type.
        kind: One of ``KINDS``.
        labels: The metric's labels.
        resource: The type of the monitored resource.
        resource_labels: Its labels.
        points: The points, in any order.
        part: What ends the name in PromQL: ``_count``, ``_sum`` or ``_bucket`` of a distribution.
        bound: The upper bound of the bucket, else empty.
    """

    type: str
    kind: str
    labels: Mapping[str, str]
    resource: str
    resource_labels: Mapping[str, str]
    points: Points
    part: str = ""
    bound: str = ""

    @property
    def name(self) -> str:
        """The name in PromQL."""
        return promql_name(self.type) + self.part

    def all_labels(self, project: str) -> dict[str, str]:
        """Return the labels that PromQL sees.

        Args:
            project: The project that was asked, for a series that names none.
        """
        of_resource = dict(self.resource_labels)
        of_resource.setdefault("project_id", _container(of_resource) or project)
        of_metric = {
            f"metric_{key}" if key in of_resource else key: value
            for key, value in self.labels.items()
        }
        bound = {"le": self.bound} if self.bound else {}
        return {**of_resource, **of_metric, **bound, "monitored_resource": self.resource}


def _container(labels: Mapping[str, str]) -> str:
    """Return the project that holds a resource, where that is said by its id."""
    named = labels.get("resource_container", "").removeprefix("projects/")
    return "" if named.isdigit() else named


class _Kept:
    """A series, its points packed, some hours together."""

    __slots__ = ("first", "kind", "labels", "last", "name", "packed")

    def __init__(self, name: str, labels: tuple[tuple[str, str], ...], kind: str) -> None:
        self.name = name
        self.labels = labels
        self.kind = kind
        self.first = float("inf")
        self.last = float("-inf")
        self.packed: dict[int, list[bytes]] = {}

    def add(self, points: Points) -> None:
        first, last = min(points.ends), max(points.ends)
        self.first, self.last = min(self.first, first), max(self.last, last)
        together: dict[int, Points] = {}
        for row in zip(points.starts, points.ends, points.values, strict=True):
            hours = int(row[1] // _TOGETHER)
            (together.get(hours) or together.setdefault(hours, Points())).add(*row)
        for hours, part in together.items():
            columns = (part.starts + part.ends + part.values).tobytes()
            self.packed.setdefault(hours, []).append(zlib.compress(columns, _FASTEST))

    def rows(
        self, since: float = float("-inf"), until: float = float("inf")
    ) -> Iterator[tuple[float, float, float]]:
        """Yield the points of a time, oldest first, each once, as end, start and value."""
        for hours in sorted(self.packed):
            if hours * _TOGETHER > until or (hours + 1) * _TOGETHER <= since:
                continue
            found: dict[float, tuple[float, float, float]] = {}
            for packed in self.packed[hours]:
                columns = array("d")
                columns.frombytes(zlib.decompress(packed))
                count = len(columns) // 3
                starts, ends, values = (columns[each * count :][:count] for each in range(3))
                found.update(zip(ends, zip(ends, starts, values, strict=True), strict=True))
            yield from (found[end] for end in sorted(found) if since <= end <= until)


class History:
    """Series by name and labels; safe for threads while it is filled."""

    def __init__(self, names: Iterable[str], project: str = "") -> None:
        """Start empty.

        Args:
            names: The names in PromQL of what is kept; all else is passed over.
            project: The project that is asked.
        """
        self._names = frozenset(names)
        self._project = project
        self._lock = threading.Lock()
        self._kept: dict[tuple[str, tuple[tuple[str, str], ...]], _Kept] = {}
        self.points = 0
        """How many points were added."""

    def add(self, piece: Piece) -> None:
        """Add a series, or more of one."""
        if piece.name not in self._names or not piece.points:
            return
        key = piece.name, tuple(sorted(piece.all_labels(self._project).items()))
        with self._lock:
            kept = self._kept.get(key)
            if kept is None:
                kept = self._kept[key] = _Kept(*key, piece.kind)
            kept.add(piece.points)
            self.points += len(piece.points)

    def incidents(self, name: str, equal: Mapping[str, str]) -> bool:
        """Say whether there is a series of a name with these labels."""
        return any(
            kept.name == name and equal.items() <= dict(kept.labels).items()
            for kept in self._kept.values()
        )

    def span(self, wanted: Callable[[str], bool] = lambda _: True) -> tuple[float, float] | None:
        """Return the time of the first and the last point of all series whose name is wanted."""
        found = [kept for kept in self._kept.values() if wanted(kept.name)]
        if not found:
            return None
        return min(kept.first for kept in found), max(kept.last for kept in found)

    def times(self, name: str, by: str) -> dict[str, list[float]]:
        """Return when the series of a name have points, rising, by the value of a label."""
        found: dict[str, set[float]] = {}
        for kept in self._kept.values():
            if kept.name == name:
                group = found.setdefault(dict(kept.labels).get(by, ""), set())
                group.update(end for end, _, _ in kept.rows())
        return {group: sorted(times) for group, times in sorted(found.items())}

    def series(self, since: Mapping[str, float], until: float) -> Iterator[Series]:
        """Yield each series as the engine takes it, one at a time.

        Args:
            since: From when on points are given, by name.
            until: Until when.
        """
        for kept in self._kept.values():
            given = Series(kept.name, kept.labels)
            rows = kept.rows(since[kept.name], until)
            if kept.kind == DELTA:
                _count(given, rows)
            else:
                later = late(kept.name)
                for end, _, value in rows:
                    given.add(end + later, end, value)
            yield given


def late(name: str) -> float:
    """Return how many seconds late the points of a metric are taken to come."""
    return LATE.usual if name.startswith(_OWN) else native_series.delay_seconds(name)


def _count(into: Series, rows: Iterable[tuple[float, float, float]]) -> None:
    """Add the points of a DELTA as those of a counter: one where each begins, one where it ends."""
    later = late(into.name)
    total, before = 0.0, float("-inf")
    for end, start, value in rows:
        if start > before + _TOUCHING:
            into.add(start + later, start, total)
        total += value
        into.add(end + later, end, total)
        before = end


def gaps(times: list[float], start: float, end: float, longest: float) -> list[tuple[float, float]]:
    """Return the times without a point that are longer than so many seconds.

    Args:
        times: When there are points, rising.
        start: From when on points are looked for, unix seconds.
        end: Until when.
        longest: Seconds that may pass without one.
    """
    inside = [time for time in times if start <= time <= end]
    return [
        (before, after)
        for before, after in pairwise([start, *inside, end])
        if after - before > longest
    ]
