"""What a run needs, and how it went."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from exporter.config import Config
from exporter.config.model import Mute
from exporter.google.clients import Clients
from exporter.google.errors import Failure
from exporter.names import LocationName, StreamName, Task
from exporter.run.location import LocationRun
from exporter.run.run_parts import Discovery, Points
from exporter.steps.compare import ComparedLocation
from exporter.steps.measure import GLOBAL, Sample
from exporter.steps.problems import LocationProblems
from exporter.steps.write import Written


@dataclass(frozen=True)
class Session:
    """What a process needs for its runs."""

    config: Config
    clients: Clients
    task: Task = field(default_factory=Task)  # which task of a job it is


@dataclass(frozen=True)
class Report:
    """How one run went."""

    task: Task  # which task of a job made it
    timestamp: int  # unix time of every point, in whole seconds
    mutes: tuple[Mute, ...]  # those of config, past ones included
    discoveries: Mapping[str, tuple[str, ...]]  # the locations of discovered projects
    dropped: tuple[LocationName, ...]  # those read that discovery no longer lists
    # The cleanly read locations, compared with config, sorted by name
    locations: tuple[ComparedLocation, ...]
    # Why the other locations could not be read; ``global`` stands for discovery
    unread: Mapping[LocationName, Failure]
    # Why a collector failed, by the stream or location that it read
    uncollected: Mapping[StreamName | LocationName, Failure]
    # Locations whose ``last_read`` was not written, as a point before it was lost
    held_back: tuple[LocationName, ...]
    samples: tuple[Sample, ...]  # what there was to write
    written: Written  # what happened to it
    problems: Mapping[LocationName, LocationProblems]  # those that are known now
    # Why the problems of earlier runs could not be read back; None if they were
    unrecalled: Failure | None
    changed: bool  # whether anything differs from what the process saw before
    seconds: float  # how long the run took
    calls: int  # how many calls it made, retries included
    stopped: bool  # whether it was asked to stop before it was done

    @property
    def streams(self) -> int:
        """How many watched streams were read."""
        return sum(1 for location in self.locations for _ in location.listed)

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


def make_report(
    discoveries: Mapping[str, Discovery],
    locations: Mapping[LocationName, LocationRun],
    shared: Points,
    **more: Any,
) -> Report:
    """Return how a run went, but for the exporter's own series."""
    runs = [locations[name] for name in sorted(locations)]
    samples, written = list(shared.samples), shared.outcome()
    discovered: dict[str, tuple[str, ...]] = {}
    uncollected: dict[StreamName | LocationName, Failure] = {}
    unread: dict[LocationName, Failure] = {}
    for project, discovery in sorted(discoveries.items()):
        if not discovery.done():
            continue  # a stop came first
        found = discovery.result()
        if isinstance(found, Failure):
            unread[LocationName(project, GLOBAL)] = found
        else:
            discovered[project] = found
    for run in runs:
        samples += run.points.samples
        written += run.points.outcome()
        uncollected |= run.uncollected
        if isinstance(run.result, Failure):
            unread[run.name] = run.result
    return Report(
        discoveries=discovered,
        locations=tuple(run.compared for run in runs if run.compared),
        unread=unread,
        uncollected=uncollected,
        held_back=tuple(run.name for run in runs if run.held_back),
        samples=tuple(samples),
        written=written,
        **more,
    )
