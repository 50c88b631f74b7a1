"""Series as the engine takes them: a name, labels, and points that become visible late."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterable


OWN_TIME = "_own_time"
"""What ends the name under which the engine also holds a series by its points' own times."""


class VisiblePoint(NamedTuple):
    """A point of a series; times in unix seconds, to the millisecond.

    Attributes:
        shown: From when on it can be read.
        own: The time that it carries.
        value: Its value.
    """

    shown: float
    own: float
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

    def add(self, shown: float, own: float, value: float) -> None:
        """Add a point; one that would be shown before the last is shown a moment after it."""
        shown = round(shown, 3)
        if self.samples and shown <= self.samples[-1].shown:
            shown = round(self.samples[-1].shown + 0.001, 3)
        self.samples.append(VisiblePoint(shown, round(own, 3), value))


class SeriesSet:
    """Series in the making, by name and labels."""

    def __init__(self) -> None:
        """Start empty."""
        self._series: dict[tuple[str, tuple[tuple[str, str], ...]], Series] = {}

    def of(self, name: str, labels: dict[str, str]) -> Series:
        """Return the series of a name and labels, a new one where there is none."""
        key = name, tuple(sorted(labels.items()))
        found = self._series.get(key)
        if found is None:
            found = self._series[key] = Series(*key)
        return found

    def all(self) -> tuple[Series, ...]:
        """Return every series."""
        return tuple(self._series.values())


def write_openmetrics(series: Iterable[Series], out: TextIO) -> None:
    """Write series as OpenMetrics text, by the time from which they can be read and by their own.

    The format: https://prometheus.io/docs/specs/om/open_metrics_spec/
    """
    for each in series:
        labels = ",".join(f'{key}="{_escaped(value)}"' for key, value in each.labels)
        shown, own = f"{each.name}{{{labels}}}", f"{each.name}{OWN_TIME}{{{labels}}}"
        out.writelines(f"{shown} {one.value:.17g} {one.shown:.3f}\n" for one in each.samples)
        out.writelines(f"{own} {one.value:.17g} {one.own:.3f}\n" for one in each.samples)
    out.write("# EOF\n")


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
