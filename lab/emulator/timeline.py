"""What exists, and in which state, at a moment after a world's start."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import singledispatchmethod
from threading import Lock
from typing import TYPE_CHECKING, Any

from exporter.names import is_literal
from exporter.names import StreamName
from exporter.states import StreamState
from lab.emulator.world_events import (
    ConnectionEvent,
    DropEvents,
    Fail,
    Freshness,
    Lag,
    Lifecycle,
    LocationEvent,
    Pause,
    PermissionEvent,
    ProjectEvent,
    SetBackfill,
    SetState,
    WriteLogEntry,
)
from lab.emulator.world_values import WorldError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from lab.emulator.world import World, WorldConnection, WorldStreams
    from lab.emulator.world_events import Event
    from lab.emulator.world_values import Outage


@dataclass(frozen=True, slots=True)
class ObjectSnapshot:
    """An object (a table) of a stream at one moment."""

    table: str
    backfill: int
    errors: tuple[WorldError, ...]


@dataclass(frozen=True, slots=True)
class StreamSnapshot:
    """A stream at one moment. Times are in seconds after the world's start; None: before it.

    Its freshness in seconds is ``freshness``, or grows from that since ``growing_since``. None: it
    isn't measured.
    """

    id: str
    state: int
    labels: dict[str, str]
    errors: tuple[WorldError, ...]
    objects: tuple[ObjectSnapshot, ...]
    create_time: datetime
    usual_freshness: float = 0
    freshness: float | None = None
    growing_since: float | None = None
    appeared: float | None = None
    updated: float | None = None


@dataclass(slots=True)
class LocationSnapshot:
    """A location at one moment.

    Attributes:
        id: Its id.
        name: Its full name, with the project's id.
        outage: How it fails, if it does.
        connections: Its private connections by id.
        streams: The streams that exist, by id.
    """

    id: str
    name: str
    outage: Outage | None
    connections: dict[str, WorldConnection]
    streams: dict[str, StreamSnapshot] = field(default_factory=dict)


@dataclass(slots=True)
class ProjectSnapshot:
    """A project at one moment."""

    id: str
    number: int
    api_enabled: bool
    denied: frozenset[str]
    named: str
    """The project in names of answers: its id or its number."""
    locations: dict[str, LocationSnapshot] = field(default_factory=dict)


class Snapshot:
    """Everything that exists at one moment. Callers don't change it."""

    def __init__(self, projects: dict[str, ProjectSnapshot]) -> None:
        """Take the projects by id."""
        self.projects = projects
        self._by_number = {str(each.number): each for each in projects.values()}

    def project(self, name: str) -> ProjectSnapshot | None:
        """Return the project of an id or a number, or None."""
        return self.projects.get(name) or self._by_number.get(name)


def _streams(group: WorldStreams) -> Iterator[StreamSnapshot]:
    """Yield the streams of a group as they are at the world's start."""
    objects = tuple(
        ObjectSnapshot(table, each.backfill, each.errors)
        for each in group.objects
        for table in each.tables
    )
    for id_ in group.ids:
        yield StreamSnapshot(
            id_,
            group.state,
            group.labels,
            group.errors,
            objects,
            group.create_time,
            usual_freshness=group.freshness,
            freshness=group.freshness,
        )


@dataclass(frozen=True, slots=True)
class _Transition:
    """A later change of state that follows from an event, if the stream is still in one state."""

    at: float
    stream: str
    from_state: int
    to_state: int


_StreamStep = Pause | Fail | SetState | SetBackfill | Lag | Freshness | _Transition


def _steps(event: Event) -> Iterator[Event | _Transition]:
    """Yield an event, and the transition that follows from it."""
    yield event
    if isinstance(event, Pause) and event.draining:
        at = event.at + event.draining
        yield _Transition(at, event.stream, StreamState.DRAINING, StreamState.PAUSED)
    elif isinstance(event, Lifecycle) and event.starting:
        at = event.at + event.starting
        yield _Transition(at, event.stream, StreamState.STARTING, StreamState.RUNNING)


class _Replay:
    """Replays a world's events, one step at a time."""

    def __init__(self, world: World) -> None:
        self.projects: dict[str, ProjectSnapshot] = {}
        self._all_streams: list[tuple[LocationSnapshot, StreamSnapshot]] = []
        for project in world.projects:
            named = project.id if project.names == "by_id" else str(project.number)
            snapshot = self.projects[project.id] = ProjectSnapshot(
                project.id, project.number, project.api == "enabled", project.denied, named
            )
            for each in project.locations:
                location = snapshot.locations[each.id] = LocationSnapshot(
                    each.id,
                    f"projects/{project.id}/locations/{each.id}",
                    each.outage,
                    connections={one.id: one for one in each.private_connections},
                )
                for group in each.streams:
                    streams = list(_streams(group))
                    self._all_streams += [(location, stream) for stream in streams]
                    if group.exists:
                        location.streams.update((stream.id, stream) for stream in streams)

    @singledispatchmethod
    def apply(self, step: _StreamStep) -> None:
        """Apply one step; this one changes streams that exist."""
        for location, id_ in self._streams(step.stream):
            location.streams[id_] = _changed(location.streams[id_], step)

    @apply.register(DropEvents)
    @apply.register(WriteLogEntry)
    def _leave(self, _step: DropEvents | WriteLogEntry) -> None:
        """Change nothing: a stream stays as it is."""

    @apply.register
    def _change_lifecycle(self, step: Lifecycle) -> None:
        if step.do == "delete":
            for location, id_ in self._streams(step.stream):
                del location.streams[id_]
        elif step.do == "appear":
            for location, stream in self._all_streams:
                if matches(step.stream, f"{location.name}/streams/{stream.id}"):
                    state = StreamState.STARTING if step.starting else stream.state
                    location.streams[stream.id] = replace(
                        stream, state=state, appeared=step.at, updated=step.at
                    )
        else:
            for location, id_ in self._streams(step.stream):
                location.streams[id_] = _restarted(location.streams[id_], step)

    @apply.register
    def _change_outages(self, step: LocationEvent) -> None:
        for location in self._locations():
            if matches(step.location, location.name):
                location.outage = step.outage if step.do == "unreachable" else None

    @apply.register
    def _change_apis(self, step: ProjectEvent) -> None:
        for project in self._projects(step.project):
            project.api_enabled = step.do == "enable_api"

    @apply.register
    def _change_permissions(self, step: PermissionEvent) -> None:
        for project in self._projects(step.project):
            others = project.denied - {step.permission}
            project.denied = others | ({step.permission} if step.do == "revoke" else set())

    @apply.register
    def _change_connections(self, step: ConnectionEvent) -> None:
        changes = {"state": step.state, "error": step.error}
        for location in self._locations():
            for id_, connection in location.connections.items():
                if matches(step.private_connection, f"{location.name}/privateConnections/{id_}"):
                    location.connections[id_] = connection.model_copy(update=changes)

    def _projects(self, glob: str) -> Iterator[ProjectSnapshot]:
        for project in self.projects.values():
            if matches(glob, f"projects/{project.id}"):
                yield project

    def _locations(self) -> Iterator[LocationSnapshot]:
        for project in self.projects.values():
            yield from project.locations.values()

    def _streams(self, glob: str) -> list[tuple[LocationSnapshot, str]]:
        """Return the streams that exist and that a glob matches, as locations and ids."""
        if is_literal(glob) and (named := StreamName.parse(glob)) is not None:
            # Looked up, as a big world with a full name in each event is replayed many times.
            project = self.projects.get(named.project)
            location = project.locations.get(named.location) if project else None
            exists = location is not None and named.stream in location.streams
            return [(location, named.stream)] if location is not None and exists else []
        return [
            (location, id_)
            for location in self._locations()
            for id_ in location.streams
            if matches(glob, f"{location.name}/streams/{id_}")
        ]


def matches(glob: str, name: str) -> bool:
    """Return whether a glob matches a full name, or its last part where it has no slash."""
    return fnmatchcase(name if "/" in glob else name.rpartition("/")[2], glob)


def _restarted(stream: StreamSnapshot, step: Lifecycle) -> StreamSnapshot:
    """Return the stream after a start, a resumption, a recovery, or when it has healed."""
    if step.do == "heal":
        return replace(stream, state=StreamState.RUNNING, errors=())
    state = StreamState.STARTING if step.starting else StreamState.RUNNING
    errors = () if step.do == "recover" else stream.errors
    return replace(stream, state=state, errors=errors, updated=step.at)


def _changed(stream: StreamSnapshot, step: _StreamStep) -> StreamSnapshot:
    """Return the stream after a step."""
    changes: dict[str, Any] = {}
    match step:
        case Pause():
            state = StreamState.DRAINING if step.draining else StreamState.PAUSED
            changes = {"state": state, "updated": step.at}
        case Fail(do="report_error"):
            changes = {"errors": (*stream.errors, _error(step))}
        case Fail():
            state = StreamState.FAILED if step.do == "fail" else StreamState.FAILED_PERMANENTLY
            changes = {"state": state, "errors": (_error(step),)}
        case SetState():
            changes = {"state": step.state}
        case SetBackfill():
            objects = (replace(each, backfill=step.backfill) for each in stream.objects)
            changes = {"objects": tuple(objects)}
        case Lag():
            growing_since = step.at if step.growing else None
            changes = {"freshness": step.freshness, "growing_since": growing_since}
        case Freshness():
            freshness = stream.usual_freshness if step.do == "catch_up" else None
            changes = {"freshness": freshness, "growing_since": None}
        case _Transition() if stream.state == step.from_state:
            changes = {"state": step.to_state}
    return replace(stream, **changes)


def _error(event: Fail) -> WorldError:
    return WorldError(reason=event.reason, message=event.message)


def snapshot_at(world: World, seconds: float) -> Snapshot:
    """Return what exists, and in which state, ``seconds`` after the world's start."""
    replay = _Replay(world)
    steps = sorted((step for event in world.events for step in _steps(event)), key=lambda s: s.at)
    for step in steps:
        if step.at > seconds:
            break
        replay.apply(step)
    return Snapshot(replay.projects)


class Timeline:
    """A world's snapshots by time.

    Two moments without an event in between give the same object, so that answers can be cached.
    """

    def __init__(self, world: World) -> None:
        """Take the world."""
        self._world = world
        self._changes = sorted({step.at for event in world.events for step in _steps(event)})
        self._lock = Lock()
        self._cached: tuple[int, Snapshot] | None = None

    def at(self, seconds: float) -> Snapshot:
        """Return what exists ``seconds`` after the world's start."""
        passed = bisect_right(self._changes, seconds)
        with self._lock:
            if self._cached is None or self._cached[0] != passed:
                self._cached = passed, snapshot_at(self._world, seconds)
            return self._cached[1]
