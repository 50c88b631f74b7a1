"""The points that can be found in Cloud Monitoring, by the thing that they are about."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, NamedTuple

from exporter.measure import samples
from lab.policies.known_metrics import promql_name
from lab.report.things import Kind
from lab.report.truth import state_case
from lab.simulate import native_series

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lab.report.things import Thing
    from lab.simulate.series import Series
    from lab.simulate.simulation import CompletedRun, Recording

_STATE = promql_name(samples.STATE.type)
_CONNECTION = promql_name(samples.CONNECTION_STATE.type)
_UP = promql_name(samples.UP.type)


class Dot(NamedTuple):
    """A point, or a run, in time.

    Attributes:
        at: The time that it carries, in seconds after the start.
        text: What it says.
        shape: ``plain`` for a usual state, ``marked`` for another, ``failed`` for a failure, and
            ``unread`` where something could not be read or written.
    """

    at: float
    text: str
    shape: str


class Gap(NamedTuple):
    """A time without points, from the last one before it to the first one after it."""

    begin: float
    end: float


class Row(NamedTuple):
    """Points of one kind, about one thing.

    Attributes:
        title: What they are.
        dots: The points, by time.
        gaps: Where some are wanting.
    """

    title: str
    dots: tuple[Dot, ...]
    gaps: tuple[Gap, ...]


class Samples:
    """The points of a recording."""

    def __init__(self, recording: Recording, every: float) -> None:
        """Sort the series by what they are about.

        Args:
            recording: Holds the points.
            every: Seconds from one run to the next.
        """
        self._recording = recording
        self._every = every
        self._by_name: dict[tuple[str, str, str, str], Series] = {}
        self._up: dict[tuple[str, str], Series] = {}
        self._fresh: dict[tuple[str, str, str], Series] = {}
        self._executed: list[Series] = []
        for series in recording.series:
            labels = dict(series.labels)
            where = labels.get("namespace", ""), labels["location"]
            if series.name in {_STATE, _CONNECTION}:
                self._by_name[series.name, *where, labels["node_id"]] = series
            elif series.name == _UP:
                self._up[where] = series
            elif series.name == native_series.FRESHNESS:
                self._fresh[labels["project_id"], labels["location"], labels["stream_id"]] = series
            elif series.name == native_series.EXECUTIONS and labels["result"] == "succeeded":
                self._executed.append(series)

    def of(self, thing: Thing) -> Row:
        """Return what the exporter wrote about a thing."""
        parts = thing.parts
        match thing.kind:
            case Kind.STREAM:
                dots = self._written(_STATE, parts, "streams")
            case Kind.CONNECTION:
                dots = self._written(_CONNECTION, parts, "privateConnections")
            case _:
                within = [
                    series
                    for (project, location), series in self._up.items()
                    if project == parts.get("projects")
                    and parts.get("locations") in {location, None}
                ]
                dots = self._read(within)
        return self._row("samples", dots, self._every)

    def runs(self, deployment: int, title: str) -> Row:
        """Return the runs of one of the exporters, by when they ended.

        Args:
            deployment: Its place in the scenario.
            title: What to call them.
        """
        ran = [run for run in self._recording.runs if run.scheduled.deployment == deployment]
        return self._row(title, [_run(run) for run in ran], self._every)

    def native(self, thing: Thing) -> Row:
        """Return what Google itself measures of a thing: freshness, or executions that ended."""
        every = max(self._every, _NATIVE_SECONDS)
        if thing.kind is Kind.EXPORTER:
            # A sample at the beginning of its minute only says from where on it is counted.
            found = [sample for series in self._executed for sample in series.samples]
            dots = [
                Dot(each.own - self._recording.start, "an execution", "plain") for each in found
            ]
            return self._row("Cloud Run's count", sorted(set(dots)), every)
        parts = thing.parts
        key = parts.get("projects", ""), parts.get("locations", ""), parts.get("streams", "")
        series = self._fresh.get(key)
        dots = [
            Dot(each.own - self._recording.start, "freshness", "plain")
            for each in (series.samples if series else ())
        ]
        return self._row("freshness", dots, every)

    def _written(self, name: str, parts: dict[str, str], kind: str) -> list[Dot]:
        """Return a stream's or a connection's own points, and when its location was not read."""
        where = parts["projects"], parts["locations"]
        series, up = self._by_name.get((name, *where, parts[kind])), self._up.get(where)
        dots = []
        for sample in series.samples if series else ():
            case = state_case(int(sample.value), connection=name == _CONNECTION)
            shape = _SHAPES.get(case.case, "marked")
            dots.append(Dot(sample.own - self._recording.start, case.text, shape))
        unread = [dot for dot in self._read([up] if up else []) if dot.shape == "unread"]
        return sorted([*dots, *unread])

    def _read(self, up: Iterable[Series]) -> list[Dot]:
        """Return when locations were read, and when one of them could not be."""
        moments: dict[float, bool] = {}
        for series in up:
            for sample in series.samples:
                at = sample.own - self._recording.start
                moments[at] = moments.get(at, True) and bool(sample.value)
        return [
            Dot(at, "read", "plain") if clean else Dot(at, "not readable", "unread")
            for at, clean in sorted(moments.items())
        ]

    def _row(self, title: str, dots: list[Dot], every: float) -> Row:
        """Return a row, with the gaps in which more than one point in a row is wanting."""
        lasts = self._recording.lasts
        within = [dot for dot in dots if 0 <= dot.at <= lasts]
        moments = [0.0, *(dot.at for dot in within), lasts]
        gaps = (
            Gap(before, after)
            for before, after in itertools.pairwise(moments)
            if after - before > every * _MISSED
        )
        return Row(title, tuple(within), tuple(gaps))


_MISSED = 2.0
_NATIVE_SECONDS = 60.0
"""From one sample of Google's own to the next."""

_SHAPES = {"good": "plain", "bad": "failed", "lost": "failed"}


def _run(run: CompletedRun) -> Dot:
    return (
        Dot(run.ended, "a run", "plain")
        if run.complete
        else Dot(run.ended, "a run that lost points", "unread")
    )
