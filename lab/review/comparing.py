"""The pages of one scenario before and after a change, held against each other."""

from __future__ import annotations

import math
from collections import defaultdict
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from lab.prove.incidents import Incident


class Kind(StrEnum):
    """How a page is different. What matters most stands first."""

    LOST = "lost"
    LATER = "later"
    GAINED = "gained"
    SOONER = "sooner"
    AGAIN = "again"
    JOINED = "joined"
    ENDS_SOONER = "ends sooner"
    ENDS_LATER = "ends later"


class Span(NamedTuple):
    """From the least to the most of several; seconds."""

    least: float
    most: float


class Effect(NamedTuple):
    """A page that is different.

    Attributes:
        kind: How.
        about: What the page is about: a full name, or labels where it names nothing.
        before: When it opened, over all phases of the evaluations, in seconds after the
            scenario's start; None of one that is gained. Of one that ends at another time, when it
            ended; None there where it was open at the end.
        after: The same after the change; None of one that is lost.
        by: By how much later or sooner; None where that says nothing.
        phases: In how many phases of the evaluations it is so.
        tried: How many there are.
    """

    kind: Kind
    about: str
    before: Span | None
    after: Span | None
    by: Span | None
    phases: int
    tried: int


class _Single(NamedTuple):
    """The same in one phase."""

    kind: Kind
    before: float | None
    after: float | None

    @property
    def by(self) -> float | None:
        if self.before is None or self.after is None:
            return None
        return abs(self.after - self.before)


def compared(
    before: Iterable[Incident],
    after: Iterable[Incident],
    intervals: tuple[int, int],
    spacing: float,
) -> tuple[Effect, ...]:
    """Return what is different about the pages of a policy.

    Args:
        before: The incidents in every phase of the evaluations.
        after: The same after the change.
        intervals: Seconds from one evaluation to the next, before and after; 0 where there are
            none, as log entries page or nothing does.
        spacing: Seconds between phases.
    """
    # Each phase of one side meets the phases of the other that it may fall together with.
    phases = [max(round(interval / spacing), 1) for interval in intervals]
    tried = math.lcm(*phases)
    old, new = _by_phase(before, spacing), _by_phase(after, spacing)
    gathered: dict[tuple[str, Kind, int], list[_Single]] = defaultdict(list)
    for phase in range(tried):
        was, will = old[phase % phases[0]], new[phase % phases[1]]
        for about in sorted({*was, *will}):
            count: dict[Kind, int] = defaultdict(int)
            for single in _differences(was[about], will[about]):
                gathered[about, single.kind, count[single.kind]].append(single)
                count[single.kind] += 1
    return tuple(
        Effect(
            kind,
            about,
            _span(single.before for single in singles),
            _span(single.after for single in singles),
            _span(single.by for single in singles),
            len(singles),
            tried,
        )
        for (about, kind, _), singles in gathered.items()
    )


def _by_phase(
    incidents: Iterable[Incident], spacing: float
) -> dict[int, dict[str, list[Incident]]]:
    """Return the incidents by phase and by what they are about, in order."""
    found: dict[int, dict[str, list[Incident]]] = defaultdict(lambda: defaultdict(list))
    for each in sorted(incidents, key=lambda incident: incident.opened):
        found[round(each.phase / spacing)][each.about or _labels(each)].append(each)
    return found


def _labels(incident: Incident) -> str:
    return ", ".join(f"{key}={value}" for key, value in sorted(incident.labels.items()))


def _differences(before: Sequence[Incident], after: Sequence[Incident]) -> Iterator[_Single]:
    """Yield how the pages about one thing are different, in one phase."""
    left = list(after)
    for old in before:
        meeting = [new for new in left if _end(old) >= new.opened and old.opened <= _end(new)]
        if meeting:
            new = min(meeting, key=lambda each: _far(old, each))
            left.remove(new)
            yield from _moved(old, new)
        elif any(new.opened <= old.opened <= _end(new) for new in after):
            yield _Single(Kind.JOINED, old.opened, None)
        else:
            yield _Single(Kind.LOST, old.opened, None)
    for new in left:
        open_ = any(old.opened <= new.opened <= _end(old) for old in before)
        yield _Single(Kind.AGAIN if open_ else Kind.GAINED, None, new.opened)


def _moved(old: Incident, new: Incident) -> Iterator[_Single]:
    if new.opened != old.opened:
        kind = Kind.LATER if new.opened > old.opened else Kind.SOONER
        yield _Single(kind, old.opened, new.opened)
    elif new.closed != old.closed:
        kind = Kind.ENDS_LATER if _end(new) > _end(old) else Kind.ENDS_SOONER
        yield _Single(kind, old.closed, new.closed)


def _far(one: Incident, other: Incident) -> tuple[bool, float]:
    return dict(one.labels) != dict(other.labels), abs(one.opened - other.opened)


def _end(incident: Incident) -> float:
    return math.inf if incident.closed is None else incident.closed


def _span(values: Iterable[float | None]) -> Span | None:
    known = [value for value in values if value is not None]
    return Span(min(known), max(known)) if known else None
