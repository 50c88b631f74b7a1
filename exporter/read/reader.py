"""Reading side by side: every location under its own timeout, all of them under one deadline.

One bad location or project never costs another its reading: a project's locations are read as
soon as its own discovery has answered, and whatever fails stands in the observations as failed.
"""

from __future__ import annotations

import logging
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from exporter.gcp.errors import CallError, Failure, explain_unexpected_error
from exporter.names import LocationName, StreamName
from exporter.progress import Progress
from exporter.read.observations import GLOBAL, Location, Objects, Observations
from exporter.shard import WHOLE, Shard

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from exporter.config import Config, Source
    from exporter.gcp.deadline import Deadline
    from exporter.read.datastream import Datastream

A_LOCATION_OF_THE_WHOLE = 1 / 3
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
    found: Mapping[str, tuple[str, ...]] | None = None,
    fallback: Mapping[str, tuple[str, ...]] | None = None,
    progress: Progress | None = None,
) -> Observations:
    """Read every location that config names and this task has, then run the collectors.

    Args:
        api: The Datastream API.
        config: What to read.
        deadline: Bounds all of it; what is not read by then is unread, timed out. Its ``stop``
            ends the reading early: what is not read by then is skipped.
        shard: This task's part.
        collect: The optional collectors.
        found: Locations of a project as an earlier discovery found them; such a project is
            not discovered again.
        fallback: Locations of a project to read where its discovery fails.
        progress: Told how far the reading is.

    Returns:
        What was seen. No refusal is raised: each is an observation.
    """
    with _Workers(config.run.concurrency, deadline) as workers:
        reading = _Reading(api, config, workers, shard, progress or Progress())
        reading.locations(found or {}, fallback or {})
        reading.collect(collect)
        return reading.observations()


@dataclass(frozen=True, slots=True)
class _Discovered:
    source: Source
    locations: tuple[str, ...] = ()
    failure: Failure | None = None


class _Reading:
    """Observations in the making; all but the calls themselves happens in one thread."""

    def __init__(
        self,
        api: Datastream,
        config: Config,
        workers: _Workers,
        shard: Shard,
        progress: Progress,
    ) -> None:
        self._api = api
        self._config = config
        self._workers = workers
        self._shard = shard
        self._progress = progress
        self._asked: set[LocationName] = set()
        self._discovering = 0
        self._found: dict[str, tuple[str, ...]] = {}
        self._discoveries: dict[str, Failure | None] = {}
        self._locations: list[Location] = []
        self._objects: dict[StreamName, Objects] = {}
        self._connections: dict[LocationName, Mapping[str, int]] = {}
        self._uncollected: dict[StreamName | LocationName, Failure] = {}

    def locations(
        self,
        found: Mapping[str, tuple[str, ...]],
        fallback: Mapping[str, tuple[str, ...]],
    ) -> None:
        """Discover what has to be, and read each location as soon as it is known."""
        for source in self._config.sources:
            # What is listed, and the locations of required streams: these are read whether or
            # not discovery tells of them.
            self._ask(source, self._config.locations_to_read(source))
            if source.locations is None and source.project in found:
                self._take_discovered(_Discovered(source, found[source.project]))
            elif source.locations is None:
                self._discovering += 1
                self._workers.submit(self._discover, source)
        for outcome in self._workers.outcomes():
            if isinstance(outcome, _Discovered):
                self._discovering -= 1
                self._take_discovered(outcome)
                if outcome.failure is not None:
                    self._ask(outcome.source, fallback.get(outcome.source.project, ()))
            else:
                self._locations.append(outcome)
                self._progress.update("reading locations", len(self._locations), len(self._asked))

    def collect(self, collect: Collect) -> None:
        """Run the collectors over what was read cleanly."""
        for location in self._locations:
            if location.failure is None and collect.connections:
                self._workers.submit(self._collect, self._api.connections, location.at)
            if collect.objects:
                for stream in location.streams:
                    name = StreamName(*location.at, stream.id)
                    self._workers.submit(self._collect, self._api.objects, name)
        for name, outcome in self._workers.outcomes():
            if isinstance(outcome, Failure):
                self._uncollected[name] = outcome
            elif isinstance(outcome, Objects):
                self._objects[name] = outcome
            else:
                self._connections[name] = outcome

    def observations(self) -> Observations:
        """Return what was seen, in an order that does not hang on who answered first."""
        return Observations(
            discoveries=self._discoveries,
            found=self._found,
            locations=tuple(sorted(self._locations, key=lambda location: location.at)),
            objects=self._objects,
            connections=self._connections,
            uncollected=self._uncollected,
            skipped=self._discovering + len(self._asked) - len(self._locations),
        )

    def _ask(self, source: Source, locations: Iterable[str]) -> None:
        for location in locations:
            at = LocationName(source.project, location)
            if at not in self._asked and self._shard.holds(at):
                self._asked.add(at)
                self._workers.submit(self._read, source, at)

    def _take_discovered(self, discovered: _Discovered) -> None:
        project = discovered.source.project
        self._discoveries[project] = discovered.failure
        if discovered.failure is None:
            self._found[project] = discovered.locations
            # `global` would share the series in which discovery tells of itself.
            self._ask(discovered.source, (at for at in discovered.locations if at != GLOBAL))

    # What follows runs in the workers' threads.

    def _discover(self, deadline: Deadline, source: Source) -> _Discovered:
        locations, failure = _attempt(deadline, self._api.locations, source.project)
        return _Discovered(source, locations or (), failure)

    def _read(self, deadline: Deadline, source: Source, at: LocationName) -> Location:
        streams, failure = _attempt(deadline, self._api.streams, at, source.wants)
        return Location(at, streams or (), failure)

    def _collect(self, deadline: Deadline, ask: Callable[..., Any], name: Any) -> tuple[Any, Any]:
        answer, failure = _attempt(deadline, ask, name)
        return name, failure or answer


def _attempt(deadline: Deadline, ask: Callable[..., Any], *args: Any) -> tuple[Any, Failure | None]:
    """Return the answer, or why there is none: whatever happens to it, the others go on."""
    try:
        return ask(*args, deadline), None
    except CallError as error:
        return None, error.failure
    except Exception as error:
        # After a stop the channel may be closed before the next page is asked for.
        if not deadline.stopped:
            LOGGER.exception("An answer of Datastream was not understood.")
        return None, explain_unexpected_error(error)


class _Workers:
    """A bounded pool of threads, and the deadline that each piece of work gets."""

    def __init__(self, size: int, deadline: Deadline) -> None:
        self._pool = ThreadPoolExecutor(size, thread_name_prefix="read")
        self._deadline = deadline
        self._seconds = deadline.left * A_LOCATION_OF_THE_WHOLE
        self._pending: set[Future[Any]] = set()

    def submit(self, work: Callable[..., Any], *args: Any) -> None:
        """Have ``work(deadline, *args)`` called, unless a stop was asked for by now.

        Its own time starts when it does.
        """
        if not self._deadline.stopped:
            self._pending.add(
                self._pool.submit(lambda: work(self._deadline.within(self._seconds), *args))
            )

    def outcomes(self) -> Iterator[Any]:
        """Yield what was returned, as it comes, until all is done or a stop is asked for."""
        while self._pending and not self._deadline.stopped:
            # A lock that is waited on for ever would keep a signal's wish waiting too.
            done, self._pending = wait(
                self._pending, timeout=_POLL_SECONDS, return_when=FIRST_COMPLETED
            )
            for future in done:
                yield future.result()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_raised: object) -> None:
        # Calls under way end by their own deadline, or as soon as the channel is closed.
        self._pool.shutdown(wait=not self._deadline.stopped, cancel_futures=True)
