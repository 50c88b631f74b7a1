"""Handles one location in one run: read, compare with config, write, collect.

Its streams are written first, then ``last_read``, if every point before it was
accepted: a stream is missing when its location was read after it was last seen.
"""

from collections.abc import Mapping
from concurrent.futures import Future

from exporter.config import Source
from exporter.config.model import Grouping
from exporter.google.errors import Failure
from exporter.logger import LOGGER
from exporter.names import LocationName, StreamName, Task
from exporter.run.collect import collect
from exporter.run.memory import EMPTY, UNREADABLE
from exporter.run.run_parts import Discovery, Points, RunParts, decide
from exporter.steps import measure
from exporter.steps.compare import ComparedLocation
from exporter.steps.measure import (
    GLOBAL,
    LAST_READ,
    LOCATION_STREAMS,
    UP,
    Sample,
    location_sample,
)
from exporter.steps.problems import LocationProblems, follow
from exporter.steps.read import attempt
from exporter.steps.write import Written


class LocationRun:
    """One location in one run, which a thread of its own handles."""

    def __init__(self, parts: RunParts, name: LocationName, source: Source) -> None:
        self._parts = parts
        self.name = name
        self._source = source
        # The location as it was read, or why it was not
        self.reading: Future[ComparedLocation | Failure] = Future()
        self.done: Future[None] = Future()  # of everything else about it, too
        self.points = Points(parts.writer, parts.deadlines.writing)
        # What the collectors could not read of it, and why
        self.uncollected: dict[StreamName | LocationName, Failure] = {}
        # Whether its ``last_read`` was not written, as a point before was not accepted
        self.held_back = False
        # The problems of its streams; None if those of earlier runs could not be read
        self.problems: LocationProblems | None = None

    @property
    def compared(self) -> ComparedLocation | None:
        """The location as it was read; None if it was not."""
        return self.result if isinstance(self.result, ComparedLocation) else None

    @property
    def result(self) -> ComparedLocation | Failure | None:
        """The location as it was read, or why not; None if a stop came first."""
        return self.reading.result() if self.reading.done() else None

    def go(self) -> None:
        """Read it; write and collect if it was read in time. Raises nothing."""
        parts = self._parts
        try:
            decide(self.reading, attempt(self._read, parts.deadlines.reading))
            # An answer that comes after "no answer" was decided is dropped.
            compared = self.compared
            if compared is None or parts.stopped:
                return
            parts.recalled.result()
            self._follow_problems(compared)
            if compared.empty:
                self._write_ended()
            else:
                self._write(compared)
            if parts.collects and not parts.stopped:
                self._collect(compared)
        except Exception:
            LOGGER.exception("The exporter failed to write %s:", self.name)
            # Of what was due next, nobody knows how many points.
            self.points.written += Written(lost=1)
        finally:
            self.done.set_result(None)

    def _read(self) -> ComparedLocation:
        parts = self._parts
        streams = parts.api.streams(self.name, parts.deadlines.reading)
        return parts.expectations.compare(self.name, self._source, streams)

    def _follow_problems(self, compared: ComparedLocation) -> None:
        """Find which problems begin, go on and end."""
        memory = self._parts.memory
        if not memory.recalled:
            return
        grouping: Grouping | None = self._parts.config.grouping
        before = memory.problems.get(self.name, LocationProblems())
        if memory.problems_refused:
            grouping = None
            if self.name not in memory.problems:
                # Whichever of its streams had a problem, nobody knows.
                before = LocationProblems(ended=frozenset(compared.held))
        timestamp = self._parts.timestamp
        self.problems = follow(before, compared.problem_states, timestamp, grouping)
        memory.problems[self.name] = self.problems

    def _write(self, compared: ComparedLocation) -> None:
        """Write its streams, then that it was read, if it is due."""
        parts, points = self._parts, self.points
        values = measure.values(compared, self.problems)
        if not parts.memory.claim(self.name, values):
            return
        samples = [
            location_sample(UP, self.name, 1),
            location_sample(LOCATION_STREAMS, self.name, len(list(compared.listed))),
        ]
        errors = parts.config.collect.errors
        samples += measure.stream_samples(compared, parts.timestamp, errors=errors)
        if self.problems is not None:
            samples += measure.problem_samples(self.name, self.problems)
        points.write(samples)
        if not points.written.complete:
            self.held_back = not parts.stopped
            return
        points.write([location_sample(LAST_READ, self.name, parts.timestamp)])
        if self.problems is None:
            # What is written of a problem are two points.
            points.written += Written(lost=2 * len(compared.problem_states))
        elif points.written.complete:
            parts.memory.forget_ended(self.name)
            parts.memory.mark_written(self.name)

    def _write_ended(self) -> None:
        """Write that problems are over in a location whose streams are all gone."""
        if self.problems is None or not self.problems.ended:
            return
        self.points.write(measure.problem_samples(self.name, self.problems))
        if self.points.written.complete:
            self._parts.memory.forget_ended(self.name)

    def _collect(self, compared: ComparedLocation) -> None:
        samples: list[Sample] = []
        for name, collected in collect(self._parts, compared).items():
            if isinstance(collected, Failure):
                self.uncollected[name] = collected
            else:
                samples += collected
        self.points.write(samples)


def measure_shared(
    parts: RunParts,
    task: Task,
    discoveries: Mapping[str, Discovery],
    locations: Mapping[LocationName, LocationRun],
) -> tuple[list[LocationName], list[Sample]]:
    """Return what is due of discoveries and of unreadable and empty locations.

    The first part has the names that the samples are about.
    """
    readable: dict[LocationName, bool] = {}
    for project, discovery in sorted(discoveries.items()):
        name = LocationName(project, GLOBAL)
        # Every task discovers, but only one of them reports it.
        if task.holds(name):
            readable[name] = not isinstance(discovery.result(), Failure)
    for name, location in sorted(locations.items()):
        compared = location.compared
        if compared is None or compared.empty:
            readable[name] = compared is not None
    names: list[LocationName] = []
    samples: list[Sample] = []
    for name, up in readable.items():
        observation = EMPTY if up else UNREADABLE
        if not parts.memory.claim(name, observation):
            continue
        names.append(name)
        samples.append(location_sample(UP, name, int(up)))
        if name.location == GLOBAL or not up:
            continue
        samples.append(location_sample(LAST_READ, name, parts.timestamp))
        if parts.memory.is_just_emptied(name):
            samples.append(location_sample(LOCATION_STREAMS, name, 0))
    return names, samples
