"""Runs Datastream and Cloud Monitoring here: two servers, one world, one clock."""

import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from threading import Event
from typing import Self

from exporter.google.clients import DATASTREAM_EMULATOR, MONITORING_EMULATOR
from lab.emulator.datastream import DatastreamService
from lab.emulator.monitoring import MonitoringService
from lab.emulator.server import Answer, CallHandler, request_type, serialized, serving
from lab.emulator.snapshots import Snapshot, Snapshots
from lab.emulator.world import World


class Emulator:
    """Datastream and Cloud Monitoring on loopback, for Google's own clients.

    The world starts when the object is made; the servers run while the block runs. Who
    needs none calls it as it is.
    ``clock`` returns unix seconds; ``started`` is when the world did.
    """

    datastream: str  # ``127.0.0.1:port`` of Datastream, once started
    monitoring: str  # ``127.0.0.1:port`` of Cloud Monitoring, once started

    def __init__(self, world: World, *, clock: Callable[[], float] = time.time) -> None:
        self.clock = clock
        self.started = clock()
        self._snapshots = Snapshots(world)
        self._calls = CallHandler(world.faults, self.seconds)
        self._datastream = DatastreamService(
            self.fleet, self._snapshots.add, self.seconds, world.largest_page
        )
        self._monitoring = MonitoringService(self.fleet, clock, world.visible_after)
        self._services = {**self._datastream.services, **self._monitoring.services}
        self._running = ExitStack()
        # Every call, in order of arrival
        self.call_log = self._calls.log
        # Injects a fault from now on. Its times count from the world's start
        self.add_fault = self._calls.add_fault
        # Returns the accepted points of one metric, or of all
        self.points = self._monitoring.points
        # Returns what Cloud Monitoring has of a project, to be read or changed
        self.metrics_project = self._monitoring.project

    def __enter__(self) -> Self:
        self.fleet()  # a big world's first call is then as fast as the next
        start = self._running.enter_context
        self.datastream = start(serving(self._datastream.services, self._calls))
        self.monitoring = start(serving(self._monitoring.services, self._calls))
        return self

    def __exit__(self, *_raised: object) -> None:
        self._running.close()

    @property
    def calls(self) -> Counter[str]:
        """Return the number of calls by method, including refused ones."""
        return Counter(call.method for call in self.call_log)

    @property
    def environ(self) -> dict[str, str]:
        """Return the variables that lead the exporter to the servers, once started."""
        return {
            DATASTREAM_EMULATOR: self.datastream,
            MONITORING_EMULATOR: self.monitoring,
        }

    def answer_here(self, method: str, request: bytes) -> bytes:
        """Answer a call of ``/service/method`` in this thread; raise StatusError."""
        _, service, name = method.split("/")
        asked = request_type(service, name).FromString(request)
        answer = self._services[service][name]
        return serialized(self._calls.answer(name, answer, asked, Event()))

    def answer(self, method: str, answer: Answer) -> None:
        """Let a function answer a method, such as ListStreams, instead of the world."""
        self._calls.scripts[method] = answer

    def seconds(self) -> float:
        """Return how long ago the world started."""
        return self.clock() - self.started

    def fleet(self) -> Snapshot:
        """Return what exists now."""
        return self._snapshots.at(self.seconds())
