"""Descriptions of a timeline's rows for people who don't see the drawing."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from lab.report.subjects import KIND_NAMES
from lab.wording import first_and_more, short

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lab.report.marks import IncidentMark, Point, PointRow, PolicyRow, StateRow, Timeline, Track

_MOST_PARTS = 12
"""How many parts of a row are listed; further ones are counted."""


def describe_axis(timeline: Timeline) -> str:
    """Return what the time axis shows."""
    events = (
        f"{each.number} at {short(each.at)}: {'; '.join(each.texts)}" for each in timeline.events
    )
    length = f"Time, from the start to {short(timeline.lasts)}"
    return _sentence(length, events, "nothing happens")


def describe_states(row: StateRow) -> str:
    """Return a subject's states."""
    return _sentence(row.title, (f"{each.text} {_interval(*each[:2])}" for each in row.intervals))


def describe_points(row: PointRow) -> str:
    """Return the values of points, and when points are missing."""
    gaps = (f"none {_interval(*gap)}" for gap in row.gaps)
    return _sentence(f"{len(row.points)} {row.title}", [*_values(row.points), *gaps], "none")


def describe_policy(row: PolicyRow) -> str:
    """Return when a policy's condition was true and what it opened."""
    parts = [
        f"condition true {_interval(each.begin, each.end)}"
        + ("" if each.end > each.fires else ", shorter than the retest window")
        for each in row.intervals
    ]
    parts += [f"log entry at {short(at)}" for at in row.log_entries]
    parts += [
        f"incident expected to {'close' if window.closes else 'open'} {_interval(*window[:2])}"
        for window in row.windows
    ]
    parts += map(_incident, row.incidents)
    parts += [f"{row.missed} expected, not opened"] * bool(row.missed)
    parts += ["no incident"] * (not row.incidents and not row.missed)
    return _sentence(row.policy, parts)


def describe_similar(track: Track) -> str:
    """Return how many further subjects behave like this one, and their names."""
    if not track.similar:
        return ""
    names = [
        each.short if each.parent == track.subject.parent else f"{each.short} in {each.parent}"
        for each in track.similar
    ]
    kind = KIND_NAMES[track.subject.kind] + "s" * (len(track.similar) > 1)
    return f"and {len(track.similar)} similar {kind}: {first_and_more(names, _MOST_PARTS)}"


def _values(points: Iterable[Point]) -> Iterator[str]:
    """Yield each run of points that have the same value."""
    for text, same in itertools.groupby(points, key=lambda point: point.text):
        times = [point.at for point in same]
        once = len(times) == 1
        yield (
            f"{text} at {short(times[0])}" if once else f"{text} {_interval(times[0], times[-1])}"
        )


def _incident(incident: IncidentMark) -> str:
    closed = "still open at the end" if incident.open else f"closed at {short(incident.end)}"
    return f"incident opened at {short(incident.begin)}, {closed}: {incident.outcome}"


def _interval(begin: float, end: float) -> str:
    return f"from {short(begin)} to {short(end)}"


def _sentence(title: str, parts: Iterable[str], otherwise: str = "") -> str:
    return f"{title}: {first_and_more([*parts], _MOST_PARTS, '; ') or otherwise}."
