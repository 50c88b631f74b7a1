"""What one run read and what it could not read, as plain values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from exporter.gcp.errors import Failure
    from exporter.names import LocationName, StreamName

K = TypeVar("K")
V = TypeVar("V")

GLOBAL = "global"
"""The location that stands for the discovery of a project's locations."""


@dataclass(frozen=True, slots=True)
class Stream:
    """A stream as the API lists it.

    Attributes:
        id: The stream's id, the last part of its name.
        state: The API's number for its state, which the client may not know.
        errors: How many errors it has, in any state.
        label: The value of its ``expected-state`` label, None without one.
        reason: The short reason of its first error, None without errors. Like ``error`` it is
            for people to read, and never part of a series.
        error: The text of its first error, None without errors.
    """

    id: str
    state: int
    errors: int = 0
    label: str | None = None
    reason: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class ReadLocation:
    """A location of which every page was read and nothing was unreachable.

    Attributes:
        name: Its project and id.
        streams: Those of its streams that config includes.
    """

    name: LocationName
    streams: tuple[Stream, ...] = ()


@dataclass(frozen=True, slots=True)
class UnreadLocation:
    """A location that was not read cleanly. All of its streams are unknown.

    Attributes:
        name: Its project and id.
        failure: Why it was not read.
    """

    name: LocationName
    failure: Failure


@dataclass(frozen=True, slots=True)
class Objects:
    """The objects (tables) of one stream.

    Attributes:
        by_state: How many are in each backfill state, by the API's number.
        with_errors: How many have active errors.
    """

    by_state: Mapping[int, int]
    with_errors: int


@dataclass(frozen=True, slots=True)
class Observations:
    """Everything that one run read, and everything that it could not read.

    Attributes:
        discoveries: The locations of each discovered project, or why discovery failed.
        locations: Each location of this task as it was read or not, by name.
        objects: The objects of each stream, where collected and read completely.
        connections: The state of each private connection by its id, for each location where
            collected and read completely.
        uncollected: Why a collector failed, by the stream or location that it read.
        skipped: How many locations were not read because the run was asked to stop. A project
            whose discovery was skipped counts as one.
    """

    discoveries: Mapping[str, tuple[str, ...] | Failure] = field(default_factory=dict)
    locations: tuple[ReadLocation | UnreadLocation, ...] = ()
    objects: Mapping[StreamName, Objects] = field(default_factory=dict)
    connections: Mapping[LocationName, Mapping[str, int]] = field(default_factory=dict)
    uncollected: Mapping[StreamName | LocationName, Failure] = field(default_factory=dict)
    skipped: int = 0

    @classmethod
    def of(cls, parts: Sequence[Observations]) -> Observations:
        """Return all parts of one run as one."""
        locations = [location for part in parts for location in part.locations]
        return cls(
            _union(part.discoveries for part in parts),
            # The order doesn't depend on which call returned first.
            tuple(sorted(locations, key=lambda location: location.name)),
            _union(part.objects for part in parts),
            _union(part.connections for part in parts),
            _union(part.uncollected for part in parts),
            max(part.skipped for part in parts),
        )

    @property
    def read(self) -> tuple[ReadLocation, ...]:
        """The locations that were read cleanly."""
        return tuple(each for each in self.locations if isinstance(each, ReadLocation))

    @property
    def unread(self) -> tuple[UnreadLocation, ...]:
        """The locations that were not read cleanly."""
        return tuple(each for each in self.locations if isinstance(each, UnreadLocation))

    @property
    def failed_discoveries(self) -> Mapping[str, Failure]:
        """The projects whose locations could not be listed, and why."""
        return {
            project: discovery
            for project, discovery in self.discoveries.items()
            if not isinstance(discovery, tuple)
        }

    @property
    def streams(self) -> int:
        """How many streams were read."""
        return sum(len(location.streams) for location in self.read)

    @property
    def nothing_read(self) -> bool:
        """Whether there was something to read and none of it could be read.

        Discovering which locations there are doesn't count as reading one.
        """
        if self.locations:
            return not self.read
        return 0 < len(self.failed_discoveries) == len(self.discoveries)


def _union(parts: Iterable[Mapping[K, V]]) -> dict[K, V]:
    return {key: value for part in parts for key, value in part.items()}
