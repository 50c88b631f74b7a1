"""Makes one run: discovers, then has every location read and written.

One thread decides, the run's own. It has calls made, and takes their results as they
come; other threads only make them. So a location that hangs or fails costs no other
anything. What needs no order shares requests. The exporter's own series come last.
"""

import random
import time
from dataclasses import dataclass
from functools import partial

from exporter.config import Source
from exporter.google.calls import Calls, Deadline
from exporter.google.errors import Failure
from exporter.names import GLOBAL, LocationName, Name, ProjectName, StreamName
from exporter.run.memory import LATE_SECONDS, NO_STREAMS, UNREADABLE
from exporter.run.report import Report
from exporter.run.session import Session
from exporter.run.threads import Part, Threads
from exporter.steps.compare import ComparedLocation, Expectations
from exporter.steps.measure import (
    Sample,
    definitions,
    exporter_sample,
    location_sample,
    location_samples,
    object_samples,
    problem_samples,
)
from exporter.steps.problems import EarlierProblems
from exporter.steps.read import Datastream, Objects
from exporter.steps.read_back import Reader
from exporter.steps.write import WriteError, Writer, Written

_PROBLEMS = "problems"  # the call that reads back earlier problems
_MOST_THREADS = 512
_COLLECT_SECONDS = 900  # objects are collected once in each such time

# The time of a run is divided so, where r is 3 s, or 15 % of a short deadline:
#
#     start                    60 %            end - 2r       end - r         end
#       ├─ discover, read ──────┤
#       ├─ collect ──────────────────────────────┤
#       ├─ write ───────────────────────────────────────────────┤
#       ├─ write the exporter's own series ────────────────────────────────────┤
_READING_SHARE = 0.6
_RESERVED_SECONDS = 3.0
_RESERVED_SHARE = 0.15
# A call that kept to its deadline may return this much after it. That is at most half
# of what is reserved; the exporter's own points have the rest.
_GRACE_SECONDS = 1.0
# How long a stop waits for requests under way: Cloud Run ends the process after 10
_STOPPED_SECONDS = 3.0
# How long to wait for a new token: no longer than a stop waits for calls
_RENEWAL_SECONDS = 3.0
_RENEWAL_SHARE = 0.2  # of the time that the run has
# For so long, a new process reads problems back in each run: points may be visible
# late, and how late isn't documented.
_VISIBLE_SECONDS = 180.0
_LEAST_OVERDUE_SECONDS = 120.0  # after a run, until the next one is overdue


def run_once(session: Session, deadline: Deadline, *, writes: bool = True) -> Report:
    """Make the next run of a process; the deadline's ``stop`` ends it early.

    It writes what is due, and collects in the first run of a quarter of an hour. One
    that doesn't write always collects. After a run that reached nobody, it begins
    with new credentials and connections.
    """
    timestamp = int(session.now())
    session.memory.begin(session.monotonic())
    if session.reached_nobody:
        seconds = min(_RENEWAL_SECONDS, deadline.left * _RENEWAL_SHARE)
        session.clients.renew(seconds)
    # A process that starts takes the run before to be an interval and 15 s ago.
    before = session.last_run or timestamp - session.interval - LATE_SECONDS
    is_due = timestamp // _COLLECT_SECONDS != before // _COLLECT_SECONDS or not writes
    collects = session.config.collect.objects and is_due
    session.last_run = timestamp
    report = _Run(session, timestamp, deadline, writes=writes, collects=collects).go()
    session.reached_nobody = report.reached_nobody and not report.stopped
    return report


@dataclass
class _Run:
    """One run, in which all points have the same timestamp."""

    session: Session
    timestamp: int
    deadline: Deadline  # when all of it has to be done; a stop ends it
    writes: bool
    collects: bool

    def __post_init__(self) -> None:
        config, clients = self.session.config, self.session.clients
        deadline, timestamp = self.deadline, self.timestamp
        # By when each part has to be done
        reserved = min(_RESERVED_SECONDS, deadline.left * _RESERVED_SHARE)
        read_by = deadline.within(deadline.left * _READING_SHARE)
        collect_by = deadline.shifted(-2 * reserved)
        write_by = deadline.shifted(-reserved)
        self._calls = Calls(clients.caller)
        pool = clients.pool(_MOST_THREADS, "location")
        grace = min(_GRACE_SECONDS, reserved / 2)
        self._threads = Threads(clients.caller, pool, grace)
        self._reading = Part(self._threads, read_by)
        self._collecting = Part(self._threads, collect_by)
        self._writing = Part(self._threads, write_by, _STOPPED_SECONDS)
        self._api = Datastream(clients, self._calls, config.collect.error_texts)
        self._expectations = Expectations(config, timestamp)
        project = config.metrics.project
        self._reader = Reader(clients, project, timestamp, read_by, self._calls)
        self._writer = Writer(clients.monitorings, project, timestamp, self._calls)
        self._report = Report(timestamp, self.session.problems.known)
        # Locations that hold no stream share requests: they have no order to keep.
        self._shared: list[Sample] = []
        self._shared_names: list[Name] = []
        self._started: set[LocationName] = set()

    def go(self) -> Report:
        """Do everything; the exporter's own series come last."""
        report = self._report
        started = time.monotonic()
        try:
            age = self.session.monotonic() - self.session.started
            may_be_late = self.writes and age < _VISIBLE_SECONDS
            if may_be_late or not self.session.problems.learned:
                self._reading.start(
                    _PROBLEMS, self._reader.read_back, self._use_problems
                )
            for source in self.session.config.sources:
                self._start_source(source)
            self._reading.wait()
            if not self.deadline.stopped:
                self._write_shared()
            if self.collects and not self.deadline.stopped:
                self._collect()
            self._writing.wait()
        finally:
            # Begin no other call. What hangs ends when the channels are closed.
            self._threads.pool.shutdown(wait=False, cancel_futures=True)
        # How many points were lost with each result is unknown: it counts as one.
        if self.writes:
            report.written += Written(lost=self._threads.spoiled)
        report.seconds = time.monotonic() - started
        if self.writes and not self.deadline.stopped:
            report.written += self._writer.write_points(
                self._own_samples(), self.deadline
            )
        report.changed = self.session.memory.changed
        report.calls = self._calls.made
        report.stopped = self.deadline.stopped
        return report

    # What is read.

    def _start_source(self, source: Source) -> None:
        # Locations of required streams are read whether or not discovery returns them.
        for location in self.session.config.locations_to_read(source):
            self._start_location(source, LocationName(source.project, location))
        if source.locations is not None:
            return
        memory, project = self.session.memory, source.project
        # Those that are known from before don't wait for the next discovery.
        self._start_discovered(source)
        if not memory.must_discover(project):
            self._report.discovered[project] = memory.discovered[project]
            return
        discover = partial(self._api.locations, project, self._reading.deadline)
        use = partial(self._use_discovery, source)
        self._reading.start(ProjectName(project), discover, use)

    def _use_discovery(self, source: Source, found: tuple[str, ...] | Failure) -> None:
        if isinstance(found, Failure):
            self._report.unread[ProjectName(source.project)] = found
            return
        self._report.discovered[source.project] = found
        self.session.memory.keep_discovered(source.project, found)
        self._start_discovered(source)

    def _start_discovered(self, source: Source) -> None:
        """Read the locations that are discovered, now or by an earlier run."""
        memory = self.session.memory
        for location in memory.discovered.get(source.project, ()):
            name = LocationName(source.project, location)
            # `global` would share the series that reports on the discovery.
            if location != GLOBAL and memory.is_worth_reading(name):
                self._start_location(source, name)

    def _start_location(self, source: Source, name: LocationName) -> None:
        if name in self._started:
            return
        self._started.add(name)

        def read() -> ComparedLocation:
            streams = self._api.streams(name, self._reading.deadline)
            return self._expectations.compare(name, source, streams)

        self._reading.start(name, read, partial(self._use_location, name))

    def _use_location(
        self, name: LocationName, found: ComparedLocation | Failure
    ) -> None:
        if isinstance(found, Failure):
            self._report.unread[name] = found
            return
        self._report.read[name] = found
        if _PROBLEMS not in self._reading.under_way:
            self._write_location(found)

    def _use_problems(self, found: EarlierProblems | Failure) -> None:
        """Take over earlier problems, or do without; write what waited for them."""
        problems = self.session.problems
        if not isinstance(found, Failure):
            with self._threads.guard(_PROBLEMS):
                problems.learn(found)
        elif not problems.learned:
            self._report.problems_unread = found
        for at in self._report.read.values():
            with self._threads.guard(at.name):
                self._write_location(at)

    def _collect(self) -> None:
        """List the objects of all streams, and write how many there are."""
        names = [one.name for one in self._report.watched if one.exists]
        # Where time is short, each stream gets a turn by chance.
        random.shuffle(names)
        samples: list[Sample] = []

        def use(name: StreamName, found: Objects | Failure) -> None:
            if isinstance(found, Failure):
                self._report.uncollected[name] = found
            else:
                samples.extend(object_samples(name, found))

        for name in names:
            list_ = partial(self._api.objects, name, self._collecting.deadline)
            self._collecting.start(name, list_, partial(use, name))
        self._collecting.wait()
        self._write([], (samples, []))

    # What is written.

    def _write_location(self, at: ComparedLocation) -> None:
        """Write a location if that is due; one without streams shares a request."""
        memory, timestamp = self.session.memory, self.timestamp
        problems = self.session.problems.follow(at, timestamp)
        errors = self.session.config.collect.errors
        samples = [*location_samples(at, timestamp, errors=errors)]
        # A value that is the run's own time changes in each run.
        seen = frozenset(sample for sample in samples if sample.value != timestamp)
        current = frozenset(problems.current.items())
        observation = NO_STREAMS if at.empty else hash((seen, current))
        memory.keep_observation(at.name, observation)
        if not memory.is_due(at.name):
            return
        # Where a stream's problem moves to another series, or ends for a worse one, the
        # 0 of the old series would say without the new point that all is well.
        ended = {key.stream for key, _ in problems.ended}
        moving = ended.intersection(key.stream for key in problems.current)
        moved: list[Sample] = []
        zeros: list[Sample] = []
        for sample in problem_samples(at.name, problems):
            part = samples
            if sample.labels[0] in moving:
                part = moved if sample.value else zeros
            part.append(sample)
        last_read = [location_sample("location/last_read", at.name, timestamp)]
        if at.empty:
            self._shared_names.append(at.name)
            self._shared += samples + last_read
        else:
            # Its problems, or their 0, are due, and nobody knows which.
            unknown = int(not self.session.problems.learned)
            self._write([at.name], (moved, zeros), (samples, last_read), lost=unknown)

    def _write_shared(self) -> None:
        """Write discoveries, unreadable locations, and those that hold no stream."""
        memory, report = self.session.memory, self._report
        for name in (*map(ProjectName, report.discovered), *report.unread):
            up = name not in report.unread
            memory.keep_observation(name, NO_STREAMS if up else UNREADABLE)
            if memory.is_due(name):
                self._shared_names.append(name)
                self._shared.append(location_sample("location/up", name, up))
        if self._shared:
            self._write(self._shared_names, (self._shared, []))

    def _write(
        self,
        names: list[Name],
        *parts: tuple[list[Sample], list[Sample]],
        lost: int = 0,
    ) -> None:
        """Write samples of some names; ``lost`` more points were due.

        Of a part, the second list is written if all points before it were accepted.
        """
        if not self.writes or self.deadline.stopped:
            return

        def write() -> Written:
            written = Written()
            for samples, last in parts:
                written += self._writer.write_points(samples, self._writing.deadline)
                if written.complete:
                    written += self._writer.write_points(last, self._writing.deadline)
            return written

        def use(result: Written | Failure) -> None:
            if isinstance(result, Failure):
                due = [sample for samples, _ in parts for sample in samples]
                result = Written(
                    lost=len(due), errors=(WriteError(len(due), due, result),)
                )
            result += Written(lost=lost)
            self._report.written += result
            for name in names:
                self.session.memory.keep_written(name, complete=result.complete)
                if result.complete and name in self._report.read:
                    self.session.problems.forget_ended(name)

        self._writing.start(tuple(names), write, use)

    # How it went.

    def _own_samples(self) -> list[Sample]:
        """Return the exporter's own series, of what the run did until now."""
        report = self._report
        # One missed start is tolerated.
        overdue = max(_LEAST_OVERDUE_SECONDS, 2 * self.session.interval)
        values: dict[str, float] = {
            "exporter/last_run": self.timestamp,
            "exporter/next_run": self.timestamp + overdue,
            "exporter/run_seconds": round(report.seconds, 3),
            "exporter/points_lost": report.written.lost,
            "exporter/contract": definitions()["contract"],
        }
        if report.read:
            # Otherwise nobody knows how many streams there are.
            values["exporter/streams"] = report.streams
        if self.collects:
            values["exporter/uncollected"] = len(report.uncollected)
        run = self.session.config.run
        return [exporter_sample(run, *each) for each in values.items()]
