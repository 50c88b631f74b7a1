"""The emulator: both servers, one world, one clock."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Self

from exporter.google.clients import DATASTREAM_EMULATOR, MONITORING_EMULATOR
from lab.emulator.datastream_service import DatastreamService
from lab.emulator.monitoring_service import MonitoringService
from lab.emulator.server import Answer, Call, CallLog, Server, Services
from lab.emulator.timeline import Timeline

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from lab.emulator.monitoring_service import WrittenPoint
    from lab.emulator.timeline import Snapshot
    from lab.emulator.world import Fault, World


class Emulator:
    """Datastream and Cloud Monitoring on loopback, for Google's own clients.

    The world starts when the object is made. Use it as a context manager, or call :meth:`start`
    and :meth:`stop`.
    """

    def __init__(self, world: World, *, clock: Callable[[], float] = time.time) -> None:
        """Create the servers. They don't listen yet.

        Args:
            world: What exists and happens.
            clock: Returns unix seconds.
        """
        self._clock = clock
        self._started = clock()
        self._timeline = Timeline(world)
        self._calls = CallLog(world.faults)
        self._answers: dict[str, Answer] = {}
        self._datastream = DatastreamService(
            self.fleet, started=self._started, largest_page=world.largest_page
        )
        self._monitoring = MonitoringService(self.fleet, clock=clock, refusals=world.refusals)
        self._running = ExitStack()
        self.datastream = ""
        """``127.0.0.1:port`` of Datastream, once started."""
        self.monitoring = ""
        """``127.0.0.1:port`` of Cloud Monitoring, once started."""

    def __enter__(self) -> Self:
        """Start on free ports, unless it is running."""
        if not self.datastream:
            self.start()
        return self

    def __exit__(self, *_raised: object) -> None:
        """Stop."""
        self.stop()

    def start(self, datastream_port: int = 0, monitoring_port: int = 0) -> None:
        """Listen on the ports, 0 for any free one.

        Raises:
            PortInUseError: One of them is not free. Nothing listens then.
        """
        self.fleet()  # a big world's first call is then as fast as the next
        with ExitStack() as starting:
            self.datastream = self._serve(starting, self._datastream.services, datastream_port)
            self.monitoring = self._serve(starting, self._monitoring.services, monitoring_port)
            self._running = starting.pop_all()

    def stop(self) -> None:
        """End running calls and stop listening."""
        self._running.close()

    @property
    def calls(self) -> Counter[str]:
        """Return the number of calls by method, including refused ones."""
        return Counter(call.method for call in self.call_log)

    @property
    def call_log(self) -> list[Call]:
        """Return every call, in order of arrival."""
        return self._calls.calls()

    @property
    def environ(self) -> dict[str, str]:
        """Return the variables that lead the exporter to the servers, once started."""
        return {DATASTREAM_EMULATOR: self.datastream, MONITORING_EMULATOR: self.monitoring}

    def points(self, metric_type: str | None = None) -> list[WrittenPoint]:
        """Return the accepted points of one metric, or of all."""
        return self._monitoring.points(metric_type)

    def seed_series(self, project: str, series: Iterable[Any]) -> None:
        """Add series that nobody writes, such as those of Google's own metrics.

        Args:
            project: The id of the metrics project.
            series: Raw TimeSeries.
        """
        self._monitoring.seed_series(project, series)

    def add_fault(self, fault: Fault) -> None:
        """Inject a fault from now on. Its times count from the world's start."""
        self._calls.add_fault(fault)

    def answer(self, method: str, answer: Answer) -> None:
        """Let a function answer a method's calls from now on, instead of the world.

        Args:
            method: The short name, such as ``ListStreams``.
            answer: Takes the raw request; returns the raw response or its bytes, or raises a
                StatusError.
        """
        self._answers[method] = answer

    def seconds(self) -> float:
        """Return how long ago the world started."""
        return self._clock() - self._started

    def fleet(self) -> Snapshot:
        """Return what exists now."""
        return self._timeline.at(self.seconds())

    def _serve(self, running: ExitStack, services: Services, port: int) -> str:
        server = Server(services, seconds=self.seconds, calls=self._calls, answers=self._answers)
        running.callback(server.stop)
        return server.start(port)
