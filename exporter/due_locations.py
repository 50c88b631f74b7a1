"""Which locations a run of ``watch`` writes.

A fleet that nobody touches looks the same every ten seconds, and points cost money. So a location
is written completely when anything in it changed, at every run of the minute after that, and while
it can't be read. Otherwise it is written once a minute, as a job would.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from exporter.names import LocationName
from exporter.read.observations import GLOBAL, ReadLocation

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable, Iterator

    from exporter.measure.samples import Measurement

AFTER_CHANGE_SECONDS = 60.0
"""How long after a change every run writes the location."""

LONGEST_SECONDS = 60.0
"""The longest time between two points of a series, for any interval up to this."""

_LATE_SECONDS = 1.0
"""How late a run may start and still count as on time."""


class _Subject(NamedTuple):
    """A location, or its private connections, which are read and written after the streams."""

    name: LocationName
    connections: bool = False


class _Written(NamedTuple):
    """What was last written of a location.

    Attributes:
        content: Its values; None if it was not read, or not all of it was written.
        changed: When they last changed.
        at: When they were written.
    """

    content: Hashable
    changed: float
    at: float


class DueLocations:
    """Decides for each run which locations it writes, and remembers what was written."""

    def __init__(self, interval: float) -> None:
        """Start without memory: the first run writes everything, as after a change.

        Args:
            interval: Seconds from one run to the next.
        """
        self._interval = interval
        self._written: dict[_Subject, _Written] = {}

    def choose(self, measurement: Measurement, now: float) -> frozenset[LocationName]:
        """Return the locations that this run writes, and count them as written.

        Args:
            measurement: What the run read.
            now: When the run started, in seconds of a clock that never goes back.
        """
        return frozenset(
            subject.name
            for subject, content in _contents(measurement)
            if self._is_due(subject, content, now)
        )

    def not_written(self, names: Collection[LocationName]) -> None:
        """Count locations as changed whose points were not all accepted."""
        for name in names:
            for subject in (_Subject(name), _Subject(name, connections=True)):
                if written := self._written.get(subject):
                    self._written[subject] = written._replace(content=None)

    def _is_due(self, subject: _Subject, content: Hashable, now: float) -> bool:
        before = self._written.get(subject)
        changed = now if before is None or before.content != content else before.changed
        is_due = (
            content is None
            or before is None
            or now - changed < AFTER_CHANGE_SECONDS + _LATE_SECONDS
            # At the next run it would be too late.
            or now + self._interval - before.at > LONGEST_SECONDS + _LATE_SECONDS
        )
        if is_due:
            self._written[subject] = _Written(content, changed, now)
        return is_due


def _contents(measurement: Measurement) -> Iterator[tuple[_Subject, Hashable]]:
    """Yield each location with the values that its samples depend on, None if it was not read."""
    seen = measurement.observations
    for project, discovery in seen.discoveries.items():
        yield (
            _Subject(LocationName(project, GLOBAL)),
            True if isinstance(discovery, tuple) else None,
        )
    for reading in seen.locations:
        if not isinstance(reading, ReadLocation):
            yield _Subject(reading.name), None
    for evaluated in measurement.locations:
        streams = frozenset(
            (stream.id, stream.state, stream.errors, expected)
            for stream, expected in evaluated.streams
        )
        yield _Subject(evaluated.name), (streams, evaluated.missing)
    for name, states in seen.connections.items():
        yield _Subject(name, connections=True), frozenset(states.items())
