"""Keeps the points of a history in Prometheus's database."""

import gzip
import json
import math
from collections.abc import Iterable, Iterator
from importlib.resources import files
from pathlib import Path

from exporter.config import Config
from lab.history.read import visible_after
from lab.history.replay import Replay
from lab.prove.engine import add_series
from lab.simulate.series import Series
from lab.timeline.spans import Spans

# A line of JSON for each series: its name, labels, and points (time, value)
RECORDED = "recorded.jsonl.gz"


class History:
    """A history that grows while it is read.

    Attributes:
        data: The folder of Prometheus's database.
        spans: The states over time of streams, locations and exporters.
        names: The names of its series, in PromQL.
        first: The time of the exporter's first point, in unix seconds; infinite
            without points.
        last: The time of its last point; 0 without points.
    """

    def __init__(self, data: Path, configs: Iterable[Config] = ()) -> None:
        """Take the configs that decide in it; without them, it is as it was written."""
        data.mkdir(exist_ok=True)
        self.data = data
        self._replays = [*map(Replay, configs)]
        self.spans = Spans()
        self.first = math.inf
        self.last = 0.0
        self.names: set[str] = set()

    def add(self, series: Iterable[Series]) -> None:
        """Add series of a period that follows the periods before it."""
        found = [each for each in series if each.samples]
        for replay in self._replays:
            found = replay.series(found)
        if not found:
            return
        add_series(self.data, found)
        self.spans.add(found)
        for each in found:
            self.names.add(each.name)
            if each.name.startswith("custom_googleapis_com:datastream_"):
                self.first = min(self.first, each.samples[0].time)
                self.last = max(self.last, each.samples[-1].time)


def recorded() -> Iterator[Series]:
    """Yield the series of the recorded history."""
    packed = files("lab.history").joinpath(RECORDED).read_bytes()
    for line in gzip.decompress(packed).decode().splitlines():
        name, labels, points = json.loads(line)
        series = Series(name, tuple(sorted(labels.items())))
        for time, value in points:
            series.add(time + visible_after(name), time, value)
        yield series
