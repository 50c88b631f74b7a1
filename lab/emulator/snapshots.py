"""Says what exists, and in which state, at a moment after a world's start."""

from bisect import bisect_right, insort
from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass, field, replace
from operator import attrgetter
from threading import Lock
from typing import Any, NamedTuple, Self

from exporter.states import StreamState
from lab.emulator.world import (
    CopyEvents,
    DropEvents,
    Event,
    Fail,
    Lag,
    Lifecycle,
    LocationEvent,
    Outage,
    Pause,
    PermissionEvent,
    ProjectEvent,
    SetBackfill,
    SetState,
    World,
    WorldError,
    WorldObjects,
    WorldProject,
    WorldStreams,
    WriteCheckpoints,
    WriteLogEntry,
    glob_matches,
)

_AT = attrgetter("at")
_FAILED = {
    "fail": StreamState.FAILED,
    "fail_permanently": StreamState.FAILED_PERMANENTLY,
}


@dataclass(frozen=True, slots=True)
class StreamSnapshot:
    """A stream at one moment, and the group of the world file that declares it.

    Its freshness in seconds is ``freshness``, or grows from that since
    ``growing_since``, in seconds after the world's start. None: it isn't measured.
    """

    id: str
    group: WorldStreams
    state: int
    errors: tuple[WorldError, ...]
    objects: tuple[WorldObjects, ...]
    freshness: float | None
    growing_since: float | None = None


@dataclass(slots=True)
class LocationSnapshot:
    """A location at one moment: its full name, its outage, and what exists by id."""

    project: str
    id: str
    name: str
    outage: Outage | None
    streams: dict[str, StreamSnapshot] = field(default_factory=dict)

    def stream_name(self, id_: str) -> str:
        """Return the full name of a stream here."""
        return f"{self.name}/streams/{id_}"


class _Transition(NamedTuple):
    """A change of state after an event, if the stream is then in one state."""

    at: float
    stream: str
    from_state: int
    to_state: int


class Snapshot:
    """Everything that exists at one moment. Only this module changes it.

    It begins with what a world declares; each step of its events changes it.
    """

    def __init__(self, world: World) -> None:
        self.projects: dict[str, WorldProject] = {}  # by id
        self.locations: dict[str, LocationSnapshot] = {}  # by full name
        # Streams that don't exist yet, or no longer, are here too.
        self._all_streams: list[tuple[str, StreamSnapshot]] = []
        for project in world.projects:
            self.projects[project.id] = project
            for each in project.locations:
                name = f"projects/{project.id}/locations/{each.id}"
                location = LocationSnapshot(project.id, each.id, name, each.outage)
                self.locations[name] = location
                for group in each.streams:
                    for id_ in group.ids:
                        stream = StreamSnapshot(
                            id_,
                            group,
                            state=group.state,
                            errors=group.errors,
                            objects=group.objects,
                            freshness=group.freshness,
                        )
                        self._all_streams.append((name, stream))
                        if group.exists:
                            location.streams[id_] = stream

    def copy(self) -> Self:
        """Return a snapshot of the same, which can be changed."""
        new = copy(self)
        new.projects = dict(self.projects)
        new.locations = {}
        for name, location in self.locations.items():
            new.locations[name] = replace(location, streams=dict(location.streams))
        return new

    def project(self, name: str) -> WorldProject | None:
        """Return the project of an id or a number, or None."""
        for each in self.projects.values():
            if name in (each.id, str(each.number)):
                return each
        return None

    def apply(self, step: Event | _Transition) -> None:  # noqa: PLR0912 - one case for each kind of event
        """Change what exists as one step says."""
        match step:
            case DropEvents() | CopyEvents() | WriteCheckpoints() | WriteLogEntry():
                pass  # only metrics and logs, which aren't served
            case Lifecycle(do="delete"):
                for location, id_ in self._streams(step.stream):
                    del location.streams[id_]
            case Lifecycle(do="appear"):
                for name, stream in self._all_streams:
                    location = self.locations[name]
                    if not glob_matches(step.stream, location.stream_name(stream.id)):
                        continue
                    state = StreamState.STARTING if step.starting else stream.state
                    location.streams[stream.id] = replace(stream, state=state)
            case LocationEvent():
                outage = step.outage if step.do == "unreachable" else None
                for location in self.locations.values():
                    if glob_matches(step.location, location.name):
                        location.outage = outage
            case ProjectEvent() | PermissionEvent():
                for id_, project in self.projects.items():
                    if glob_matches(step.project, f"projects/{id_}"):
                        changes = _project_changes(project, step)
                        self.projects[id_] = project.model_copy(update=changes)
            case _:
                for location, id_ in self._streams(step.stream):
                    stream = location.streams[id_]
                    location.streams[id_] = replace(stream, **_changes(stream, step))

    def _streams(self, glob: str) -> list[tuple[LocationSnapshot, str]]:
        """Return the existing streams that a glob matches, as locations and ids."""
        found = []
        for location in self.locations.values():
            for id_ in location.streams:
                if glob_matches(glob, location.stream_name(id_)):
                    found += [(location, id_)]
        return found


class Snapshots:
    """A world's snapshots by time.

    Two moments without an event in between give the same object, so that answers can be
    cached.
    """

    def __init__(self, world: World) -> None:
        self._steps: list[Event | _Transition] = []  # by time
        self._lock = Lock()
        self._first = self._latest = Snapshot(world)
        self._applied = 0  # how many steps the latest one is after
        for event in world.events:
            self.add(event)

    def add(self, event: Event) -> None:
        """Let an event happen, too."""
        with self._lock:
            for step in _steps(event):
                insort(self._steps, step, key=_AT)
            self._latest, self._applied = self._first, 0

    def at(self, seconds: float) -> Snapshot:
        """Return what exists ``seconds`` after the world's start, in which state."""
        with self._lock:
            steps = bisect_right(self._steps, seconds, key=_AT)
            if steps < self._applied:
                self._latest, self._applied = self._first, 0
            if steps > self._applied:
                self._latest = self._latest.copy()
                for step in self._steps[self._applied : steps]:
                    self._latest.apply(step)
                self._applied = steps
            return self._latest


def _steps(event: Event) -> Iterator[Event | _Transition]:
    """Yield an event, and the transition that follows from it."""
    yield event
    match event:
        case Pause() if event.draining:
            at = event.at + event.draining
            yield _Transition(
                at, event.stream, StreamState.DRAINING, StreamState.PAUSED
            )
        case Lifecycle() if event.starting:
            at = event.at + event.starting
            yield _Transition(
                at, event.stream, StreamState.STARTING, StreamState.RUNNING
            )


def _project_changes(
    project: WorldProject, event: ProjectEvent | PermissionEvent
) -> dict[str, Any]:
    """Return what an event changes about a project that it matches."""
    if isinstance(event, ProjectEvent):
        return {"api": "enabled" if event.do == "enable_api" else "disabled"}
    denied = project.denied - {event.permission}
    if event.do == "revoke":
        denied |= {event.permission}
    return {"denied": denied}


def _changes(  # noqa: PLR0911, PLR0912 - one case for each kind of event
    stream: StreamSnapshot, step: Event | _Transition
) -> dict[str, Any]:
    """Return what a step changes about a stream that it matches."""
    match step:
        case Lifecycle(do="catch_up"):
            return {"freshness": stream.group.freshness, "growing_since": None}
        case Lifecycle(do="stall"):
            return {"freshness": None, "growing_since": None}
        case Lifecycle(do="heal"):
            return {"state": StreamState.RUNNING, "errors": ()}
        case Lifecycle():
            state = StreamState.STARTING if step.starting else StreamState.RUNNING
            errors = () if step.do == "recover" else stream.errors
            return {"state": state, "errors": errors}
        case Pause():
            state = StreamState.DRAINING if step.draining else StreamState.PAUSED
            return {"state": state}
        case Fail():
            error = WorldError(reason=step.reason, message=step.message)
            if step.do == "report_error":
                return {"errors": (*stream.errors, error)}
            return {"state": _FAILED[step.do], "errors": (error,)}
        case SetState():
            return {"state": step.state}
        case SetBackfill():
            change = {"backfill": step.backfill}
            objects = list(stream.objects)
            for index, each in enumerate(objects):
                if glob_matches(step.table, each.id):
                    objects[index] = each.model_copy(update=change)
            return {"objects": tuple(objects)}
        case Lag():
            since = step.at if step.growing else None
            return {"freshness": step.freshness, "growing_since": since}
        case _Transition() if stream.state == step.from_state:
            return {"state": step.to_state}
        case _:
            return {}
