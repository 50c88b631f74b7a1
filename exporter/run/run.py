"""Makes one run: discovers, then has every location read and written.

Each location has a thread of its own, so one that hangs or fails costs no other
anything. What needs no order shares requests. The exporter's own series come last.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import replace
from threading import Lock
from typing import Any

from exporter.config import Source
from exporter.google.calls import Calls, Deadline
from exporter.google.errors import (
    STATUS,
    Failure,
    FailureKind,
)
from exporter.names import LocationName
from exporter.run.location import LocationRun, measure_shared
from exporter.run.memory import Memory
from exporter.run.read_back import recall
from exporter.run.report import Report, Session, make_report
from exporter.run.run_parts import Discovery, Points, RunDeadlines, RunParts, decide
from exporter.steps import measure
from exporter.steps.compare import Expectations
from exporter.steps.measure import GLOBAL, Sample
from exporter.steps.read import Datastream, attempt
from exporter.steps.write import Writer

_MOST_THREADS = 512
_POLL_SECONDS = 0.1
# How long after its deadline a call may return that kept to it
_GRACE_SECONDS = 1.0
# How long a stop waits for requests under way: Cloud Run ends the process after 10
_STOPPED_SECONDS = 3.0
_NO_ANSWER = Failure(
    FailureKind.TIMED_OUT,
    "there was no answer by the run's deadline",
    f"{STATUS}, or raise run.deadline.",
)


class Run:
    """One run of one task, in which all points have the same timestamp."""

    def __init__(
        self, session: Session, memory: Memory, timestamp: int, deadline: Deadline
    ) -> None:
        """Start the clock; the deadline's ``stop`` ends the run early."""
        self._started = time.monotonic()
        self._task = session.task
        config, clients, calls = session.config, session.clients, Calls()
        collect = config.collect
        self._parts = RunParts(
            config,
            memory,
            timestamp,
            RunDeadlines.of(deadline),
            Datastream(clients, calls),
            Expectations(config, timestamp),
            Writer(clients.monitorings, config.metrics.project, timestamp, calls),
            collects=collect.objects or collect.private_connections,
            recalled=Future(),
        )
        self._pool = ThreadPoolExecutor(_MOST_THREADS, thread_name_prefix="location")
        self._starting = Lock()
        self._discoveries: dict[str, Discovery] = {}
        self._dropped: list[LocationName] = []
        self._locations: dict[LocationName, LocationRun] = {}

    def write(self) -> Report:
        """Read, measure and write everything that is due."""
        parts = self._parts
        if not parts.memory.start_collection(parts.timestamp):
            parts = self._parts = replace(parts, collects=False)
        return self._go()

    def look(self, *, recalling: bool = False) -> Report:
        """Read and measure everything, collectors included, and write nothing.

        Without ``recalling``, it is as if every problem began now.
        """
        self._parts = replace(self._parts, writer=None)
        if not recalling:
            self._parts.memory.recalled = True
        return self._go()

    def _go(self) -> Report:
        """Do everything; the exporter's own series come last."""
        parts = self._parts
        report = self._visit_locations()
        if parts.stopped:
            return report
        own = Points(parts.writer, parts.deadlines.end)
        own.write(self._own_samples(report))
        return replace(
            report,
            samples=(*report.samples, *own.samples),
            written=report.written + own.written,
            seconds=self._elapsed,
            calls=parts.api.calls.made,
        )

    def _visit_locations(self) -> Report:
        """Do everything but the exporter's own series."""
        parts = self._parts
        shared = Points(parts.writer, parts.deadlines.writing)
        try:
            self._submit(recall, parts)
            for source in parts.config.sources:
                self._start_source(source)
            self._finish_reading()
            # A discovery that a stop cut short may still add some.
            locations = list(self._locations.values())
            done = [one.done for one in locations if one.reading.done()]
            if not parts.stopped:
                done.append(self._start_shared(shared))
            self._wait(done, parts.deadlines.writing, _STOPPED_SECONDS)
        finally:
            # What hangs ends by the deadline, or when the channels are closed.
            self._pool.shutdown(wait=False, cancel_futures=True)
        return make_report(
            self._discoveries,
            self._locations,
            shared,
            task=self._task,
            dropped=tuple(self._dropped),
            timestamp=parts.timestamp,
            mutes=parts.config.mutes,
            unrecalled=parts.recalled.result() if parts.recalled.done() else None,
            problems=dict(parts.memory.problems),
            changed=parts.memory.changed,
            seconds=self._elapsed,
            calls=parts.api.calls.made,
            stopped=parts.stopped,
        )

    # Which locations to read.

    def _start_source(self, source: Source) -> None:
        parts, project = self._parts, source.project
        # Locations of required streams are read whether or not discovery returns them.
        for location in parts.config.locations_to_read(source):
            self._start_location(LocationName(project, location), source)
        if source.locations is not None:
            return
        discovery: Discovery = Future()
        self._discoveries[project] = discovery
        known = parts.memory.discovered(project)
        if known is None:
            self._submit(self._discover, source, discovery)
        else:
            self._start_discovered(source, known)
            discovery.set_result(known)

    def _discover(self, source: Source, discovery: Discovery) -> None:
        parts, project = self._parts, source.project
        listed = parts.memory.last_discovered(project)
        deadline = parts.deadlines.reading
        if listed:
            # The locations that are known from before need time as well.
            deadline = parts.deadlines.early
        found = attempt(lambda: parts.api.locations(project, deadline), deadline)
        # Its locations are started before anybody waits for them.
        with self._starting:
            if discovery.done():
                return
            if not isinstance(found, Failure):
                parts.memory.learn(project, found)
                listed = found
            self._start_discovered(source, listed)
            discovery.set_result(found)

    def _start_discovered(self, source: Source, listed: Iterable[str]) -> None:
        parts, project = self._parts, source.project
        # Locations without streams may have private connections.
        read_all = parts.collects and parts.config.collect.private_connections
        for location in listed:
            name = LocationName(project, location)
            # `global` would share the series that reports on the discovery.
            if location == GLOBAL:
                continue
            if read_all or parts.memory.is_worth_reading(name):
                self._start_location(name, source)
        for location in parts.memory.dropped(project):
            name = LocationName(project, location)
            self._dropped.append(name)
            self._start_location(name, source)

    def _start_location(self, name: LocationName, source: Source) -> None:
        if name in self._locations or not self._task.holds(name):
            return
        location = LocationRun(self._parts, name, source)
        self._locations[name] = location
        self._submit(location.go)

    # What needs no order.

    def _start_shared(self, shared: Points) -> Future[None]:
        """Write discoveries, and locations that are unreadable or have no streams.

        Return what is done when they are.
        """
        parts = self._parts
        names, samples = measure_shared(
            parts, self._task, self._discoveries, self._locations
        )
        done: Future[None] = Future()

        def write() -> None:
            try:
                shared.write(samples)
                if shared.written.complete:
                    for name in names:
                        parts.memory.mark_written(name)
            finally:
                done.set_result(None)

        self._submit(write)
        return done

    # Threads.

    def _submit(self, work: Callable[..., None], *args: object) -> None:
        # No other thread can be started, so an earlier one does it; or the run is over.
        with suppress(RuntimeError):
            self._pool.submit(work, *args)

    def _finish_reading(self) -> None:
        """Wait until everything was read, or its time is over: that is no answer."""
        deadline = self._parts.deadlines.reading
        discoveries = list(self._discoveries.values())
        self._wait([*discoveries, self._parts.recalled], deadline)
        with self._starting:
            for discovery in discoveries:
                if not deadline.stopped:
                    decide(discovery, _NO_ANSWER)
        readings = [one.reading for one in self._locations.values()]
        self._wait(readings, deadline)
        for reading in readings:
            if not deadline.stopped:
                decide(reading, _NO_ANSWER)

    def _wait(
        self, work: Iterable[Future[Any]], deadline: Deadline, after_stop: float = 0.0
    ) -> None:
        """Wait for threads until their deadline, or for some seconds after a stop."""
        stopped: Deadline | None = None
        pending = set(work)
        while pending:
            # With a timeout, so that a stop is noticed.
            _, pending = wait(pending, _POLL_SECONDS)
            if deadline.left <= -_GRACE_SECONDS:
                return
            if deadline.stopped:
                stopped = stopped or Deadline.after(after_stop)
                if stopped.left <= 0:
                    return

    # How it went.

    def _own_samples(self, report: Report) -> Iterator[Sample]:
        run = self._parts.config.run
        node = (run.location or GLOBAL, run.name, str(self._task.index), ())
        yield Sample(measure.LAST_RUN, *node, report.timestamp)
        yield Sample(measure.STREAMS, *node, report.streams)
        yield Sample(measure.RUN_SECONDS, *node, round(self._elapsed, 3))
        yield Sample(measure.POINTS_LOST, *node, report.written.lost)
        if self._parts.collects:
            yield Sample(measure.UNCOLLECTED, *node, len(report.uncollected))

    @property
    def _elapsed(self) -> float:
        return time.monotonic() - self._started
