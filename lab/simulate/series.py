"""Series for the engine: a name, labels, and points that become visible late."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterable


OWN_TIME = "_own_time"
"""The suffix of the name under which the engine also holds a series by its points' timestamps."""


class VisiblePoint(NamedTuple):
    """A point of a series; times in unix seconds, to the millisecond.

    Attributes:
        visible_at: When it becomes readable.
        time: The timestamp that it carries.
        value: Its value.
    """

    visible_at: float
    time: float
    value: float


@dataclass(slots=True)
class Series:
    """One series.

    Attributes:
        name: The metric's name in PromQL.
        labels: Its labels, sorted by key.
        samples: Its points, oldest first.
    """

    name: str
    labels: tuple[tuple[str, str], ...]
    samples: list[VisiblePoint] = field(default_factory=list)

    def add(self, visible_at: float, time: float, value: float) -> None:
        """Add a point. One that would be visible before the last one is visible just after it."""
        visible_at = round(visible_at, 3)
        if self.samples and visible_at <= self.samples[-1].visible_at:
            visible_at = round(self.samples[-1].visible_at + 0.001, 3)
        self.samples.append(VisiblePoint(visible_at, round(time, 3), value))


class SeriesSet:
    """Series by name and labels."""

    def __init__(self) -> None:
        """Start empty."""
        self._series: dict[tuple[str, tuple[tuple[str, str], ...]], Series] = {}

    def series(self, name: str, labels: dict[str, str]) -> Series:
        """Return the series of a name and labels; a new one where there is none."""
        key = name, tuple(sorted(labels.items()))
        return self._series.setdefault(key, Series(*key))

    def all(self) -> tuple[Series, ...]:
        """Return every series."""
        return tuple(self._series.values())


def write_openmetrics(series: Iterable[Series], out: TextIO) -> None:
    """Write series as OpenMetrics text, each twice: by when points become visible, and by time.

    The format: https://prometheus.io/docs/specs/om/open_metrics_spec/
    """
    for each in series:
        labels = ",".join(f'{key}="{_escaped(value)}"' for key, value in each.labels)
        visible, own = f"{each.name}{{{labels}}}", f"{each.name}{OWN_TIME}{{{labels}}}"
        out.writelines(f"{visible} {one.value:.17g} {one.visible_at:.3f}\n" for one in each.samples)
        out.writelines(f"{own} {one.value:.17g} {one.time:.3f}\n" for one in each.samples)
    out.write("# EOF\n")


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
