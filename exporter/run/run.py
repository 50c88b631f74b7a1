"""Makes one run: discovers, then has every location read and written.

Each location has a thread of its own, so one that hangs or fails costs no other
anything. What needs no order shares requests. The exporter's own series come last.
"""

import time
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from threading import Lock
from typing import TypeAlias

from exporter.config import Source
from exporter.google.calls import Calls, Deadline, attempt
from exporter.google.errors import STATUS, Failure, FailureKind
from exporter.logger import LOGGER
from exporter.names import GLOBAL, LocationName, Name, ProjectName
from exporter.run.collect import Uncollected, collect
from exporter.run.deadlines import RunDeadlines
from exporter.run.location import LocationRun
from exporter.run.memory import EMPTY, UNREADABLE
from exporter.run.read_back import REFUSALS, read_back
from exporter.run.report import Report
from exporter.run.session import COLLECT_SECONDS, FIRST_RUN_SECONDS, Session
from exporter.run.threads import Threads, decide, wait_for
from exporter.steps.compare import ComparedLocation, Expectations
from exporter.steps.measure import Sample, location_sample
from exporter.steps.problems import Earlier, ProblemPoint, Series
from exporter.steps.read import LONGEST_ERROR, Datastream
from exporter.steps.write import Points, Writer, Written

# The ids of a project's locations, or why they could not be listed
Discovery: TypeAlias = Future[tuple[str, ...] | Failure]

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
        self._deadlines = RunDeadlines.of(deadline)
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
        self._threads = Threads()
        self._starting = Lock()
        self._discoveries: dict[ProjectName, Discovery] = {}
        self._dropped: list[LocationName] = []
        self._locations: dict[LocationName, LocationRun] = {}
        # Why problems could not be read back; None if they are known
        self._read_back: Future[Failure | None] = Future()
        # What needs no order: discoveries, unreadable locations and empty ones
        self._shared = self._points()
        self._shared_changed = False

    def go(self) -> Report:
        """Do everything; the exporter's own series come last."""
        try:
            if self._session.problems.earlier is Earlier.KNOWN:
                self._read_back.set_result(None)
            else:
                self._threads.start(self._read_problems)
            for source in self._config.sources:
                self._start_source(source)
            self._finish_reading()
            # A discovery that a stop cut short may still add some.
            locations = list(self._locations.values())
            done = [one.done for one in locations if one.found.done()]
            if not self._stopped:
                done.append(self._start_shared())
            wait_for(done, self._deadlines.writing, _STOPPED_SECONDS)
        finally:
            self._threads.close()
        report = self._report()
        if report.stopped:
            return report
        run = self._config.run
        node = (run.location, run.name, str(report.task.index), ())
        samples = [
            Sample("exporter/last_run", *node, report.timestamp),
            Sample("exporter/run_seconds", *node, round(report.seconds, 3)),
            Sample("exporter/points_lost", *node, report.written.lost),
        ]
        if report.locations:
            # Otherwise nobody knows how many there are.
            samples.append(Sample("exporter/streams", *node, report.streams))
        if self._collects:
            uncollected = len(report.uncollected)
            samples.append(Sample("exporter/uncollected", *node, uncollected))
        own = Points(self._writer, self._deadlines.end)
        own.write(samples)
        return self._report(own)

    @property
    def _stopped(self) -> bool:
        return self._deadlines.end.stopped

    @property
    def _sorted_locations(self) -> list[LocationRun]:
        return [self._locations[name] for name in sorted(self._locations)]

    def _points(self) -> Points:
        return Points(self._writer, self._deadlines.writing)

    # Which locations to read.

    def _start_source(self, source: Source) -> None:
        # Locations of required streams are read whether or not discovery returns them.
        for location in self._config.locations_to_read(source):
            self._start_location(LocationName(source.project, location), source)
        if source.locations is not None:
            return
        discovery: Discovery = Future()
        self._discoveries[ProjectName(source.project)] = discovery
        known = self._memory.discovered(source.project)
        if known is None:
            self._threads.start(self._discover, source, discovery)
        else:
            self._start_discovered(source, known)
            discovery.set_result(known)

    def _discover(self, source: Source, discovery: Discovery) -> None:
        project = source.project
        listed = self._memory.last_discovered(project)
        deadline = self._deadlines.reading
        if listed:
            # The locations that are known from before need time as well.
            deadline = self._deadlines.early
        found = attempt(lambda: self._api.locations(project, deadline), deadline)
        # Its locations are started before anybody waits for them.
        with self._starting:
            if discovery.done():
                return
            if not isinstance(found, Failure):
                self._memory.learn(project, found)
                listed = found
            self._start_discovered(source, listed)
            discovery.set_result(found)

    def _start_discovered(self, source: Source, listed: Iterable[str]) -> None:
        # Locations without streams may have private connections.
        read_all = self._collects and self._config.collect.private_connections
        for location in listed:
            name = LocationName(source.project, location)
            # `global` would share the series that reports on the discovery.
            if location == GLOBAL:
                continue
            if read_all or self._memory.is_worth_reading(name):
                self._start_location(name, source)
        for location in self._memory.dropped(source.project):
            name = LocationName(source.project, location)
            self._dropped.append(name)
            self._start_location(name, source)

    def _start_location(self, name: LocationName, source: Source) -> None:
        if name in self._locations or not self._session.task.holds(name):
            return
        problems = self._session.problems
        location = LocationRun(name, source, self._memory, problems, self._points())
        self._locations[name] = location
        self._threads.start(self._read, location)

    # One location, in a thread of its own.

    def _read(self, location: LocationRun) -> None:
        """Read it, and have it written once problems were read back."""
        deadline = self._deadlines.reading

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
                lambda _: self._threads.start(self._write, location)
            )

    def _write(self, location: LocationRun) -> None:
        """Write and collect it, if it was read in time. Raises nothing."""
        try:
            compared = location.found.result()
            if isinstance(compared, Failure) or self._stopped:
                return
            wanted = self._config.collect
            location.write(compared, self._timestamp, errors=wanted.errors)
            if self._collects and not self._stopped:
                until = self._deadlines.collecting
                samples, failed = collect(self._api, wanted, compared, until)
                location.uncollected = failed
                location.points.write(samples)
        except Exception:
            LOGGER.exception("The exporter failed to write %s:", location.name)
            # Counts as one lost point, since the number is unknown.
            location.points.written += Written(lost=1)
        finally:
            location.done.set_result(None)

    def _read_problems(self) -> None:
        """Read back what earlier runs wrote."""
        problems, deadline = self._session.problems, self._deadlines.reading

        def read() -> Iterator[tuple[Series, list[ProblemPoint]]]:
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
                problems.refuse()
            self._read_back.set_result(found)

    def _finish_reading(self) -> None:
        """Wait until everything was read, or its time is over: that is no answer."""
        deadline = self._deadlines.reading
        discoveries = list(self._discoveries.values())
        wait_for([*discoveries, self._read_back], deadline)
        with self._starting:
            decide(self._read_back, _NO_ANSWER)
            for discovery in discoveries:
                if not deadline.stopped:
                    decide(discovery, _NO_ANSWER)
        found = [one.found for one in self._locations.values()]
        wait_for(found, deadline)
        for each in found:
            if not deadline.stopped:
                decide(each, _NO_ANSWER)

    # What needs no order.

    def _start_shared(self) -> Future[None]:
        """Write discoveries, and locations that are unreadable or have no streams.

        Return what is done when they are.
        """
        readable: dict[Name, bool] = {}
        for project, discovery in sorted(self._discoveries.items()):
            # Every task discovers, but only one of them reports it.
            if self._session.task.holds(project):
                readable[project] = not isinstance(discovery.result(), Failure)
        for location in self._sorted_locations:
            found = location.found.result()
            if isinstance(found, Failure):
                readable[location.name] = False
            elif found.empty:
                readable[location.name] = True
        due: list[Name] = []
        samples = []
        for name, up in readable.items():
            changed, is_due = self._memory.claim(name, EMPTY if up else UNREADABLE)
            self._shared_changed |= changed
            if not is_due:
                continue
            due.append(name)
            samples.append(location_sample("location/up", name, int(up)))
            if up and isinstance(name, LocationName):
                samples.append(
                    location_sample("location/last_read", name, self._timestamp)
                )
                if self._memory.is_just_emptied(name):
                    samples.append(location_sample("location/streams", name, 0))
                    samples.append(location_sample("location/unwatched", name, 0))

        def write() -> None:
            self._shared.write(samples)
            if self._shared.written.complete:
                for name in due:
                    self._memory.mark_written(name)

        return self._threads.start(write)

    # How it went.

    def _report(self, *own: Points) -> Report:
        """Return how it went, without or with the exporter's own points."""
        discovered: dict[str, tuple[str, ...]] = {}
        unread: dict[Name, Failure] = {}
        for project, discovery in sorted(self._discoveries.items()):
            if not discovery.done():
                continue  # a stop came first; below, too
            found = discovery.result()
            if isinstance(found, Failure):
                unread[project] = found
            else:
                discovered[project.project] = found
        written = self._shared.outcome()
        read: list[ComparedLocation] = []
        uncollected: Uncollected = {}
        locations = self._sorted_locations
        for location in locations:
            written += location.points.outcome()
            uncollected |= location.uncollected
            if not location.found.done():
                continue
            compared = location.found.result()
            if isinstance(compared, Failure):
                unread[location.name] = compared
            else:
                read.append(compared)
        for each in own:
            written += each.outcome()
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
            written=written,
            problems=dict(self._session.problems.known),
            unrecalled=None if self._stopped else self._read_back.result(),
            changed=self._shared_changed or any(each.changed for each in locations),
            seconds=time.monotonic() - self._started,
            calls=self._calls.made,
            stopped=self._stopped,
        )
