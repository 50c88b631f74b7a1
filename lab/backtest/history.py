"""Keeps a history.

Its points are in Prometheus's database.
"""

import gzip
import json
import math
from collections.abc import Iterable, Iterator
from importlib.resources import files
from pathlib import Path

from lab.backtest.read import visible_after
from lab.prove.engine import add_series
from lab.simulate.series import Series
from lab.timeline.spans import Period, Spans

# A line of JSON for each series: its name, labels, and points (time, value)
RECORDED = "recorded.jsonl.gz"
# Read at a time, which bounds the memory: about 300,000 points of a metric of 1,000
# streams
_PART_SECONDS = 6 * 3600.0


class History:
    """A history that grows while it is read.

    Attributes:
        data: The folder of Prometheus's database.
        spans: The states over time of streams, locations and exporters.
        names: The names of its series, in PromQL.
        first: The time of the exporter's first point, in unix seconds; infinite
            without points.
        last: The time of its last point; minus infinity without points.
    """

    def __init__(self, data: Path) -> None:
        self.data = data
        self.spans = Spans()
        self.first = math.inf
        self.last = -math.inf
        self.names: set[str] = set()

    def add(self, series: Iterable[Series]) -> None:
        """Add series of a period that follows the periods before it."""
        found = [each for each in series if each.samples]
        if not found:
            return
        add_series(self.data, found)
        self.spans.add(found)
        for each in found:
            self.names.add(each.name)
            if each.name.startswith("custom_googleapis_com:datastream_"):
                self.first = min(self.first, each.samples[0].time)
                self.last = max(self.last, each.samples[-1].time)


def periods(first: float, end: float) -> list[Period]:
    """Return the periods to read one after the other, from unix time ``first``."""
    parts = math.ceil((end - first) / _PART_SECONDS)
    starts = [first + part * _PART_SECONDS for part in range(parts)]
    return [Period(start, min(start + _PART_SECONDS, end)) for start in starts]


def recorded() -> Iterator[Series]:
    """Yield the series of the recorded history."""
    packed = files("lab.backtest").joinpath(RECORDED).read_bytes()
    for line in gzip.decompress(packed).decode().splitlines():
        name, labels, points = json.loads(line)
        series = Series(name, tuple(sorted(labels.items())))
        for time, value in points:
            series.add(time + visible_after(name), time, value)
        yield series
