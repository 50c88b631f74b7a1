"""Differences between the incidents of a scenario before and after a change."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from lab.prove.incidents import Incident


class ChangeKind(StrEnum):
    """How an incident changes, the most important first."""

    LOST = "lost"
    LATER = "later"
    GAINED = "gained"
    SOONER = "sooner"
    REOPENED = "reopened"
    MERGED = "merged"
    ENDS_SOONER = "ends sooner"
    ENDS_LATER = "ends later"


END_CHANGES = frozenset({ChangeKind.ENDS_SOONER, ChangeKind.ENDS_LATER})


@dataclass(frozen=True, slots=True)
class SecondsRange:
    """The least and the most of several times."""

    least: float
    most: float


@dataclass(frozen=True, slots=True)
class IncidentChange:
    """An incident that changes, over all phases of the evaluations.

    Attributes:
        kind: How it changes.
        about: The resource's full name; labels if the incident names none.
        before: When it opened, in seconds after the scenario's start; when it closed for an
            ``END_CHANGES``. None if it did not.
        after: The same after the change.
        by: Seconds by which it moves; None if it appears or disappears.
        phases: In how many phases it changes.
        all_phases: How many phases there are.
    """

    kind: ChangeKind
    about: str
    before: SecondsRange | None
    after: SecondsRange | None
    by: SecondsRange | None
    phases: int
    all_phases: int


class _PhaseChange(NamedTuple):
    """An incident that changes, in one phase."""

    kind: ChangeKind
    before: float | None
    after: float | None

    @property
    def by(self) -> float | None:
        if self.before is None or self.after is None:
            return None
        return abs(self.after - self.before)


def compare_incidents(
    before: Iterable[Incident],
    after: Iterable[Incident],
    intervals: Sequence[int],
    spacing: float,
) -> tuple[IncidentChange, ...]:
    """Return how the incidents of a policy change.

    Args:
        before: The incidents in every phase of the evaluations.
        after: The same after the change.
        intervals: Seconds between evaluations before and after; 0 without evaluations.
        spacing: Seconds between phases.
    """
    # The phases of both sides repeat together after their least common multiple.
    phases = [max(round(interval / spacing), 1) for interval in intervals]
    all_phases = math.lcm(*phases)
    old, new = _by_phase(before, spacing), _by_phase(after, spacing)
    groups: dict[tuple[str, ChangeKind, int], list[_PhaseChange]] = defaultdict(list)
    for phase in range(all_phases):
        was, will = old[phase % phases[0]], new[phase % phases[1]]
        for about in sorted({*was, *will}):
            count: dict[ChangeKind, int] = defaultdict(int)
            for change in _phase_changes(was[about], will[about]):
                groups[about, change.kind, count[change.kind]].append(change)
                count[change.kind] += 1
    return tuple(
        IncidentChange(
            kind,
            about,
            _range(change.before for change in changes),
            _range(change.after for change in changes),
            _range(change.by for change in changes),
            len(changes),
            all_phases,
        )
        for (about, kind, _), changes in groups.items()
    )


def labels_text(incident: Incident) -> str:
    """Return the labels of an incident, such as ``a=1, b=2``."""
    return ", ".join(f"{key}={value}" for key, value in sorted(incident.labels.items()))


def _by_phase(
    incidents: Iterable[Incident], spacing: float
) -> dict[int, dict[str, list[Incident]]]:
    found: dict[int, dict[str, list[Incident]]] = defaultdict(lambda: defaultdict(list))
    for incident in sorted(incidents, key=lambda incident: incident.opened):
        phase = round(incident.phase / spacing)
        found[phase][incident.about or labels_text(incident)].append(incident)
    return found


def _phase_changes(before: Sequence[Incident], after: Sequence[Incident]) -> Iterator[_PhaseChange]:
    """Yield how the incidents about one resource change. Overlapping incidents are the same."""
    unmatched = list(after)
    for old in before:
        overlapping = [
            new for new in unmatched if _end(old) >= new.opened and old.opened <= _end(new)
        ]
        if overlapping:
            new = min(overlapping, key=lambda new: _distance(old, new))
            unmatched.remove(new)
            yield from _moved(old, new)
        else:
            open_after = any(new.opened <= old.opened <= _end(new) for new in after)
            kind = ChangeKind.MERGED if open_after else ChangeKind.LOST
            yield _PhaseChange(kind, old.opened, None)
    for new in unmatched:
        open_before = any(old.opened <= new.opened <= _end(old) for old in before)
        kind = ChangeKind.REOPENED if open_before else ChangeKind.GAINED
        yield _PhaseChange(kind, None, new.opened)


def _moved(old: Incident, new: Incident) -> Iterator[_PhaseChange]:
    if new.opened != old.opened:
        kind = ChangeKind.LATER if new.opened > old.opened else ChangeKind.SOONER
        yield _PhaseChange(kind, old.opened, new.opened)
    elif new.closed != old.closed:
        later = _end(new) > _end(old)
        kind = ChangeKind.ENDS_LATER if later else ChangeKind.ENDS_SOONER
        yield _PhaseChange(kind, old.closed, new.closed)


def _distance(old: Incident, new: Incident) -> tuple[bool, float]:
    return dict(old.labels) != dict(new.labels), abs(old.opened - new.opened)


def _end(incident: Incident) -> float:
    return math.inf if incident.closed is None else incident.closed


def _range(values: Iterable[float | None]) -> SecondsRange | None:
    known = [value for value in values if value is not None]
    return SecondsRange(min(known), max(known)) if known else None
