"""Remembers, in a process with many runs, what was discovered and written.

Points cost money, so a location is written when anything in it changed, in each run of
the minute after, and while it can't be read; otherwise every four minutes: PromQL looks
back five.
"""

import math
from collections import defaultdict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from exporter.names import LocationName, Name

# How long discovered locations are used before they are discovered again
DISCOVERY_SECONDS = 600.0
# How long a location with streams is read that is no longer listed
DROPPED_SECONDS = 86_400.0
# How long after a change every run reads and writes the location
AFTER_CHANGE_SECONDS = 60.0
# The longest time between two points of a series that doesn't change
LONGEST_SECONDS = 240.0
EMPTY_SECONDS = 300.0  # how often a discovered location without streams is read
_LATE_SECONDS = 15.0  # how late a run may start and still count as on time


# What a run found at a location, but for the time: what its samples depend on
UNREADABLE: Hashable = "unreadable"
EMPTY: Hashable = "empty"  # also of a discovery that succeeded


@dataclass(slots=True)
class _Location:
    """What is known of a location or a discovery, in seconds of the memory's clock."""

    observation: Hashable  # the last one
    changed: float  # when an observation last differed from the one before
    has_streams: bool  # by the last reading that succeeded
    written: float | None = None  # when last in full; None if the last try was not
    emptied: float = -math.inf  # when it last lost all of its streams


class _Discovered(NamedTuple):
    """When a project was last discovered, and each of its locations last listed."""

    at: float
    listed: dict[str, float]


class Memory:
    """What a process remembers from one run to the next.

    Each location is handled by one thread, so nothing here needs a lock.
    """

    def __init__(self, interval: float | None = None) -> None:
        """Take the seconds between two runs; None in a process that makes one run."""
        self._interval = interval
        self._now = 0.0
        self._gap = interval or 0.0
        self._slack = min(_LATE_SECONDS, self._gap / 2)
        self._discovered: dict[str, _Discovered] = defaultdict(
            lambda: _Discovered(-math.inf, {})
        )
        self._locations: dict[Name, _Location] = {}

    def begin(self, now: float) -> None:
        """Begin a run at ``now``, in seconds of a clock that never goes back."""
        if self._interval is not None:
            # A schedule may be slower than usual; a run that a log starts comes
            # earlier.
            self._gap = max(self._interval, now - self._now if self._now else 0.0)
        self._now = now

    def discovered(self, project: str) -> tuple[str, ...] | None:
        """Return a project's locations if they were discovered lately, else None."""
        if self._now - self._discovered[project].at >= DISCOVERY_SECONDS:
            return None
        return self.last_discovered(project)

    def learn(
        self,
        project: str,
        locations: Iterable[str],
    ) -> None:
        """Remember what discovery just returned."""
        before = self._discovered[project]
        listed = dict.fromkeys(locations, self._now)
        for location, at in before.listed.items():
            known = self._locations.get(LocationName(project, location))
            # One that is dropped now is of interest if it has streams now.
            if at < before.at or (known and known.has_streams):
                listed.setdefault(location, at)
        self._discovered[project] = _Discovered(self._now, listed)

    def dropped(self, project: str) -> tuple[str, ...]:
        """Return locations that had streams and are no longer listed, for a day."""
        known = self._discovered[project]
        since = self._now - DROPPED_SECONDS
        return tuple(each for each, at in known.listed.items() if since < at < known.at)

    def last_discovered(self, project: str) -> tuple[str, ...]:
        """Return the locations that the last discovery returned, however long ago."""
        known = self._discovered[project]
        return tuple(each for each, at in known.listed.items() if at == known.at)

    def is_worth_reading(self, name: LocationName) -> bool:
        """Return whether to read a discovered location; an empty one seldom changes."""
        known = self._locations.get(name)
        return (
            known is None
            or known.has_streams
            or known.observation == UNREADABLE
            or self._is_due(known, EMPTY_SECONDS)
        )

    def claim(
        self,
        name: Name,
        observation: Hashable,
    ) -> tuple[bool, bool]:
        """Remember what a run found; return whether that is new, and whether it is due.

        What is due counts as not written until :meth:`mark_written`.
        """
        known = self._locations.get(name)
        changed = known is None or known.observation != observation
        if known is None:
            known = _Location(observation, self._now, has_streams=False)
            self._locations[name] = known
        elif changed:
            known.observation = observation
            known.changed = self._now
        if observation != UNREADABLE:
            if observation == EMPTY and known.has_streams:
                known.emptied = self._now
            known.has_streams = observation != EMPTY
            if not self._is_due(known, LONGEST_SECONDS):
                return changed, False
        known.written = None
        return changed, True

    def is_just_emptied(self, name: LocationName) -> bool:
        """Return whether a location lost all of its streams in the last minute."""
        since = self._now - self._locations[name].emptied
        return since < AFTER_CHANGE_SECONDS + _LATE_SECONDS

    def mark_written(self, name: Name) -> None:
        """Remember that every point about it was accepted in this run."""
        self._locations[name].written = self._now

    def _is_due(
        self,
        known: _Location,
        longest: float,
    ) -> bool:
        """Return whether a location needs points, or would before the next run."""
        if known.written is None:
            return True
        if self._now - known.changed < AFTER_CHANGE_SECONDS + _LATE_SECONDS:
            return True
        return self._now + self._gap - known.written > longest + self._slack
