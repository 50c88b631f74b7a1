"""Remembers, in a process with many runs, what was discovered and written.

Points cost money, so a location is written when anything in it changed, in each run of
the minute after, the next one at least, and while it can't be read; otherwise every
four minutes, or in each run if they are further apart.
"""

import math
from collections import defaultdict
from collections.abc import Hashable
from dataclasses import dataclass
from zlib import crc32

from exporter.names import LocationName, Name

# How long discovered locations are used before they are discovered again
DISCOVERY_SECONDS = 600.0
# How long after a change every run reads and writes the location
AFTER_CHANGE_SECONDS = 60.0
# The longest time between two points of a series that doesn't change
LONGEST_SECONDS = 240.0
EMPTY_SECONDS = 300.0  # how often a discovered location without streams is read
LATE_SECONDS = 15.0  # how late a run may start and still count as on time


# What a run found at a location, apart from the time: its samples depend on this
UNREADABLE = "unreadable"
NO_STREAMS = "no streams"  # also of a discovery that succeeded


@dataclass
class _Location:
    """What is known of a location or a discovery, in seconds of the memory's clock."""

    observation: Hashable = None  # the last one
    changed: float = -math.inf  # when one last differed from the one before
    written: float = -math.inf  # when last in full, unless a try failed since
    ahead: float = 0.0  # how much earlier the points after the first ones are due


class Memory:
    """What a process remembers from one run to the next."""

    def __init__(self, interval: float) -> None:
        """Take the seconds between two runs."""
        self._interval = self._gap = interval
        self._slack = min(LATE_SECONDS, interval / 2)
        self._now = math.inf
        # The locations of each project that were last discovered, and when
        self.discovered: dict[str, tuple[str, ...]] = {}
        self._discovered_at: dict[str, float] = {}
        self._locations: dict[Name, _Location] = defaultdict(_Location)
        self.changed = False  # whether the run found anything that is new

    def begin(self, now: float) -> None:
        """Begin a run at ``now``, in seconds of a clock that never goes back."""
        # A schedule may be slower than usual.
        self._gap = max(self._interval, now - self._now)
        self._now = now
        self.changed = False

    def must_discover(self, project: str) -> bool:
        """Return whether a project's locations were not discovered lately."""
        discovered = self._discovered_at.get(project, -math.inf)
        return self._now - discovered >= DISCOVERY_SECONDS

    def keep_discovered(self, project: str, locations: tuple[str, ...]) -> None:
        """Remember what discovery just returned."""
        self.discovered[project] = locations
        self._discovered_at[project] = self._now

    def is_worth_reading(self, name: LocationName) -> bool:
        """Return whether to read a discovered location; an empty one seldom changes."""
        known = self._locations[name]
        return known.observation != NO_STREAMS or self._needs_points(
            known, EMPTY_SECONDS
        )

    def keep_observation(self, name: Name, observation: Hashable) -> None:
        """Remember what a run found."""
        known = self._locations[name]
        if known.observation != observation:
            if known.observation is None and observation == NO_STREAMS:
                # A process finds all empty locations in one run. Each is read again at
                # a second of its own, because a minute's calls are limited.
                known.ahead = crc32(str(name).encode()) % EMPTY_SECONDS
            else:
                known.changed = self._now
            known.observation = observation
            self.changed = True

    def is_due(self, name: Name) -> bool:
        """Return whether what a run found is to be written."""
        known = self._locations[name]
        return known.observation == UNREADABLE or self._needs_points(
            known, LONGEST_SECONDS
        )

    def keep_written(self, name: Name, *, complete: bool) -> None:
        """Remember whether every point about it was accepted in this run."""
        known = self._locations[name]
        known.written = -math.inf
        if complete:
            known.written = self._now - known.ahead
            known.ahead = 0.0

    def _needs_points(self, known: _Location, longest: float) -> bool:
        """Return whether a location needs points, or would before the next run."""
        # The next run at least, however much later it is
        after_change = max(AFTER_CHANGE_SECONDS, self._gap)
        if self._now - known.changed < after_change + LATE_SECONDS:
            return True
        return self._now + self._gap - known.written > longest + self._slack
