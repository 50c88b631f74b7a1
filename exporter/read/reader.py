"""Reading locations concurrently, all within one deadline.

A slow or failing location or project never delays the others: a project's locations are read as
soon as its own discovery returns, and each failure becomes part of the observations.
"""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from exporter.gcp.errors import CallError, Failure, explain_unexpected_error
from exporter.gcp.pool import Pool
from exporter.names import LocationName, StreamName
from exporter.progress import Progress
from exporter.read.observations import (
    GLOBAL,
    Objects,
    Observations,
    ReadLocation,
    Stream,
    UnreadLocation,
)
from exporter.shard import WHOLE, Shard

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from exporter.config import Config, Source
    from exporter.gcp.deadline import Deadline
    from exporter.read.datastream import Datastream

T = TypeVar("T")

LOGGER = logging.getLogger("exporter")

_DISCOVERY_SHARE = 1 / 3
"""The part of the time that the discovery of a project may take whose locations are known."""


@dataclass(frozen=True, slots=True)
class Collect:
    """Which optional collectors run after the streams are read."""

    objects: bool = False
    connections: bool = False


class Reader:
    """Reads this task's part of the locations in config, once.

    All but the calls themselves happens in the caller's thread.
    """

    def __init__(
        self,
        api: Datastream,
        config: Config,
        deadline: Deadline,
        *,
        shard: Shard = WHOLE,
        collect: Collect = Collect(),
        known: Mapping[str, tuple[str, ...]] | None = None,
        fallback: Mapping[str, tuple[str, ...]] | None = None,
        progress: Progress | None = None,
    ) -> None:
        """Read nothing yet.

        Args:
            api: The Datastream API.
            config: What to read.
            deadline: Bounds all of it. A location that is not read by then has timed out. Its
                ``stop`` ends the reading early: what is not read by then is skipped.
            shard: This task's part of the locations.
            collect: The optional collectors.
            known: Locations by project, from an earlier discovery. These projects are not
                discovered again.
            fallback: Locations by project, to read if its discovery fails.
            progress: Receives how far the reading is.
        """
        self._api = api
        self._config = config
        self._deadline = deadline
        self._pool = Pool(config.run.concurrency, deadline)
        self._shard = shard
        self._collect = collect
        self._progress = progress or Progress()
        self._awaited: set[str | LocationName] = set()
        """The projects and locations that were requested and have no result yet."""
        self._requested: set[LocationName] = set()
        self._clean: list[ReadLocation] = []
        self._collecting = False
        self._found: list[Observations] = []
        for source in config.sources:
            # Locations of required streams are read whether or not discovery returns them.
            self._read(source, config.locations_to_read(source))
            if source.locations is None:
                self._discover(source, known or {}, (fallback or {}).get(source.project, ()))

    def locations(self, patience: float = math.inf) -> Observations:
        """Return what was read of the locations; failures are observations too.

        Args:
            patience: Return without the locations that take longer than this, in seconds.
        """
        self._pool.wait(patience)
        return self._taken()

    def rest(self) -> Observations:
        """Return what :meth:`locations` left out, and what the collectors read of all of them."""
        self._collecting = True
        for location in self._clean:
            self._collect_from(location)
        self._pool.wait()
        return self._taken()

    def everything(self) -> Observations:
        """Return all observations, collectors included."""
        return Observations.of([self.locations(), self.rest()])

    def _taken(self) -> Observations:
        """Return what was found since the last time."""
        found, self._found = self._found, []
        skipped = len(self._awaited) if self._deadline.stopped else 0
        return Observations.of([*found, Observations(skipped=skipped)])

    def _discover(
        self, source: Source, known: Mapping[str, tuple[str, ...]], fallback: tuple[str, ...]
    ) -> None:
        def add(discovery: tuple[str, ...] | Failure) -> None:
            self._awaited.discard(source.project)
            self._found.append(Observations(discoveries={source.project: discovery}))
            locations = fallback if isinstance(discovery, Failure) else discovery
            # `global` would share the series that reports on the discovery.
            self._read(source, (location for location in locations if location != GLOBAL))

        if source.project in known:
            add(known[source.project])
        else:

            def discover(deadline: Deadline) -> tuple[str, ...]:
                # Where there is a fallback, its locations need time as well.
                share = _DISCOVERY_SHARE if fallback else 1
                return self._api.locations(source.project, deadline.within(deadline.left * share))

            self._awaited.add(source.project)
            self._submit(discover, add)

    def _read(self, source: Source, locations: Iterable[str]) -> None:
        for location in locations:
            name = LocationName(source.project, location)
            if name not in self._requested and self._shard.holds(name):
                self._requested.add(name)
                self._awaited.add(name)
                self._submit(
                    partial(self._api.streams, name, source.wants),
                    partial(self._add_location, name),
                )

    def _add_location(self, name: LocationName, streams: tuple[Stream, ...] | Failure) -> None:
        self._awaited.discard(name)
        if isinstance(streams, Failure):
            self._found.append(Observations(locations=(UnreadLocation(name, streams),)))
        else:
            location = ReadLocation(name, streams)
            self._found.append(Observations(locations=(location,)))
            self._clean.append(location)
            if self._collecting:
                self._collect_from(location)
        done = len(self._requested - self._awaited)
        self._progress.update("reading locations", done, len(self._requested))

    def _collect_from(self, location: ReadLocation) -> None:
        """Run the collectors on a location that was read cleanly."""
        if self._collect.connections:

            def add_connections(states: Mapping[str, int] | Failure) -> None:
                self._found.append(
                    Observations(uncollected={location.name: states})
                    if isinstance(states, Failure)
                    else Observations(connections={location.name: states})
                )

            self._submit(partial(self._api.connections, location.name), add_connections)
        for stream in location.streams if self._collect.objects else ():
            name = StreamName(*location.name, stream.id)
            self._submit(partial(self._api.objects, name), partial(self._add_objects, name))

    def _add_objects(self, name: StreamName, objects: Objects | Failure) -> None:
        self._found.append(
            Observations(uncollected={name: objects})
            if isinstance(objects, Failure)
            else Observations(objects={name: objects})
        )

    def _submit(self, work: Callable[[Deadline], T], add: Callable[[T | Failure], None]) -> None:
        def run() -> Callable[[], None]:
            return partial(add, self._attempt(work))

        self._pool.add([run])

    def _attempt(self, work: Callable[[Deadline], T]) -> T | Failure:
        """Return the result, or why there is none. No error reaches the other pieces of work."""
        try:
            return work(self._deadline)
        except CallError as error:
            return error.failure
        except Exception as error:
            # After a stop the channel may be closed before the next page is requested.
            if not self._deadline.stopped:
                LOGGER.exception("The exporter could not read an answer of the Datastream API.")
            return explain_unexpected_error(error)
