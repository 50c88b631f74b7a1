"""The points in Cloud Monitoring about each subject, and the exporter's runs."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from exporter.measure import samples
from lab.policies.promql import promql_name
from lab.report.actual_states import state_of
from lab.report.marks import Gap, Point, PointRow
from lab.report.subjects import SubjectKind
from lab.simulate import native_series

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lab.report.subjects import Subject
    from lab.simulate.series import Series, VisiblePoint
    from lab.simulate.simulation import Recording

_STATE = promql_name(samples.STATE.type)
_CONNECTION = promql_name(samples.CONNECTION_STATE.type)
_UP = promql_name(samples.UP.type)

_NATIVE_SECONDS = 60.0
"""Interval of Google's own metrics."""

_SHAPES = {"good": "plain", "bad": "failed", "lost": "failed"}


class Points:
    """The points of a recording."""

    def __init__(self, recording: Recording, interval: float) -> None:
        """Index the series by subject.

        Args:
            recording: Holds the series.
            interval: Seconds from one run to the next.
        """
        self._recording = recording
        self._interval = interval
        self._states: dict[tuple[str, str, str, str], Series] = {}
        self._up: dict[tuple[str, str], Series] = {}
        self._freshness: dict[tuple[str, str, str], Series] = {}
        self._executions: list[Series] = []
        for series in recording.series:
            labels = dict(series.labels)
            location = labels.get("namespace", ""), labels["location"]
            if series.name in {_STATE, _CONNECTION}:
                self._states[series.name, *location, labels["node_id"]] = series
            elif series.name == _UP:
                self._up[location] = series
            elif series.name == native_series.FRESHNESS:
                key = labels["project_id"], labels["location"], labels["stream_id"]
                self._freshness[key] = series
            elif series.name == native_series.EXECUTIONS and labels["result"] == "succeeded":
                self._executions.append(series)

    def written(self, subject: Subject) -> PointRow:
        """Return what the exporter wrote about a subject."""
        parts = subject.parts
        match subject.kind:
            case SubjectKind.STREAM:
                points = self._state_points(_STATE, parts, "streams")
            case SubjectKind.CONNECTION:
                points = self._state_points(_CONNECTION, parts, "privateConnections")
            case _:
                points = self._up_points(
                    series
                    for (project, location), series in self._up.items()
                    if project == parts.get("projects")
                    and parts.get("locations") in {location, None}
                )
        return self._row("points", points, self._interval)

    def runs(self, deployment: int, title: str) -> PointRow:
        """Return the runs of one exporter, by the time at which they ended.

        Args:
            deployment: The exporter's index in the scenario.
            title: The row's title.
        """
        points = [
            Point(run.ended, "a run", "plain")
            if run.complete
            else Point(run.ended, "a run that lost points", "unread")
            for run in self._recording.runs
            if run.scheduled.deployment == deployment
        ]
        return self._row(title, points, self._interval)

    def native(self, subject: Subject) -> PointRow:
        """Return Google's own points about a subject: freshness, or executions of the job."""
        interval = max(self._interval, _NATIVE_SECONDS)
        if subject.kind is SubjectKind.EXPORTER:
            # Several samples of a minute carry the same time.
            points = {
                Point(self._at(sample), "an execution", "plain")
                for series in self._executions
                for sample in series.samples
            }
            return self._row("executions (Cloud Run)", sorted(points), interval)
        parts = subject.parts
        key = parts.get("projects", ""), parts.get("locations", ""), parts.get("streams", "")
        series = self._freshness.get(key)
        samples_ = series.samples if series else ()
        freshness = [Point(self._at(sample), "freshness", "plain") for sample in samples_]
        return self._row("freshness", freshness, interval)

    def _state_points(self, name: str, parts: dict[str, str], collection: str) -> list[Point]:
        """Return a resource's own points, and when its location wasn't read."""
        location = parts["projects"], parts["locations"]
        series = self._states.get((name, *location, parts[collection]))
        up = self._up.get(location)
        points = []
        for sample in series.samples if series else ():
            state = state_of(int(sample.value), connection=name == _CONNECTION)
            shape = _SHAPES.get(state.style, "marked")
            points.append(Point(self._at(sample), state.text, shape))
        unread = [point for point in self._up_points([up] if up else []) if point.shape == "unread"]
        return sorted([*points, *unread])

    def _up_points(self, up: Iterable[Series]) -> list[Point]:
        """Return when all of some locations were read, and when one of them wasn't."""
        clean: dict[float, bool] = {}
        for series in up:
            for sample in series.samples:
                at = self._at(sample)
                clean[at] = clean.get(at, True) and bool(sample.value)
        return [
            Point(at, "read", "plain") if read else Point(at, "not readable", "unread")
            for at, read in sorted(clean.items())
        ]

    def _at(self, sample: VisiblePoint) -> float:
        return sample.time - self._recording.start

    def _row(self, title: str, points: list[Point], interval: float) -> PointRow:
        """Return a row, with a gap wherever two points are more than two intervals apart."""
        lasts = self._recording.lasts
        within = [point for point in points if 0 <= point.at <= lasts]
        times = [0.0, *(point.at for point in within), lasts]
        gaps = (
            Gap(before, after)
            for before, after in itertools.pairwise(times)
            if after - before > interval * 2
        )
        return PointRow(title, tuple(within), tuple(gaps))
