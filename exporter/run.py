"""Makes one run: discovers, then for each location reads, measures and writes.

Each location has a thread of its own, so one that hangs or fails costs no other
anything. Its counts are written first, so that an alert sees "forty streams failed
together" before forty failed streams; then its streams; then ``last_read``, if every
point before it was accepted: a stream is missing when its location was read after it
was last seen. The exporter's own series come last.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from typing import TypeVar

from exporter import measure
from exporter.config import Source
from exporter.expectations import ComparedLocation, Expectations
from exporter.google.calls import Calls, Deadline
from exporter.google.errors import (
    STATUS,
    CallError,
    Failure,
    FailureKind,
    explain_no_thread,
    explain_unexpected_error,
)
from exporter.logs import LOGGER
from exporter.measure import GLOBAL, Sample
from exporter.memory import Memory
from exporter.names import LocationName
from exporter.read import Datastream
from exporter.report import LocationOutcome, Report, Session
from exporter.write import Writer, Written

K = TypeVar("K")
T = TypeVar("T")
_READING_SHARE = 0.6
_RESERVED_SECONDS = 3.0
# What is kept for the exporter's own series, and as much for what the collectors read:
# seconds, or a share of a short deadline
_RESERVED_SHARE = 0.15
# The part of the reading time that discovery may take where the locations are known
_DISCOVERY_SHARE = 1 / 3
# The part of the time left that the objects of one stream may take
_OBJECTS_SHARE = 1 / 4
_MOST_THREADS = 512
_POLL_SECONDS = 0.1
_GRACE_SECONDS = 1.0  # how long after a deadline a call may return that kept to it
# How long requests under way are waited for after a stop: Cloud Run ends the process
# after 10
_STOPPED_SECONDS = 3.0


class Run:
    """One run of one task, in which all points have the same timestamp."""

    def __init__(
        self, session: Session, memory: Memory, timestamp: int, deadline: Deadline
    ) -> None:
        """Start the clock; CallError if no thread can be started.

        The deadline's ``stop`` ends the run after the requests under way.
        """
        self._started = time.monotonic()
        self._config = session.config
        self._task = session.task
        self._memory = memory
        self._timestamp = timestamp
        self._deadline = deadline
        reserved = min(_RESERVED_SECONDS, deadline.left * _RESERVED_SHARE)
        self._reading = deadline.within(deadline.left * _READING_SHARE)
        self._writing = deadline.sooner(reserved)
        self._collecting = deadline.sooner(2 * reserved)
        self._calls = Calls()
        self._api = Datastream(session.clients.datastream, self._calls)
        self._writer = Writer(
            session.clients.monitoring,
            self._config.metrics.project,
            timestamp,
            self._calls,
        )
        self._expectations = Expectations(self._config, timestamp)
        collect = self._config.collect
        self._collects = collect.objects or collect.private_connections
        self._writes = True
        self._pool = ThreadPoolExecutor(_MOST_THREADS, thread_name_prefix="location")
        try:
            # Where no more than this thread can be started, all work waits for it.
            self._pool.submit(time.sleep, 0)
        except RuntimeError as error:
            raise CallError(explain_no_thread(error)) from error
        self._discovered: dict[str, threading.Event] = {}
        self._discoveries: dict[str, tuple[str, ...] | Failure] = {}
        self._dropped: list[LocationName] = []
        self._outcomes: dict[LocationName, LocationOutcome] = {}

    def write(self) -> Report:
        """Read, measure and write everything that is due."""
        self._collects = self._collects and self._memory.collects(self._timestamp)
        report = self._go()
        if self._deadline.stopped:
            return report
        own = tuple(self._own_samples(report))
        written = report.written + self._writer.write(own, self._deadline)
        samples, calls = report.samples + own, self._calls.made
        return replace(
            report, samples=samples, written=written, seconds=self._elapsed, calls=calls
        )

    def look(self) -> Report:
        """Read and measure everything, collectors included, and write nothing."""
        self._writes = False
        report = self._go()
        return replace(report, samples=(*report.samples, *self._own_samples(report)))

    def _go(self) -> Report:
        """Do everything but the exporter's own series."""
        shared = LocationOutcome()
        try:
            for source in self._config.sources:
                self._start_source(source)
            self._wait(list(self._discovered.values()), self._reading, 0)
            outcomes = list(self._outcomes.values())
            self._wait([outcome.read for outcome in outcomes], self._reading, 0)
            events = []
            if not self._deadline.stopped:
                self._share(shared)
                events = [shared.done]
            # A discovery that a stop cut short may still add some.
            outcomes = list(self._outcomes.values())
            events += [outcome.done for outcome in outcomes if outcome.read.is_set()]
            self._wait(events, self._writing, _STOPPED_SECONDS)
        finally:
            # What hangs ends by the deadline, or when the channels are closed.
            self._pool.shutdown(wait=False, cancel_futures=True)
        return self._report(shared)

    def _wait(
        self, events: Iterable[threading.Event], deadline: Deadline, patience: float
    ) -> None:
        """Wait for threads until their deadline, or for some seconds after a stop."""
        stopped = None
        for event in events:
            while not event.is_set() and deadline.left > -_GRACE_SECONDS:
                if self._deadline.stopped:
                    stopped = stopped or Deadline.after(patience)
                    if stopped.left <= 0:
                        return
                # With a timeout, so that a stop is noticed.
                event.wait(_POLL_SECONDS)

    def _submit(self, work: Callable[..., None], *args: object) -> None:
        # No other thread can be started, so the first does it; or the run is over.
        with suppress(RuntimeError):
            self._pool.submit(work, *args)

    def _start_source(self, source: Source) -> None:
        project = source.project
        # Locations of required streams are read whether or not discovery returns them.
        for location in self._config.locations_to_read(source):
            self._start_location(LocationName(project, location), source)
        if source.locations is not None:
            return
        if known := self._memory.discovered(project):
            self._discoveries[project] = known
            self._start_discovered(source, known)
        else:
            self._discovered[project] = threading.Event()
            self._submit(self._discover, source)

    def _discover(self, source: Source) -> None:
        project = source.project
        # Where the locations are known from before, they need time as well.
        listed = self._memory.last_discovered(project)
        share = _DISCOVERY_SHARE if listed else 1
        within = self._reading.within(self._reading.left * share)
        found = self._attempt(self._api.locations, project, within)
        if project not in self._discoveries:
            self._discoveries[project] = found
            if not isinstance(found, Failure):
                self._memory.learn(project, found)
                listed = found
            self._start_discovered(source, listed)
        self._discovered[project].set()

    def _start_discovered(self, source: Source, listed: Iterable[str]) -> None:
        project = source.project
        for location in listed:
            name = LocationName(project, location)
            # `global` would share the series that reports on the discovery.
            if location != GLOBAL and self._memory.is_worth_reading(name):
                self._start_location(name, source)
        for location in self._memory.dropped(project):
            name = LocationName(project, location)
            self._dropped.append(name)
            self._start_location(name, source)

    def _start_location(self, name: LocationName, source: Source) -> None:
        if name not in self._outcomes and self._task.holds(name):
            self._outcomes[name] = LocationOutcome()
            self._submit(self._handle_location, name, source)

    def _handle_location(self, name: LocationName, source: Source) -> None:
        """Read a location, compare it with config, write it, and collect from it."""
        outcome = self._outcomes[name]
        found = self._attempt(self._api.streams, name, self._reading)
        if isinstance(found, Failure):
            outcome.failure = outcome.failure or found
        elif outcome.failure is None:
            outcome.compared = self._expectations.compare(name, source, found)
        outcome.read.set()
        try:
            if outcome.compared and not self._deadline.stopped:
                self._write_location(outcome, outcome.compared)
                self._collect(outcome, outcome.compared)
        except Exception:
            LOGGER.exception("The exporter could not write %s.", name)
        outcome.done.set()

    def _attempt(
        self, work: Callable[[K, Deadline], T], what: K, deadline: Deadline
    ) -> T | Failure:
        """Return what the API returns, or why it returns nothing."""
        try:
            return work(what, deadline)
        except CallError as error:
            return error.failure
        except Exception as error:
            # After a stop the channel may be closed before the next page is requested.
            if not self._deadline.stopped:
                LOGGER.exception(
                    "The exporter could not read an answer of the Datastream API."
                )
            return explain_unexpected_error(error)

    def _write_location(
        self, outcome: LocationOutcome, compared: ComparedLocation
    ) -> None:
        """Write a location's counts, then its streams, then that it was read."""
        name = compared.name
        if compared.empty or not self._memory.is_due(name, measure.values(compared)):
            return
        errors = self._config.collect.errors
        self._write(outcome, measure.count_samples(compared))
        self._write(
            outcome, measure.stream_samples(compared, self._timestamp, errors=errors)
        )
        if outcome.written.complete:
            self._write(outcome, [measure.last_read(name, self._timestamp)])
        else:
            outcome.held_back = not self._deadline.stopped
        if not outcome.written.complete:
            self._memory.not_written(name)

    def _collect(self, outcome: LocationOutcome, compared: ComparedLocation) -> None:
        """Read and write what is optional; what fails leaves the location clean."""
        if not self._collects or self._deadline.stopped:
            return
        samples: list[Sample] = []
        if self._config.collect.private_connections:
            states = self._attempt(
                self._api.connections, compared.name, self._collecting
            )
            if isinstance(states, Failure):
                outcome.uncollected[compared.name] = states
            else:
                samples += measure.connection_samples(compared.name, states)
        for one in compared.streams if self._config.collect.objects else ():
            if one.stream is None or self._deadline.stopped:
                continue
            within = self._collecting.within(self._collecting.left * _OBJECTS_SHARE)
            objects = self._attempt(self._api.objects, one.name, within)
            if isinstance(objects, Failure):
                outcome.uncollected[one.name] = objects
            else:
                samples += measure.object_samples(one.name, objects)
        self._write(outcome, samples)

    def _share(self, shared: LocationOutcome) -> None:
        """Write what needs no order: that locations are unreadable, or have no streams."""
        for project in self._discovered:
            self._discoveries.setdefault(project, _NO_ANSWER)
        names = []
        for project, found in sorted(self._discoveries.items()):
            name, failed = LocationName(project, GLOBAL), isinstance(found, Failure)
            # Every task discovers, but only one of them reports it.
            if self._task.holds(name) and self._memory.is_due(
                name, None if failed else True
            ):
                names.append(name)
                shared.samples.append(measure.up(name, readable=not failed))
        for name, outcome in sorted(self._outcomes.items()):
            if not outcome.read.is_set():
                outcome.failure = _NO_ANSWER
            compared = outcome.compared
            if compared is None and self._memory.is_due(name, None):
                names.append(name)
                shared.samples.append(measure.up(name, readable=False))
            elif (
                compared
                and compared.empty
                and self._memory.is_due(name, (), empty=True)
            ):
                names.append(name)
                shared.samples.append(measure.up(name, readable=True))
                shared.samples.append(measure.last_read(name, self._timestamp))
        self._submit(self._write_shared, shared, names)

    def _write_shared(
        self, shared: LocationOutcome, names: Iterable[LocationName]
    ) -> None:
        if self._writes:
            shared.written = self._writer.write(shared.samples, self._writing)
        if not shared.written.complete:
            for name in names:
                self._memory.not_written(name)
        shared.done.set()

    def _write(self, outcome: LocationOutcome, samples: Iterable[Sample]) -> None:
        """Write samples, and add what happened to them to an outcome."""
        batch = list(samples)
        outcome.samples += batch
        if self._writes:
            outcome.written += self._writer.write(batch, self._writing)

    def _own_samples(self, report: Report) -> Iterator[Sample]:
        run = self._config.run
        node = (run.location or GLOBAL, run.name, str(self._task.index), ())
        yield Sample(measure.LAST_RUN, *node, self._timestamp)
        yield Sample(measure.STREAMS, *node, report.streams)
        yield Sample(measure.RUN_SECONDS, *node, round(self._elapsed, 3))
        yield Sample(measure.POINTS_LOST, *node, report.written.lost)
        if self._collects:
            yield Sample(measure.UNCOLLECTED, *node, len(report.uncollected))

    def _report(self, shared: LocationOutcome) -> Report:
        """Return how the run went, but for the exporter's own series."""
        outcomes = sorted(self._outcomes.items())
        everything = [shared, *(outcome for _, outcome in outcomes)]
        written = Written()
        for outcome in everything if self._writes else ():
            # What is still under way now counts as lost.
            under_way = max(0, len(outcome.samples) - outcome.written.settled)
            written += outcome.written + Written(lost=under_way)
        waits = [*self._discovered.values(), *(outcome.read for _, outcome in outcomes)]
        stopped = self._deadline.stopped
        return Report(
            task=self._task,
            timestamp=self._timestamp,
            discoveries=dict(sorted(self._discoveries.items())),
            dropped=tuple(self._dropped),
            locations=tuple(one.compared for _, one in outcomes if one.compared),
            unread={name: one.failure for name, one in outcomes if one.failure},
            skipped=sum(not event.is_set() for event in waits) if stopped else 0,
            uncollected={
                name: failure
                for _, one in outcomes
                for name, failure in one.uncollected.items()
            },
            held_back=tuple(name for name, one in outcomes if one.held_back),
            samples=tuple(sample for one in everything for sample in one.samples),
            written=written,
            changed=self._memory.changed,
            seconds=self._elapsed,
            calls=self._calls.made,
            stopped=stopped,
        )

    @property
    def _elapsed(self) -> float:
        return time.monotonic() - self._started


_NO_ANSWER = Failure(
    FailureKind.TIMED_OUT,
    "there was no answer by the run's deadline",
    f"{STATUS}, or raise run.deadline.",
)
