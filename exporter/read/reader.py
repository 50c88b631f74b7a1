"""Reading locations concurrently: each with its own timeout, all within one deadline.

A slow or failing location or project never delays the others: a project's locations are read as
soon as its own discovery returns, and each failure becomes part of the observations.
"""

from __future__ import annotations

import logging
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Self, TypeVar

from exporter.gcp.errors import CallError, Failure, explain_unexpected_error
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

K = TypeVar("K", bound="StreamName | LocationName")
T = TypeVar("T")

LOCATION_SHARE = 1 / 3
"""The part of the time for reading that one location may take."""

_POLL_SECONDS = 0.1

LOGGER = logging.getLogger("exporter")


@dataclass(frozen=True, slots=True)
class Collect:
    """Which optional collectors run after the streams are read."""

    objects: bool = False
    connections: bool = False


def read(
    api: Datastream,
    config: Config,
    deadline: Deadline,
    *,
    shard: Shard = WHOLE,
    collect: Collect = Collect(),
    known: Mapping[str, tuple[str, ...]] | None = None,
    fallback: Mapping[str, tuple[str, ...]] | None = None,
    progress: Progress | None = None,
) -> Observations:
    """Read this task's part of the locations in config, then run the collectors.

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

    Returns:
        What was read. Failures are observations too; none is raised.
    """
    with _Pool(config.run.concurrency, deadline) as pool:
        reader = _Reader(api, config, pool, shard, progress or Progress())
        reader.read_locations(known or {}, fallback or {})
        reader.collect(collect)
        return reader.observations()


class _Reader:
    """Builds the observations. All but the calls themselves happens in the caller's thread."""

    def __init__(
        self, api: Datastream, config: Config, pool: _Pool, shard: Shard, progress: Progress
    ) -> None:
        self._api = api
        self._config = config
        self._pool = pool
        self._shard = shard
        self._progress = progress
        self._requested: set[LocationName] = set()
        self._discovered_projects: set[str] = set()
        self._discoveries: dict[str, tuple[str, ...] | Failure] = {}
        self._locations: list[ReadLocation | UnreadLocation] = []
        self._objects: dict[StreamName, Objects] = {}
        self._connections: dict[LocationName, Mapping[str, int]] = {}
        self._uncollected: dict[StreamName | LocationName, Failure] = {}

    def read_locations(
        self, known: Mapping[str, tuple[str, ...]], fallback: Mapping[str, tuple[str, ...]]
    ) -> None:
        """Discover locations where config lists none, and read each as soon as it is known."""
        for source in self._config.sources:
            # Locations of required streams are read whether or not discovery returns them.
            self._read(source, self._config.locations_to_read(source))
            if source.locations is not None:
                continue
            self._discovered_projects.add(source.project)
            add = partial(self._add_discovery, source, fallback.get(source.project, ()))
            if source.project in known:
                add(known[source.project])
            else:
                self._pool.submit(partial(self._api.locations, source.project), add)
        self._pool.finish()

    def collect(self, collect: Collect) -> None:
        """Run the collectors on the locations that were read cleanly."""
        for location in [each for each in self._locations if isinstance(each, ReadLocation)]:
            if collect.connections:
                self._pool.submit(
                    partial(self._api.connections, location.name),
                    partial(self._add_collected, self._connections, location.name),
                )
            if collect.objects:
                for stream in location.streams:
                    name = StreamName(*location.name, stream.id)
                    self._pool.submit(
                        partial(self._api.objects, name),
                        partial(self._add_collected, self._objects, name),
                    )
        self._pool.finish()

    def observations(self) -> Observations:
        """Return what was read, in an order that doesn't depend on which call returned first."""
        unfinished = len(self._discovered_projects) - len(self._discoveries)
        return Observations(
            discoveries=self._discoveries,
            locations=tuple(sorted(self._locations, key=lambda location: location.name)),
            objects=self._objects,
            connections=self._connections,
            uncollected=self._uncollected,
            skipped=unfinished + len(self._requested) - len(self._locations),
        )

    def _read(self, source: Source, locations: Iterable[str]) -> None:
        for location in locations:
            name = LocationName(source.project, location)
            if name not in self._requested and self._shard.holds(name):
                self._requested.add(name)
                self._pool.submit(
                    partial(self._api.streams, name, source.wants),
                    partial(self._add_location, name),
                )

    def _add_discovery(
        self, source: Source, fallback: tuple[str, ...], discovery: tuple[str, ...] | Failure
    ) -> None:
        self._discoveries[source.project] = discovery
        locations = fallback if isinstance(discovery, Failure) else discovery
        # `global` would share the series that reports on the discovery.
        self._read(source, (location for location in locations if location != GLOBAL))

    def _add_location(self, name: LocationName, streams: tuple[Stream, ...] | Failure) -> None:
        self._locations.append(
            UnreadLocation(name, streams)
            if isinstance(streams, Failure)
            else ReadLocation(name, streams)
        )
        self._progress.update("reading locations", len(self._locations), len(self._requested))

    def _add_collected(self, into: dict[K, T], name: K, collected: T | Failure) -> None:
        if isinstance(collected, Failure):
            self._uncollected[name] = collected
        else:
            into[name] = collected


class _Pool:
    """A bounded pool of threads. Each piece of work gets a deadline of its own."""

    def __init__(self, size: int, deadline: Deadline) -> None:
        self._threads = ThreadPoolExecutor(size, thread_name_prefix="read")
        self._deadline = deadline
        self._seconds = deadline.left * LOCATION_SHARE
        self._pending: set[Future[Callable[[], None]]] = set()

    def submit(self, work: Callable[[Deadline], T], take: Callable[[T | Failure], None]) -> None:
        """Do some work in a thread, unless the run was asked to stop.

        Args:
            work: The work. The time of its deadline starts when the work does.
            take: Receives its result, or why there is none, in the thread of :meth:`finish`.
        """

        def run() -> Callable[[], None]:
            return partial(take, self._attempt(work))

        if not self._deadline.stopped:
            self._pending.add(self._threads.submit(run))

    def finish(self) -> None:
        """Hand over results as they come, until all is done or the run is asked to stop."""
        while self._pending and not self._deadline.stopped:
            # With a timeout, since a signal can't interrupt waiting for a lock.
            done, self._pending = wait(
                self._pending, timeout=_POLL_SECONDS, return_when=FIRST_COMPLETED
            )
            for future in done:
                future.result()()

    def _attempt(self, work: Callable[[Deadline], T]) -> T | Failure:
        """Return the result, or why there is none. No error reaches the other pieces of work."""
        try:
            return work(self._deadline.within(self._seconds))
        except CallError as error:
            return error.failure
        except Exception as error:
            # After a stop the channel may be closed before the next page is requested.
            if not self._deadline.stopped:
                LOGGER.exception("The exporter could not read an answer of the Datastream API.")
            return explain_unexpected_error(error)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_raised: object) -> None:
        # Calls under way end at their own deadline, or as soon as the channel is closed.
        self._threads.shutdown(wait=not self._deadline.stopped, cancel_futures=True)
