"""How a run went, as a value."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from exporter.google.errors import Failure
from exporter.names import LocationName, Name
from exporter.steps.compare import ComparedLocation, Omission
from exporter.steps.problems import LocationProblems
from exporter.steps.write import Written


@dataclass(frozen=True)
class Report:
    """How one run went."""

    timestamp: int  # unix time of every point, in whole seconds
    discovered: Mapping[str, tuple[str, ...]]  # the locations of discovered projects
    # The cleanly read locations, compared with config, sorted by name
    locations: tuple[ComparedLocation, ...]
    # Why the other locations could not be read, and projects not searched for them
    unread: Mapping[Name, Failure]
    uncollected: Mapping[Name, Failure]  # why the objects of streams were not listed
    # Locations whose ``last_read`` was not written, as points were lost
    held_back: tuple[Name, ...]
    written: Written  # what happened to all points that were due
    problems: Mapping[LocationName, LocationProblems]  # those that are known now
    # Why the problems of earlier runs could not be read back; None if they were
    problems_unread: Failure | None
    changed: bool  # whether anything differs from what the process saw before
    seconds: float  # how long the run took
    calls: int  # how many calls it made, retries included
    stopped: bool  # whether it was asked to stop before it was done

    @property
    def streams(self) -> int:
        """How many watched streams were read."""
        return sum(len(location.listed) for location in self.locations)

    @property
    def omitted(self) -> Counter[Omission]:
        """How many streams were read that config leaves unwatched, by the reason."""
        counts = (location.omitted for location in self.locations)
        return sum(counts, Counter())

    @property
    def complete(self) -> bool:
        """Whether all that was due was written; an unreadable location is no loss."""
        written = self.written
        # Another run wrote each of these series first.
        nothing_new = written.superseded > 0 and written.accepted == 0
        return not (written.lost or nothing_new or self.stopped)

    @property
    def reached_nobody(self) -> bool:
        """Whether nothing could be read, or nothing that was due was written."""
        nothing_read = bool(self.unread) and not self.locations
        return nothing_read or bool(self.written.lost and not self.written.accepted)
