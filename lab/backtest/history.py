"""Keeps a history: its points in Prometheus's database, and what series there are in memory."""

import gzip
import json
from collections.abc import Iterable, Iterator, Mapping
from importlib.resources import files
from pathlib import Path

from lab.backtest.read import visible_after
from lab.prove.engine import add_series
from lab.simulate.series import Series
from lab.timeline.spans import Spans

# The recorded history: a line of JSON for each series, as :func:`series_line` writes it
RECORDED = "recorded.jsonl.gz"


class History:
    """A history that grows while it is read.

    Attributes:
        data: The folder of Prometheus's database.
        spans: The states over time of streams, locations, connections and exporters.
        first: The time of the exporter's first point in unix seconds; infinite without points.
        last: The time of its last point.
    """

    def __init__(self, data: Path) -> None:
        self.data = data
        self.spans = Spans()
        self.first, self.last = float("inf"), float("-inf")
        self._series: set[tuple[str, tuple[tuple[str, str], ...]]] = set()

    def add(self, series: Iterable[Series]) -> None:
        """Add series of a period that follows the periods before it."""
        found = [each for each in series if each.samples]
        if not found:
            return
        add_series(self.data, found)
        self.spans.add(found)
        self._series.update((each.name, each.labels) for each in found)
        for each in found:
            if each.name.startswith("custom_googleapis_com:datastream_"):
                self.first = min(self.first, each.samples[0].time)
                self.last = max(self.last, each.samples[-1].time)

    def has_series(self, name: str, labels: Mapping[str, str]) -> bool:
        """Return whether there is a series with a name and these labels."""
        return any(
            known == name and labels.items() <= dict(own).items()
            for known, own in self._series
        )


def recorded() -> Iterator[Series]:
    """Yield the series of the recorded history."""
    packed = files("lab.backtest").joinpath(RECORDED).read_bytes()
    for line in gzip.decompress(packed).decode().splitlines():
        name, labels, points = json.loads(line)
        series = Series(name, tuple(sorted(labels.items())))
        for time, value in points:
            series.add(time + visible_after(name), time, value)
        yield series


def series_line(series: Series) -> str:
    """Return a series as a line of JSON: its name, its labels, and its points' times and values."""
    points = [(point.time, point.value) for point in series.samples]
    return json.dumps([series.name, dict(series.labels), points]) + "\n"
