"""What one run saw, and what it could not see: plain values between reading and measuring."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exporter.gcp.errors import Failure
    from exporter.names import LocationName, StreamName

GLOBAL = "global"
"""The location that stands for the discovery of a project's locations."""


@dataclass(frozen=True, slots=True)
class Stream:
    """What one listing said of a stream.

    Attributes:
        id: The stream's id, the last part of its name.
        state: The API's own number, known to the client or not.
        errors: How many errors the stream carries, whatever its state.
        label: The value of its ``expected-state`` label, None without one.
        reason: What its first error says, None without errors. For a person to read: it is
            free-form and never becomes part of a series.
    """

    id: str
    state: int
    errors: int = 0
    label: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Location:
    """The outcome of reading one location.

    Attributes:
        at: Which one.
        streams: Those of its streams that config wants; empty where ``failure`` is set, as a
            stream in a page of a location that then failed is unknown.
        failure: Why it was not read; None when every page was and nothing was unreachable.
    """

    at: LocationName
    streams: tuple[Stream, ...] = ()
    failure: Failure | None = None


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
    """Everything that one run saw, and everything that it could not see.

    Attributes:
        discoveries: For each project that is discovered, why discovery failed, or None.
        found: For each project whose discovery succeeded, its locations.
        locations: The outcome for each location that this task reads, by name.
        objects: The objects of each stream, where collected and read whole.
        connections: The state of each private connection by its id, for each location where
            collected and read whole.
        uncollected: Why a collector failed, by what it was asked of.
        skipped: How many locations were left unread because somebody asked the run to stop; a
            project whose discovery was left counts as one.
    """

    discoveries: Mapping[str, Failure | None] = field(default_factory=dict)
    found: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    locations: tuple[Location, ...] = ()
    objects: Mapping[StreamName, Objects] = field(default_factory=dict)
    connections: Mapping[LocationName, Mapping[str, int]] = field(default_factory=dict)
    uncollected: Mapping[StreamName | LocationName, Failure] = field(default_factory=dict)
    skipped: int = 0

    @property
    def streams(self) -> int:
        """How many streams were seen."""
        return sum(len(location.streams) for location in self.locations)

    @property
    def unread(self) -> tuple[Location, ...]:
        """The locations that were not read cleanly."""
        return tuple(location for location in self.locations if location.failure)

    @property
    def nothing_read(self) -> bool:
        """Whether there was something to read and nothing of it could be.

        To know which locations there are is not yet to have read any.
        """
        failures = [location.failure for location in self.locations]
        return all(failures or self.discoveries.values()) and bool(failures or self.discoveries)
