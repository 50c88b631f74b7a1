"""The series that a back-test evaluates, compressed in memory."""

from __future__ import annotations

import threading
import zlib
from array import array
from itertools import pairwise
from typing import TYPE_CHECKING

from lab.backtest.time_series import DELTA, Points
from lab.simulate import native_series
from lab.simulate.series import Series
from lab.simulate.visibility import VisibilityDelay

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from lab.backtest.time_series import SeriesPart

EXPORTER_DELAY = VisibilityDelay(5.0, 5.0)
"""Seconds until a point of the exporter can be read, typically: Cloud Monitoring does not keep when
a point arrived. https://cloud.google.com/monitoring/api/v3/latency-n-retention"""

_EXPORTER_PREFIX = "custom_googleapis_com:"
_FASTEST = 1
_BLOCK_SECONDS = 6 * 3600.0
_ADJACENT = 0.5
"""Seconds: an interval may start a moment after the end of the one before.
google.monitoring.v3.TimeInterval"""


class _PackedSeries:
    """A series with its points compressed in blocks of some hours."""

    __slots__ = ("blocks", "first", "kind", "labels", "last", "name")

    def __init__(self, name: str, labels: tuple[tuple[str, str], ...], kind: str) -> None:
        self.name = name
        self.labels = labels
        self.kind = kind
        self.first = float("inf")
        self.last = float("-inf")
        self.blocks: dict[int, list[bytes]] = {}

    def add(self, points: Points) -> None:
        self.first = min(self.first, *points.ends)
        self.last = max(self.last, *points.ends)
        blocks: dict[int, Points] = {}
        for row in zip(points.starts, points.ends, points.values, strict=True):
            number = int(row[1] // _BLOCK_SECONDS)
            (blocks.get(number) or blocks.setdefault(number, Points())).add(*row)
        for number, block in blocks.items():
            columns = (block.starts + block.ends + block.values).tobytes()
            self.blocks.setdefault(number, []).append(zlib.compress(columns, _FASTEST))

    def rows(
        self, since: float = float("-inf"), until: float = float("inf")
    ) -> Iterator[tuple[float, float, float]]:
        """Yield each point of a time once as end, start and value, oldest first."""
        for number in sorted(self.blocks):
            if number * _BLOCK_SECONDS > until or (number + 1) * _BLOCK_SECONDS <= since:
                continue
            found: dict[float, tuple[float, float, float]] = {}
            for packed in self.blocks[number]:
                columns = array("d")
                columns.frombytes(zlib.decompress(packed))
                count = len(columns) // 3
                starts, ends, values = (columns[each * count :][:count] for each in range(3))
                found.update(zip(ends, zip(ends, starts, values, strict=True), strict=True))
            yield from (found[end] for end in sorted(found) if since <= end <= until)


class History:
    """Series by name and labels. Threads may add to it at the same time."""

    def __init__(self, names: Iterable[str], project: str = "") -> None:
        """Create an empty history.

        Args:
            names: PromQL names of the series to keep; others are ignored.
            project: The project that is read.
        """
        self._names = frozenset(names)
        self._project = project
        self._lock = threading.Lock()
        self._series: dict[tuple[str, tuple[tuple[str, str], ...]], _PackedSeries] = {}
        self.points = 0
        """How many points were added."""

    def add(self, part: SeriesPart) -> None:
        """Add a series, or more points of one."""
        if part.name not in self._names or not part.points:
            return
        key = part.name, tuple(sorted(part.promql_labels(self._project).items()))
        with self._lock:
            series = self._series.get(key)
            if series is None:
                series = self._series[key] = _PackedSeries(*key, part.kind)
            series.add(part.points)
            self.points += len(part.points)

    def has_series(self, name: str, labels: Mapping[str, str]) -> bool:
        """Return whether there is a series with a name and these labels."""
        return any(
            series.name == name and labels.items() <= dict(series.labels).items()
            for series in self._series.values()
        )

    def span(self, selects: Callable[[str], bool]) -> tuple[float, float] | None:
        """Return the times of the first and last point of all series with selected names."""
        found = [series for series in self._series.values() if selects(series.name)]
        if not found:
            return None
        return min(series.first for series in found), max(series.last for series in found)

    def times_by_label(self, name: str, label: str) -> dict[str, list[float]]:
        """Return when the series of a name have points, ascending, by the value of a label."""
        found: dict[str, set[float]] = {}
        for series in self._series.values():
            if series.name == name:
                times = found.setdefault(dict(series.labels).get(label, ""), set())
                times.update(end for end, _, _ in series.rows())
        return {value: sorted(times) for value, times in sorted(found.items())}

    def series(self, since: Mapping[str, float], until: float) -> Iterator[Series]:
        """Yield each series as the engine takes it.

        Args:
            since: Start of the points in unix seconds, by name.
            until: Their end.
        """
        for packed in self._series.values():
            series = Series(packed.name, packed.labels)
            rows = packed.rows(since[packed.name], until)
            delay = _delay(packed.name)
            if packed.kind == DELTA:
                _add_as_counter(series, rows, delay)
            else:
                for end, _, value in rows:
                    series.add(end + delay, end, value)
            yield series


def _delay(name: str) -> float:
    """Return the seconds until a metric's points can be read, typically."""
    if name.startswith(_EXPORTER_PREFIX):
        return EXPORTER_DELAY.usual
    return native_series.delay_seconds(name)


def _add_as_counter(
    series: Series, rows: Iterable[tuple[float, float, float]], delay: float
) -> None:
    """Add the increments of a DELTA as a counter, with a point at each start and end."""
    total, last_end = 0.0, float("-inf")
    for end, start, value in rows:
        if start > last_end + _ADJACENT:
            series.add(start + delay, start, total)
        total += value
        series.add(end + delay, end, total)
        last_end = end


def find_gaps(
    times: list[float], start: float, end: float, longest: float
) -> list[tuple[float, float]]:
    """Return the periods between ``start`` and ``end`` that have no point for too long.

    Args:
        times: Times of the points in unix seconds, ascending.
        start: Start of the search.
        end: End of the search.
        longest: Seconds without a point that are not a gap.
    """
    inside = [time for time in times if start <= time <= end]
    return [
        (before, after)
        for before, after in pairwise([start, *inside, end])
        if after - before > longest
    ]
