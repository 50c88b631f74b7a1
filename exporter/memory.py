"""Remembers, in a process with many runs, what was discovered, written and collected.

Points cost money, so a location is written when anything in it changed, in each run of
the minute after, and while it can't be read; otherwise every four minutes: PromQL looks
back five.
"""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, replace

from exporter.names import LocationName

# How long discovered locations are used before they are discovered again
DISCOVERY_SECONDS = 600.0
# How long a location with streams is read that is no longer listed
DROPPED_SECONDS = 86_400.0
# How long after a change every run reads and writes the location
AFTER_CHANGE_SECONDS = 60.0
# The longest time between two points of a series that doesn't change
LONGEST_SECONDS = 240.0
EMPTY_SECONDS = 300.0  # how often a discovered location without streams is read
COLLECT_SECONDS = 900  # the optional collectors run in the first run of each such time
# How late a run without memory counts as the first: schedules start a job a little late
FIRST_RUN_SECONDS = 75
_LATE_SECONDS = 15.0  # how late a run may start and still count as on time


@dataclass(frozen=True, slots=True)
class _Seen:
    """What was last written of a location."""

    # Its values; None if it was not read, or not all of it was written
    values: Hashable
    empty: bool  # whether it has no streams
    changed: float  # when the values last changed
    at: float  # when they were written


@dataclass(slots=True)
class _Discovered:
    """When a project was last discovered, and each of its locations last listed."""

    at: float
    listed: dict[str, float]


class Memory:
    """What a process remembers from one run to the next; one that makes one run has none.

    Each location is handled by one thread, so nothing here needs a lock.
    """

    def __init__(self, interval: float | None = None) -> None:
        """Take the seconds from one run to the next; None in a process that makes one run."""
        self._interval = interval
        self._now = 0.0
        self._gap = interval or 0.0
        self._slack = min(_LATE_SECONDS, self._gap / 2)
        self._discovered: dict[str, _Discovered] = {}
        self._seen: dict[LocationName, _Seen] = {}
        self._quarter: int | None = None
        self.changed = False
        """Whether the run under way found something that differs from the run before it."""

    def begin(self, now: float) -> None:
        """Begin a run at ``now``, in seconds of a clock that never goes back."""
        if self._interval is not None:
            # A schedule may be slower than usual; a run that a log starts comes
            # earlier.
            self._gap = max(self._interval, now - self._now if self._now else 0.0)
        self._now = now
        self.changed = False

    def discovered(self, project: str) -> tuple[str, ...] | None:
        """Return a project's locations if they were discovered lately, else None."""
        known = self._discovered.get(project)
        if known is None or self._now - known.at >= DISCOVERY_SECONDS:
            return None
        return self.last_discovered(project)

    def learn(self, project: str, locations: Iterable[str]) -> None:
        """Remember what discovery just returned."""
        before = self._discovered.get(project) or _Discovered(self._now, {})
        # One that is dropped now is of interest if it has streams now.
        kept = {
            location: at
            for location, at in before.listed.items()
            if at < before.at or self._has_streams(project, location)
        }
        listed = kept | dict.fromkeys(locations, self._now)
        self._discovered[project] = _Discovered(self._now, listed)

    def dropped(self, project: str) -> tuple[str, ...]:
        """Return locations that had streams and are no longer listed, for a day."""
        known = self._discovered.get(project) or _Discovered(self._now, {})
        since = self._now - DROPPED_SECONDS
        return tuple(each for each, at in known.listed.items() if since < at < known.at)

    def last_discovered(self, project: str) -> tuple[str, ...]:
        """Return the locations that the last discovery returned, however long ago."""
        known = self._discovered.get(project) or _Discovered(self._now, {})
        return tuple(each for each, at in known.listed.items() if at == known.at)

    def _has_streams(self, project: str, location: str) -> bool:
        seen = self._seen.get(LocationName(project, location))
        return seen is not None and not seen.empty

    def is_worth_reading(self, name: LocationName) -> bool:
        """Return whether to read a discovered location now; one without streams seldom changes."""
        seen = self._seen.get(name)
        return (
            seen is None
            or seen.values is None
            or not seen.empty
            or self._now - seen.changed < AFTER_CHANGE_SECONDS + _LATE_SECONDS
            or self._now + self._gap - seen.at > EMPTY_SECONDS + self._slack
        )

    def is_due(
        self, name: LocationName, values: Hashable, *, empty: bool = False
    ) -> bool:
        """Return whether to write a location now, and count it as written.

        Its samples depend on ``values``; None if it was not read.
        """
        before = self._seen.get(name)
        changed = before is None or before.values != values
        if changed:
            self.changed = True
        since = self._now if before is None or changed else before.changed
        due = (
            values is None
            or before is None
            or self._now - since < AFTER_CHANGE_SECONDS + _LATE_SECONDS
            # At the next run it would be too late.
            or self._now + self._gap - before.at > LONGEST_SECONDS + self._slack
        )
        if due:
            # Of one that can't be read, what is known of its streams stays.
            kept = empty if values is not None or before is None else before.empty
            self._seen[name] = _Seen(values, kept, since, self._now)
        return due

    def not_written(self, name: LocationName) -> None:
        """Count a location as changed, as not all of its points were accepted."""
        if seen := self._seen.get(name):
            self._seen[name] = replace(seen, values=None)

    def collects(self, timestamp: int) -> bool:
        """Return whether the run at a unix time is the first of a quarter of an hour."""
        if self._interval is None:
            return timestamp % COLLECT_SECONDS < FIRST_RUN_SECONDS
        quarter = timestamp // COLLECT_SECONDS
        first = quarter != self._quarter
        self._quarter = quarter
        return first
