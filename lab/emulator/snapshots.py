"""Says what exists, and in which state, at a moment after a world's start."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from operator import attrgetter
from threading import Lock
from typing import Any, NamedTuple

from exporter.states import StreamState
from lab.emulator import world as worlds
from lab.emulator.world import (
    Event,
    Lifecycle,
    Pause,
    World,
    WorldConnection,
    WorldError,
    is_literal,
    matches,
)

_FAILED = {
    "fail": StreamState.FAILED,
    "fail_permanently": StreamState.FAILED_PERMANENTLY,
}


@dataclass(frozen=True, slots=True)
class StreamSnapshot:
    """A stream at one moment.

    Its freshness in seconds is ``freshness``, or grows from that since
    ``growing_since``, in seconds after the world's start. None: it isn't measured.
    """

    id: str
    state: int
    labels: dict[str, str]
    errors: tuple[WorldError, ...]
    objects: tuple[worlds.WorldObjects, ...]
    usual_freshness: float = 0
    freshness: float | None = None
    growing_since: float | None = None


@dataclass(slots=True)
class LocationSnapshot:
    """A location at one moment: its full name, its outage, and what exists by id."""

    id: str
    name: str
    outage: worlds.Outage | None
    connections: dict[str, WorldConnection]
    streams: dict[str, StreamSnapshot] = field(default_factory=dict)

    def stream_name(self, id_: str) -> str:
        """Return the full name of a stream here."""
        return f"{self.name}/streams/{id_}"


@dataclass(slots=True)
class ProjectSnapshot:
    """A project at one moment; ``named`` is its id or number, as answers spell it."""

    id: str
    number: int
    api_enabled: bool
    denied: frozenset[str]
    named: str
    channels: tuple[worlds.WorldChannel, ...]
    metrics_scope: tuple[str, ...]
    locations: dict[str, LocationSnapshot] = field(default_factory=dict)


class Snapshot:
    """Everything that exists at one moment: projects by id. Callers don't change it."""

    def __init__(self, projects: dict[str, ProjectSnapshot]) -> None:
        self.projects = projects
        self._by_number = {str(each.number): each for each in projects.values()}

    def project(self, name: str) -> ProjectSnapshot | None:
        """Return the project of an id or a number, or None."""
        return self.projects.get(name) or self._by_number.get(name)


class Snapshots:
    """A world's snapshots by time.

    Two moments without an event in between give the same object, so that answers can be
    cached.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        steps: list[Event | _Transition] = []
        for event in world.events:
            steps += _steps(event)
        self._steps = sorted(steps, key=attrgetter("at"))
        self._times = [step.at for step in self._steps]
        self._lock = Lock()
        self._cached: tuple[int, Snapshot] | None = None

    def at(self, seconds: float) -> Snapshot:
        """Return what exists ``seconds`` after the world's start, in which state."""
        passed = bisect_right(self._times, seconds)
        with self._lock:
            if self._cached is None or self._cached[0] != passed:
                replay = _Replay(self._world)
                for step in self._steps[:passed]:
                    replay.apply(step)
                self._cached = passed, Snapshot(replay.projects)
            return self._cached[1]


class _Transition(NamedTuple):
    """A change of state after an event, if the stream is then in one state."""

    at: float
    stream: str
    from_state: int
    to_state: int


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


class _Replay:
    """Replays a world's events, one step at a time."""

    def __init__(self, world: World) -> None:
        self._locations: dict[str, LocationSnapshot] = {}
        # Streams that don't exist yet, or no longer, are here too.
        self._all_streams: list[tuple[LocationSnapshot, StreamSnapshot]] = []
        self.projects = {
            project.id: self._project(project) for project in world.projects
        }

    def _project(self, project: worlds.WorldProject) -> ProjectSnapshot:
        snapshot = ProjectSnapshot(
            id=project.id,
            number=project.number,
            api_enabled=project.api == "enabled",
            denied=project.denied,
            named=project.id if project.names == "by_id" else str(project.number),
            channels=project.notification_channels,
            metrics_scope=project.metrics_scope,
        )
        for each in project.locations:
            name = f"projects/{project.id}/locations/{each.id}"
            connections = {one.id: one for one in each.private_connections}
            location = LocationSnapshot(each.id, name, each.outage, connections)
            snapshot.locations[each.id] = self._locations[name] = location
            for group in each.streams:
                for id_ in group.ids:
                    stream = StreamSnapshot(
                        id=id_,
                        state=group.state,
                        labels=group.labels,
                        errors=group.errors,
                        objects=group.objects,
                        usual_freshness=group.freshness,
                        freshness=group.freshness,
                    )
                    self._all_streams.append((location, stream))
                    if group.exists:
                        location.streams[id_] = stream
        return snapshot

    def apply(self, step: Event | _Transition) -> None:  # noqa: C901, PLR0912 - a case an event
        """Change what exists as one step says."""
        match step:
            case worlds.DropEvents() | worlds.CopyBytes() | worlds.WriteLogEntry():
                pass  # only metrics and logs, which aren't served
            case Lifecycle(do="delete"):
                for location, id_ in self._streams(step.stream):
                    del location.streams[id_]
            case Lifecycle(do="appear"):
                for location, stream in self._all_streams:
                    if not matches(step.stream, location.stream_name(stream.id)):
                        continue
                    state = StreamState.STARTING if step.starting else stream.state
                    location.streams[stream.id] = replace(stream, state=state)
            case worlds.LocationEvent():
                outage = step.outage if step.do == "unreachable" else None
                for location in self._locations.values():
                    if matches(step.location, location.name):
                        location.outage = outage
            case worlds.ProjectEvent():
                for project in self._projects(step.project):
                    project.api_enabled = step.do == "enable_api"
            case worlds.PermissionEvent():
                for project in self._projects(step.project):
                    if step.do == "grant":
                        project.denied -= {step.permission}
                    else:
                        project.denied |= {step.permission}
            case worlds.ConnectionEvent():
                for location in self._locations.values():
                    for id_ in location.connections:
                        name = f"{location.name}/privateConnections/{id_}"
                        if matches(step.private_connection, name):
                            changed = WorldConnection(id=id_, state=step.state)
                            location.connections[id_] = changed
            case _:
                for location, id_ in self._streams(step.stream):
                    stream = location.streams[id_]
                    location.streams[id_] = replace(stream, **_changes(stream, step))

    def _projects(self, glob: str) -> list[ProjectSnapshot]:
        return [
            each
            for each in self.projects.values()
            if matches(glob, f"projects/{each.id}")
        ]

    def _streams(self, glob: str) -> list[tuple[LocationSnapshot, str]]:
        """Return the existing streams that a glob matches, as locations and ids."""
        parent, _, literal = glob.partition("/streams/")
        if parent in self._locations and is_literal(literal):
            # Looked up: a big world with a full name in each event is replayed often.
            location = self._locations[parent]
            return [(location, literal)] if literal in location.streams else []
        found = []
        for location in self._locations.values():
            for id_ in location.streams:
                if matches(glob, location.stream_name(id_)):
                    found += [(location, id_)]
        return found


def _changes(  # noqa: PLR0911 - a case an event
    stream: StreamSnapshot, step: Event | _Transition
) -> dict[str, Any]:
    """Return what a step changes about a stream that it matches."""
    match step:
        case Lifecycle(do="catch_up"):
            return {"freshness": stream.usual_freshness, "growing_since": None}
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
        case worlds.Fail():
            error = WorldError(reason=step.reason, message=step.message)
            if step.do == "report_error":
                return {"errors": (*stream.errors, error)}
            return {"state": _FAILED[step.do], "errors": (error,)}
        case worlds.SetState():
            return {"state": step.state}
        case worlds.SetBackfill():
            change = {"backfill": step.backfill}
            objects = [each.model_copy(update=change) for each in stream.objects]
            return {"objects": tuple(objects)}
        case worlds.Lag():
            since = step.at if step.growing else None
            return {"freshness": step.freshness, "growing_since": since}
        case _Transition() if stream.state == step.from_state:
            return {"state": step.to_state}
        case _:
            return {}
