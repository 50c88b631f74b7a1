"""How a run went; the run fills it in as it goes."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from exporter.google.errors import Failure
from exporter.names import Name
from exporter.steps.compare import ComparedLocation, ComparedStream, Omission
from exporter.steps.problems import LocationProblems
from exporter.steps.write import Written


@dataclass
class Report:
    """How one run went."""

    timestamp: int  # unix time of every point, in whole seconds
    problems: Mapping[Name, LocationProblems]  # those that are known now
    # The locations of discovered projects, by the project
    discovered: dict[str, tuple[str, ...]] = field(default_factory=dict)
    # The cleanly read locations, compared with config
    read: dict[Name, ComparedLocation] = field(default_factory=dict)
    # Why the other locations could not be read, and projects not searched for them
    unread: dict[Name, Failure] = field(default_factory=dict)
    # Why the objects of streams were not listed
    uncollected: dict[Name, Failure] = field(default_factory=dict)
    # What happened to all points that were due
    written: Written = field(default_factory=Written)
    # Why the problems of earlier runs could not be read back; None if they were
    problems_unread: Failure | None = None
    changed: bool = False  # whether anything differs from what the process saw before
    seconds: float = 0.0  # how long the run took
    calls: int = 0  # how many calls it made, retries included
    stopped: bool = False  # whether it was asked to stop before it was done

    @property
    def locations(self) -> list[ComparedLocation]:
        """The cleanly read locations, sorted by name."""
        return sorted(self.read.values())

    @property
    def watched(self) -> list[ComparedStream]:
        """The watched streams, and the missing ones, by location."""
        return [one for location in self.locations for one in location.streams]

    @property
    def streams(self) -> int:
        """How many watched streams were read."""
        return sum(one.exists for one in self.watched)

    @property
    def omitted(self) -> Counter[Omission]:
        """How many streams were read that config leaves unwatched, by the reason."""
        return sum((location.omitted for location in self.read.values()), Counter())

    @property
    def complete(self) -> bool:
        """Whether all that was due was written; an unreadable location is no loss."""
        written = self.written
        # Another run wrote each of these series first.
        nothing_new = written.superseded and not written.accepted
        return not (written.lost or nothing_new or self.stopped)

    @property
    def reached_nobody(self) -> bool:
        """Whether nothing could be read, or nothing that was due was written."""
        nothing_read = self.unread and not self.read
        nothing_written = self.written.lost and not self.written.accepted
        return bool(nothing_read or nothing_written)
