"""What a run needs, what becomes of each location, and how the run went."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from exporter.config import Config
from exporter.expectations import ComparedLocation
from exporter.google.clients import Clients
from exporter.google.errors import Failure
from exporter.measure import Sample
from exporter.names import LocationName, StreamName, Task
from exporter.write import Written


@dataclass(frozen=True, slots=True)
class Session:
    """What a process needs for its runs: config, Google's clients, and which task it is."""

    config: Config
    clients: Clients
    task: Task = field(default_factory=Task)


@dataclass(slots=True)
class LocationOutcome:
    """What became of one location, or of the points that many of them share."""

    # Set when the location was read, or could not be
    read: threading.Event = field(default_factory=threading.Event)
    # Set when everything else about it is done, too
    done: threading.Event = field(default_factory=threading.Event)
    # The location as it was read; None if it was not
    compared: ComparedLocation | None = None
    # Why it was not read; None if it was, or was not tried
    failure: Failure | None = None
    # What the collectors could not read of it, and why
    uncollected: dict[StreamName | LocationName, Failure] = field(default_factory=dict)
    # Whether its ``last_read`` was not written, as a point before it was not accepted
    held_back: bool = False
    samples: list[Sample] = field(default_factory=list)  # what there was to write
    written: Written = field(default_factory=Written)  # what happened to them so far


@dataclass(frozen=True, slots=True)
class Report:
    """How one run went."""

    task: Task  # which task of a job made it
    timestamp: int  # unix time of every point, in whole seconds
    # The locations of each discovered project, or why discovery failed
    discoveries: Mapping[str, tuple[str, ...] | Failure]
    dropped: tuple[LocationName, ...]  # those read that discovery no longer lists
    # The cleanly read locations, compared with config, sorted by name
    locations: tuple[ComparedLocation, ...]
    unread: Mapping[LocationName, Failure]  # why the other locations could not be read
    skipped: int  # how many locations and discoveries a stop cut short
    # Why a collector failed, by the stream or location that it read
    uncollected: Mapping[StreamName | LocationName, Failure]
    # Locations whose ``last_read`` was not written, as a point before it was lost
    held_back: tuple[LocationName, ...]
    samples: tuple[Sample, ...]  # what there was to write
    written: Written  # what happened to it
    changed: bool  # whether anything differs from what the process saw before
    seconds: float  # how long the run took
    calls: int  # how many calls it made, retries included
    stopped: bool  # whether it was asked to stop before it was done

    @property
    def failed_discoveries(self) -> dict[str, Failure]:
        """The projects whose locations could not be listed, and why."""
        found = self.discoveries.items()
        return {project: why for project, why in found if isinstance(why, Failure)}

    @property
    def unreadable(self) -> int:
        """How many readings failed, a project's discovery counting as one."""
        return len(self.unread) + len(self.failed_discoveries)

    @property
    def streams(self) -> int:
        """How many watched streams were read."""
        return sum(1 for location in self.locations for _ in location.listed)

    @property
    def complete(self) -> bool:
        """Whether all that was due was written. An unreadable location is an observation too."""
        return not (self.written.lost or self.stopped)

    @property
    def reached_nobody(self) -> bool:
        """Whether nothing could be read, or nothing that was due was written."""
        nothing_read = self.unreadable > 0 and not self.locations
        return nothing_read or bool(self.written.lost and not self.written.accepted)
