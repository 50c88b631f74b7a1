"""Makes one run: discovers, then has every location read and written.

Each location has a thread of its own, so one that hangs or fails costs no other
anything. What needs no order shares requests. The exporter's own series come last.
"""

import time
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import Any

from exporter.config import Source
from exporter.google.calls import Calls, Deadline, attempt
from exporter.google.errors import STATUS, Failure, FailureKind
from exporter.logger import LOGGER
from exporter.names import GLOBAL, LocationName, Name, ProjectName
from exporter.run.collect import Uncollected, collect
from exporter.run.location import LocationRun
from exporter.run.memory import EMPTY, UNREADABLE
from exporter.run.read_back import REFUSALS, read_back
from exporter.run.report import Report
from exporter.run.session import COLLECT_SECONDS, FIRST_RUN_SECONDS, Session
from exporter.run.threads import decide, start, wait_for
from exporter.steps.compare import ComparedLocation, Expectations
from exporter.steps.measure import (
    Sample,
    definitions,
    location_sample,
    location_samples,
)
from exporter.steps.problems import Earlier, LocationProblems, ProblemPoints
from exporter.steps.read import LONGEST_ERROR, Datastream
from exporter.steps.write import Points, Writer

# The ids of a project's locations, or a location's streams; or why there are none
Found = tuple[str, ...] | ComparedLocation | Failure

_MOST_THREADS = 512
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
# The part of reading after which locations must be free to be read
_EARLY_SHARE = 1 / 3
# How long a stop waits for requests under way: Cloud Run ends the process after 10
_STOPPED_SECONDS = 3.0
# How long a new token is waited for: no longer than a stop waits for calls
_RENEWAL_SECONDS = 3.0
_RENEWAL_SHARE = 0.2  # of the time that the run has
_FIRST_WAIT = 0.5  # seconds after which problems are read back again
_NO_ANSWER = Failure(
    FailureKind.TIMED_OUT,
    "there was no answer by the run's deadline",
    f"{STATUS}, or raise run.deadline.",
)


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
    quarter = timestamp // COLLECT_SECONDS
    first = quarter != session.quarter
    session.quarter = quarter
    if session.interval is None:
        first = timestamp % COLLECT_SECONDS < FIRST_RUN_SECONDS
    wanted = session.config.collect
    collects = wanted.objects or wanted.private_connections
    collects = collects and (first or not writes)
    run = _Run(session, timestamp, deadline, writes=writes, collects=collects)
    report = run.go()
    session.reached_nobody = report.reached_nobody and not report.stopped
    return report


class _Run:
    """One run of one task, in which all points have the same timestamp."""

    def __init__(
        self,
        session: Session,
        timestamp: int,
        deadline: Deadline,
        *,
        writes: bool,
        collects: bool,
    ) -> None:
        self._started = time.monotonic()
        self._session = session
        self._config = session.config
        self._memory = session.memory
        self._timestamp = timestamp
        # By when each part has to be done; a stop ends all of them
        self._end = deadline
        reserved = min(_RESERVED_SECONDS, deadline.left * _RESERVED_SHARE)
        self._write_by = deadline.sooner(reserved)
        self._collect_by = deadline.sooner(2 * reserved)
        self._read_by = deadline.within(deadline.left * _READING_SHARE)
        self._calls = Calls()
        longest = LONGEST_ERROR if session.config.collect.error_texts else 0
        self._api = Datastream(session.clients, self._calls, longest)
        self._expectations = Expectations(session.config, timestamp)
        self._writer: Writer | None = None
        if writes:
            monitorings = session.clients.monitorings
            project = session.config.metrics.project
            self._writer = Writer(monitorings, project, timestamp, self._calls)
        self._collects = collects  # whether it reads objects and private connections
        self._threads = ThreadPoolExecutor(_MOST_THREADS, "location")
        self._starting = Lock()
        self._found: dict[Name, Future[Any]] = {}  # decided once
        self._locations: list[LocationRun] = []
        self._dropped: list[LocationName] = []
        # Why problems could not be read back; None if they are known
        self._read_back: Future[Failure | None] = Future()
        # What needs no order: discoveries, unreadable locations and empty ones
        self._shared = Points(self._writer, self._write_by)
        self._own = Points(self._writer, self._end)

    def go(self) -> Report:
        """Do everything; the exporter's own series come last."""
        try:
            if self._session.problems.earlier is Earlier.KNOWN:
                self._read_back.set_result(None)
            else:
                start(self._threads, self._read_problems)
            for source in self._config.sources:
                self._start_source(source)
            self._finish_reading()
            # A discovery that a stop cut short may still add some.
            done = [one.done for one in self._locations if one.found.done()]
            if not self._end.stopped:
                done.append(self._start_shared())
            wait_for(done, self._write_by, _STOPPED_SECONDS)
        finally:
            # What hangs ends when the channels are closed.
            self._threads.shutdown(wait=False, cancel_futures=True)
        report = self._report()
        if report.stopped:
            return report
        run = self._config.run
        node = (run.location, run.name, str(report.task.index), ())
        samples = [
            Sample("exporter/last_run", *node, report.timestamp),
            Sample("exporter/run_seconds", *node, round(report.seconds, 3)),
            Sample("exporter/points_lost", *node, report.written.lost),
            Sample("exporter/contract", *node, definitions()["contract"]),
        ]
        if report.locations:
            # Otherwise nobody knows how many there are.
            samples.append(Sample("exporter/streams", *node, report.streams))
        if self._collects:
            count = len(report.uncollected)
            samples.append(Sample("exporter/uncollected", *node, count))
        self._own.write(samples)
        return self._report()

    # Which locations to read.

    def _start_source(self, source: Source) -> None:
        project = source.project
        # Locations of required streams are read whether or not discovery returns them.
        for location in self._config.locations_to_read(source):
            self._start_location(LocationName(project, location), source)
        if source.locations is not None:
            return
        discovery: Future[Found] = Future()
        self._found[ProjectName(project)] = discovery
        if self._memory.must_discover(project):
            start(self._threads, self._discover, source, discovery)
        else:
            self._start_discovered(source)
            discovery.set_result(self._memory.discovered[project].listed)

    def _discover(self, source: Source, discovery: Future[Found]) -> None:
        project = source.project
        deadline = self._read_by
        if self._memory.discovered[project].listed:
            # The locations that are known from before need time as well.
            deadline = deadline.within(deadline.left * _EARLY_SHARE)
        found = attempt(lambda: self._api.locations(project, deadline), deadline)
        # Its locations are started before anybody waits for them.
        with self._starting:
            if discovery.done():
                return
            if not isinstance(found, Failure):
                self._memory.learn(project, found)
            self._start_discovered(source)
            discovery.set_result(found)

    def _start_discovered(self, source: Source) -> None:
        # Locations without streams may have private connections.
        read_all = self._collects and self._config.collect.private_connections
        known = self._memory.discovered[source.project]
        for location in known.listed:
            name = LocationName(source.project, location)
            # `global` would share the series that reports on the discovery.
            if location == GLOBAL:
                continue
            if read_all or self._memory.is_worth_reading(name):
                self._start_location(name, source)
        for location in known.dropped:
            name = LocationName(source.project, location)
            self._dropped.append(name)
            self._start_location(name, source)

    def _start_location(self, name: LocationName, source: Source) -> None:
        if name in self._found or not self._session.task.holds(name):
            return
        points = Points(self._writer, self._write_by)
        location = LocationRun(
            name, source, self._memory, self._session.problems, points
        )
        self._found[name] = location.found
        self._locations.append(location)
        start(self._threads, self._read, location)

    # One location, in a thread of its own.

    def _read(self, location: LocationRun) -> None:
        """Read it, and have it written once problems were read back."""
        deadline = self._read_by

        def read() -> ComparedLocation:
            streams = self._api.streams(location.name, deadline)
            return self._expectations.compare(location.name, location.source, streams)

        # An answer that comes after "no answer" was decided is dropped.
        decide(location.found, attempt(read, deadline))
        if self._read_back.done():
            self._write(location)
        else:
            # This thread is free for a location that may answer sooner.
            self._read_back.add_done_callback(
                lambda _: start(self._threads, self._write, location)
            )

    def _write(self, location: LocationRun) -> None:
        """Write and collect it, if it was read in time. Raises nothing."""
        try:
            compared = location.found.result()
            if isinstance(compared, Failure) or self._end.stopped:
                return
            wanted = self._config.collect
            location.write(compared, self._timestamp, errors=wanted.errors)
            if self._collects:
                samples, location.uncollected = collect(
                    self._api, wanted, compared, self._collect_by
                )
                location.points.write(samples)
        except Exception:
            LOGGER.exception("The exporter failed to write %s:", location.name)
            # Counts as one lost point, since the number is unknown.
            location.points.due += 1
        finally:
            location.done.set_result(None)

    def _read_problems(self) -> None:
        """Read back what earlier runs wrote."""
        problems, deadline = self._session.problems, self._read_by

        def read() -> ProblemPoints:
            client = self._session.clients.monitoring
            project = self._config.metrics.project
            return read_back(client, project, self._timestamp, deadline, self._calls)

        found = attempt(read, deadline)
        wait = _FIRST_WAIT
        while isinstance(found, Failure) and found.kind not in REFUSALS:
            if deadline.left < wait or deadline.stop.wait(wait):
                break
            found = attempt(read, deadline)
            wait *= 2
        with self._starting:
            if self._read_back.done():
                return
            if not isinstance(found, Failure):
                problems.learn(found)
                self._read_back.set_result(None)
                return
            if found.kind in REFUSALS:
                problems.earlier = Earlier.REFUSED
            self._read_back.set_result(found)

    def _finish_reading(self) -> None:
        """Wait until everything was read, or its time is over: that is no answer."""
        # The second time, it waits for what the discoveries found.
        for _ in range(2):
            waiting = list(self._found.values())
            wait_for([*waiting, self._read_back], self._read_by)
            with self._starting:
                decide(self._read_back, _NO_ANSWER)
                for each in waiting:
                    if not self._end.stopped:
                        decide(each, _NO_ANSWER)

    def _decided(self) -> dict[Name, Found]:
        """Return what was found by its name; after a stop, not of everything."""
        return {
            name: self._found[name].result()
            for name in sorted(self._found)
            if self._found[name].done()
        }

    # What needs no order.

    def _start_shared(self) -> Future[None]:
        """Start to write discoveries, and unreadable and empty locations."""
        due: list[Name] = []
        samples: list[Sample] = []
        for name, found in self._decided().items():
            # Every task discovers, but only one of them reports it.
            if not self._session.task.holds(name):
                continue
            observation = EMPTY
            if isinstance(found, Failure):
                observation = UNREADABLE
            elif isinstance(found, ComparedLocation) and not found.empty:
                continue
            if not self._memory.claim(name, observation):
                continue
            due.append(name)
            up = int(observation == EMPTY)
            samples.append(location_sample("location/up", name, up))
            if isinstance(found, ComparedLocation):
                samples.append(
                    location_sample("location/last_read", name, self._timestamp)
                )
                if self._memory.is_just_emptied(name):
                    samples += location_samples(found)
        done: Future[None] = Future()

        def write() -> None:
            try:
                self._shared.write(samples)
                if self._shared.written.complete:
                    for name in due:
                        self._memory.mark_written(name)
            finally:
                done.set_result(None)

        start(self._threads, write)
        return done

    # How it went.

    def _report(self) -> Report:
        problems = dict(self._session.problems.known)
        discovered: dict[str, tuple[str, ...]] = {}
        unread: dict[Name, Failure] = {}
        read: list[ComparedLocation] = []
        for name, found in self._decided().items():
            if isinstance(found, Failure):
                unread[name] = found
            elif isinstance(found, ComparedLocation):
                # Whether a state was expected for too long, the memory says.
                known = problems.get(found.name, LocationProblems())
                read.append(known.judge(found))
            else:
                discovered[name.project] = found
        locations = sorted(self._locations, key=lambda one: one.name)
        written = self._shared.outcome()
        uncollected: Uncollected = {}
        for location in locations:
            written += location.points.outcome()
            uncollected |= location.uncollected
        stopped = self._end.stopped
        return Report(
            task=self._session.task,
            timestamp=self._timestamp,
            mutes=self._config.mutes,
            discovered=discovered,
            dropped=tuple(self._dropped),
            locations=tuple(read),
            unread=unread,
            uncollected=uncollected,
            held_back=tuple(each.name for each in locations if each.held_back),
            written=written + self._own.outcome(),
            problems=problems,
            unrecalled=None if stopped else self._read_back.result(),
            changed=self._memory.changed,
            seconds=time.monotonic() - self._started,
            calls=len(self._calls),
            stopped=stopped,
        )
