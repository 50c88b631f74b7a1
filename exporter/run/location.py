"""Writes one location in one run, in the order that keeps the series truthful.

Its streams are written first, then ``last_read``, if every point before it was
accepted: a stream is missing when its location was read after it was last seen.
"""

from concurrent.futures import Future
from dataclasses import dataclass, field

from exporter.config import Source
from exporter.google.errors import Failure
from exporter.names import LocationName
from exporter.run.collect import Uncollected
from exporter.run.memory import Memory
from exporter.steps import measure
from exporter.steps.compare import ComparedLocation
from exporter.steps.measure import location_sample
from exporter.steps.problems import LocationProblems, ProblemMemory, follow
from exporter.steps.write import Points


@dataclass
class LocationRun:
    """One location in one run, in the hands of one thread at a time."""

    name: LocationName
    source: Source  # which of its streams are watched
    memory: Memory
    problems: ProblemMemory
    points: Points  # what was written of it
    # The location as it was read, or why it was not; decided once
    found: Future[ComparedLocation | Failure] = field(default_factory=Future)
    done: Future[None] = field(default_factory=Future)  # of everything about it
    uncollected: Uncollected = field(default_factory=dict)
    # Whether its ``last_read`` was not written, as a point before was not accepted
    held_back: bool = False

    def write(
        self, compared: ComparedLocation, timestamp: int, *, errors: bool
    ) -> None:
        """Write its streams, then that it was read, if that is due.

        ``errors`` says whether the number of each stream's errors is written.
        """
        problems = self.problems.follow(compared, timestamp)
        # While nobody knows when they began, they are due, and not written.
        begun = problems or follow(LocationProblems(), compared, timestamp)
        compared = begun.judge(compared)
        about = measure.problem_samples(self.name, begun)
        points = self.points
        if compared.empty:
            # Its streams are gone: so are problems. The run writes that it was read.
            if problems:
                points.write(about)
                if points.written.complete:
                    self.problems.forget_ended(self.name)
            return
        samples = [location_sample("location/up", self.name, 1)]
        samples += measure.location_samples(compared)
        # What there is to write, but for the time
        timeless = measure.stream_samples(compared, 0, errors=errors)
        seen = sum(map(hash, (*samples, *timeless)))
        current = frozenset(problems.current.items()) if problems else None
        if not self.memory.claim(self.name, (seen, hash(current))):
            return
        samples += measure.stream_samples(compared, timestamp, errors=errors)
        if problems:
            samples += about
        points.write(samples)
        if not points.written.complete:
            self.held_back = not points.deadline.stopped
            return
        points.write([location_sample("location/last_read", self.name, timestamp)])
        if not problems:
            points.due += len([*about])
        elif points.written.complete:
            self.problems.forget_ended(self.name)
            self.memory.mark_written(self.name)
