"""What exists, and in which state, some seconds after a world's start."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from threading import Lock
from typing import TYPE_CHECKING, Any

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

    from lab.emulator.world import World, WorldConnection, WorldObjects, WorldStreams
    from lab.emulator.world_events import Event
    from lab.emulator.world_values import Outage


@dataclass(frozen=True, slots=True)
class ObjectSnapshot:
    """A table of a stream; times and ids are the servers' own affair."""

    table: str
    backfill: int
    errors: tuple[WorldError, ...]


@dataclass(frozen=True, slots=True)
class StreamSnapshot:
    """A stream at one moment. Times in seconds after the world's start, None: before it.

    Its own freshness, in seconds, is ``freshness`` or, while it grows, that much at
    ``growing_since``; None: it is not measured.
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
    """A location at one moment; ``streams`` are those that exist, by id."""

    id: str
    outage: Outage | None
    streams: dict[str, StreamSnapshot]
    connections: dict[str, WorldConnection]


@dataclass(slots=True)
class ProjectSnapshot:
    """A project at one moment."""

    id: str
    number: int
    api_enabled: bool
    denied: frozenset[str]
    named: str
    """How answers spell the project in names: its id or its number."""
    locations: dict[str, LocationSnapshot] = field(default_factory=dict)


class Snapshot:
    """Everything at one moment. Callers do not change it."""

    def __init__(self, projects: dict[str, ProjectSnapshot]) -> None:
        """Take the projects by id."""
        self.projects = projects
        self._by_number = {str(each.number): each for each in projects.values()}

    def project(self, name: str) -> ProjectSnapshot | None:
        """Return the project of an id or a number, or None."""
        return self.projects.get(name) or self._by_number.get(name)


def _objects(given: tuple[WorldObjects, ...]) -> tuple[ObjectSnapshot, ...]:
    return tuple(
        ObjectSnapshot(table, each.backfill, each.errors) for each in given for table in each.tables
    )


def _streams(given: tuple[WorldStreams, ...]) -> Iterator[tuple[StreamSnapshot, bool]]:
    for each in given:
        objects = _objects(each.objects)
        for id_ in each.ids:
            fresh = each.freshness
            stream = StreamSnapshot(
                id_, each.state, each.labels, each.errors, objects, each.create_time, fresh, fresh
            )
            yield stream, each.exists


@dataclass(frozen=True, slots=True)
class _Transition:
    """A change of state that follows from an event, from one state alone."""

    at: float
    stream: str
    from_state: int
    to_state: int


_StreamStep = Lifecycle | Pause | Fail | SetState | SetBackfill | Lag | Freshness | _Transition


def _steps(event: Event) -> Iterator[Event | _Transition]:
    """Yield an event and what follows from it by itself."""
    yield event
    if isinstance(event, Pause) and event.draining:
        at = event.at + event.draining
        yield _Transition(at, event.stream, StreamState.DRAINING, StreamState.PAUSED)
    elif isinstance(event, Lifecycle) and event.starting:
        at = event.at + event.starting
        yield _Transition(at, event.stream, StreamState.STARTING, StreamState.RUNNING)


class _Replay:
    """A fleet under construction, one step at a time."""

    def __init__(self, world: World) -> None:
        self.projects: dict[str, ProjectSnapshot] = {}
        self._written: dict[tuple[str, str, str], StreamSnapshot] = {}
        for project in world.projects:
            named = project.id if project.names == "by_id" else str(project.number)
            grown = ProjectSnapshot(
                project.id, project.number, project.api == "enabled", project.denied, named
            )
            self.projects[project.id] = grown
            for location in project.locations:
                existing = {}
                for stream, exists in _streams(location.streams):
                    self._written[project.id, location.id, stream.id] = stream
                    if exists:
                        existing[stream.id] = stream
                connections = {each.id: each for each in location.private_connections}
                grown.locations[location.id] = LocationSnapshot(
                    location.id, location.outage, existing, connections
                )

    def take(self, step: Event | _Transition) -> None:
        """Apply one step."""
        match step:
            case LocationEvent():
                for location in self._locations(step.location):
                    location.outage = step.outage if step.do == "unreachable" else None
            case ProjectEvent():
                for project in self._projects(step.project):
                    project.api_enabled = step.do == "enable_api"
            case PermissionEvent():
                for project in self._projects(step.project):
                    project.denied = (
                        project.denied | {step.permission}
                        if step.do == "revoke"
                        else project.denied - {step.permission}
                    )
            case ConnectionEvent():
                self._set_connections(step)
            case Lifecycle(do="appear"):
                self._appear(step)
            case DropEvents() | WriteLogEntry():
                pass  # the stream stays as it is
            case _:
                self._change_streams(step)

    def _change_streams(self, step: _StreamStep) -> None:
        named = StreamName.parse(step.stream) if is_literal(step.stream) else None
        if named is not None:
            # Looked up: a big script with a name in each event is played again and again.
            held = self.projects.get(named.project)
            where = held.locations.get(named.location) if held else None
            if where is not None and named.stream in where.streams:
                _change_stream(where, named.stream, step)
            return
        for project in self.projects.values():
            for location in project.locations.values():
                at = f"projects/{project.id}/locations/{location.id}/streams/"
                for id_ in [id_ for id_ in location.streams if matches(step.stream, at + id_)]:
                    _change_stream(location, id_, step)

    def _appear(self, step: Lifecycle) -> None:
        for (project, location, id_), stream in self._written.items():
            if matches(step.stream, f"projects/{project}/locations/{location}/streams/{id_}"):
                state = StreamState.STARTING if step.starting else stream.state
                self.projects[project].locations[location].streams[id_] = replace(
                    stream, state=state, appeared=step.at, updated=step.at
                )

    def _set_connections(self, step: ConnectionEvent) -> None:
        for project in self.projects.values():
            for location in project.locations.values():
                at = f"projects/{project.id}/locations/{location.id}/privateConnections/"
                for id_, connection in location.connections.items():
                    if matches(step.private_connection, at + id_):
                        location.connections[id_] = connection.model_copy(
                            update={"state": step.state, "error": step.error}
                        )

    def _projects(self, glob: str) -> Iterator[ProjectSnapshot]:
        for project in self.projects.values():
            if matches(glob, f"projects/{project.id}"):
                yield project

    def _locations(self, glob: str) -> Iterator[LocationSnapshot]:
        for project in self.projects.values():
            for location in project.locations.values():
                if matches(glob, f"projects/{project.id}/locations/{location.id}"):
                    yield location


def matches(glob: str, name: str) -> bool:
    """Match a full name, or its last part alone where the glob has no slash."""
    return fnmatchcase(name if "/" in glob else name.rpartition("/")[2], glob)


def is_literal(glob: str) -> bool:
    """Say whether a glob matches nothing but what it spells."""
    return not any(letter in glob for letter in "*?[")


def _change_stream(location: LocationSnapshot, id_: str, step: _StreamStep) -> None:
    """Apply a step to one stream."""
    if isinstance(step, Lifecycle) and step.do == "delete":
        del location.streams[id_]
    else:
        location.streams[id_] = _changed(location.streams[id_], step)


def _changed(stream: StreamSnapshot, step: _StreamStep) -> StreamSnapshot:
    """Return the stream after a step."""
    changes: dict[str, Any] = {}
    match step:
        case Lifecycle(do="heal"):
            changes = {"state": StreamState.RUNNING, "errors": ()}
        case Lifecycle():
            state = StreamState.STARTING if step.starting else StreamState.RUNNING
            errors = () if step.do == "recover" else stream.errors
            changes = {"state": state, "errors": errors, "updated": step.at}
        case Pause():
            state = StreamState.DRAINING if step.draining else StreamState.PAUSED
            changes = {"state": state, "updated": step.at}
        case Fail(do="report_error"):
            changes = {"errors": (*stream.errors, _problem(step))}
        case Fail():
            state = StreamState.FAILED if step.do == "fail" else StreamState.FAILED_PERMANENTLY
            changes = {"state": state, "errors": (_problem(step),)}
        case SetState():
            changes = {"state": step.state}
        case SetBackfill():
            objects = (replace(each, backfill=step.backfill) for each in stream.objects)
            changes = {"objects": tuple(objects)}
        case Lag() | Freshness():
            changes = _freshness(stream, step)
        case _Transition() if stream.state == step.from_state:
            changes = {"state": step.to_state}
    return replace(stream, **changes)


def _freshness(stream: StreamSnapshot, step: Lag | Freshness) -> dict[str, float | None]:
    match step:
        case Lag():
            growing = step.at if step.growing else None
            return {"freshness": step.freshness, "growing_since": growing}
        case Freshness(do="catch_up"):
            return {"freshness": stream.usual_freshness, "growing_since": None}
        case Freshness():
            return {"freshness": None, "growing_since": None}


def _problem(event: Fail) -> WorldError:
    return WorldError(reason=event.reason, message=event.message)


def snapshot_at(world: World, seconds: float) -> Snapshot:
    """Return what exists, and in which state, ``seconds`` after the world's start."""
    replay = _Replay(world)
    steps = sorted((step for event in world.events for step in _steps(event)), key=lambda s: s.at)
    for step in steps:
        if step.at > seconds:
            break
        replay.take(step)
    return Snapshot(replay.projects)


class Timeline:
    """A world's fleet by time, worked out anew only when an event lies in between.

    Two equal moments between events give the same object, so that answers can be kept by it.
    """

    def __init__(self, world: World) -> None:
        """Take the world; nothing is worked out yet."""
        self._world = world
        self._turns = sorted({step.at for event in world.events for step in _steps(event)})
        self._lock = Lock()
        self._kept: tuple[int, Snapshot] | None = None

    def at(self, seconds: float) -> Snapshot:
        """Return the fleet ``seconds`` after the world's start."""
        passed = bisect_right(self._turns, seconds)
        with self._lock:
            if self._kept is None or self._kept[0] != passed:
                self._kept = passed, snapshot_at(self._world, seconds)
            return self._kept[1]
