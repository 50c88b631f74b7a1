"""The actual states of a scenario's world over time, whatever the exporter sees of them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from exporter.durations import format_duration
from exporter.states import FAILURES, BackfillState, StreamState, state_name
from lab.emulator.timeline import snapshot_at
from lab.emulator.world_events import Lifecycle, Pause
from lab.report.event_texts import connection_state
from lab.report.marks import StateInterval
from lab.report.subjects import Subject, SubjectKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from lab.emulator.timeline import LocationSnapshot, ProjectSnapshot, Snapshot, StreamSnapshot
    from lab.simulate.scenario import Deployment, ScenarioFile


class State(NamedTuple):
    """A state as the report shows it: one of :data:`STYLES`, and the state's name."""

    style: str
    text: str


STYLES = ("good", "busy", "idle", "odd", "bad", "lost", "gone")
"""The CSS classes of states; a location with streams in several states shows the last of these."""

ABSENT = State("gone", "not there")

_STYLES = {
    "RUNNING": "good",
    "PAUSED": "idle",
    "NOT_STARTED": "idle",
    "STARTING": "busy",
    "DRAINING": "busy",
    "MAINTENANCE": "busy",
    "FAILED": "bad",
    "FAILED_PERMANENTLY": "lost",
}
_CONNECTION_STYLES = {"CREATING": "busy", "CREATED": "good", "FAILED": "bad", "DELETING": "busy"}
_READ_PERMISSIONS = frozenset({"datastream.locations.list", "datastream.streams.list"})
_OUTAGES = {
    "unavailable": "not answering",
    "listed": "unreachable",
    "partial": "answering partly",
}
_FAILED_BACKFILLS = {BackfillState.FAILED, BackfillState.UNSUPPORTED}


class ActualStates:
    """The actual states of a scenario's resources."""

    def __init__(self, scenario: ScenarioFile) -> None:
        """Take a snapshot of the world after each event."""
        self._lasts = scenario.lasts
        times = {0.0}
        for event in scenario.world.events:
            delay = event.starting if isinstance(event, Lifecycle) else 0.0
            delay += event.draining if isinstance(event, Pause) else 0.0
            times |= {event.at, event.at + delay}
        self._snapshots = [
            (at, snapshot_at(scenario.world, at)) for at in sorted(times) if at < scenario.lasts
        ]

    def stream_names(self) -> Iterator[str]:
        """Yield the full name of every stream that ever exists, each once."""
        seen: set[str] = set()
        for _, snapshot in self._snapshots:
            for project in snapshot.projects.values():
                for location in project.locations.values():
                    prefix = f"projects/{project.id}/locations/{location.id}/streams/"
                    new = [prefix + id_ for id_ in location.streams if prefix + id_ not in seen]
                    seen.update(new)
                    yield from new

    def intervals(self, subject: Subject) -> tuple[StateInterval, ...]:
        """Return a subject's states without a gap; empty for a subject that has none."""
        state_in = _STATE_IN.get(subject.kind)
        if state_in is None:
            return ()
        states = ((at, state_in(snapshot, subject.parts)) for at, snapshot in self._snapshots)
        return _intervals(states, self._lasts)


def state_of(number: int, *, connection: bool = False) -> State:
    """Return a state by its number.

    Args:
        number: The API's number, known or not.
        connection: Whether it is a private connection's state and not a stream's.
    """
    if connection:
        name = connection_state(number)
        return State(_CONNECTION_STYLES.get(name, "odd"), name)
    name = state_name(number)
    return State(_STYLES.get(name, "odd"), name)


def deployment_intervals(deployment: Deployment, lasts: float) -> tuple[StateInterval, ...]:
    """Return when an exporter runs and when it doesn't."""
    ends = lasts if deployment.ends is None else deployment.ends
    times = {0.0, deployment.first, ends}
    for silence in deployment.silent:
        times |= {silence.since, silence.until}
    states = ((at, _deployment_state(deployment, at, ends)) for at in sorted(times) if at < lasts)
    return _intervals(states, lasts)


def _intervals(states: Iterable[tuple[float, State]], lasts: float) -> tuple[StateInterval, ...]:
    """Return one interval for each change of the state.

    Args:
        states: Each state with the time from which it applies, by time.
        lasts: The end of the last one.
    """
    changes: list[tuple[float, State]] = []
    for at, state in states:
        if not changes or changes[-1][1] != state:
            changes.append((at, state))
    ends = [at for at, _ in changes[1:]] + [lasts]
    return tuple(
        StateInterval(at, end, *state)
        for (at, state), end in zip(changes, ends, strict=True)
        if end > at
    )


def _deployment_state(deployment: Deployment, at: float, ends: float) -> State:
    if at < deployment.first:
        return State("gone", "not deployed yet")
    if at >= ends:
        return State("gone", "removed")
    silent = [task for task in range(deployment.tasks) if deployment.is_silent(at, task)]
    if len(silent) == deployment.tasks:
        return State("bad", "not running")
    if silent:
        return State("odd", f"without task {', '.join(map(str, silent))}")
    return State("good", f"every {format_duration(deployment.seconds)}")


def _stream(snapshot: Snapshot, parts: dict[str, str]) -> State:
    location = _location_in(snapshot, parts)
    stream = location.streams.get(parts["streams"]) if location else None
    if stream is None:
        return ABSENT
    state = state_of(stream.state)
    problem = _problem(stream) if stream.state not in FAILURES else ""
    return State("odd", f"{state.text}, {problem}") if problem else state


def _problem(stream: StreamSnapshot) -> str:
    """Return a problem that the stream's state doesn't show."""
    if stream.errors:
        return "with an error"
    if any(each.backfill in _FAILED_BACKFILLS or each.errors for each in stream.objects):
        return "with a failing table"
    if stream.state != StreamState.RUNNING:
        return ""
    if stream.freshness is None:
        return "stalled"
    if stream.growing_since is not None:
        return "falling behind"
    behind = stream.freshness > stream.usual_freshness
    return f"{format_duration(round(stream.freshness))} behind" if behind else ""


def _location(snapshot: Snapshot, parts: dict[str, str]) -> State:
    project, location = snapshot.project(parts["projects"]), _location_in(snapshot, parts)
    if project is None or location is None:
        return ABSENT
    if unreadable := _unreadable(project) or _OUTAGES.get(location.outage or "", ""):
        return State("bad", unreadable)
    states = Counter(stream.state for stream in location.streams.values())
    text = ", ".join(f"{number} {state_name(state)}" for state, number in states.most_common())
    worst = max((state_of(state).style for state in states), key=STYLES.index, default="good")
    return State(worst, text or "no streams")


def _project(snapshot: Snapshot, parts: dict[str, str]) -> State:
    project = snapshot.project(parts["projects"])
    if project is None:
        return ABSENT
    locations = project.locations.values()
    down = [location for location in locations if location.outage]
    if unreadable := _unreadable(project):
        return State("bad", unreadable)
    if down:
        return State("bad", f"{len(down)} of {len(locations)} locations unreachable")
    return State("good", "answers")


def _connection(snapshot: Snapshot, parts: dict[str, str]) -> State:
    location = _location_in(snapshot, parts)
    connection = location.connections.get(parts["privateConnections"]) if location else None
    if connection is None:
        return ABSENT
    return state_of(connection.state, connection=True)


def _location_in(snapshot: Snapshot, parts: dict[str, str]) -> LocationSnapshot | None:
    project = snapshot.project(parts["projects"])
    return project.locations.get(parts["locations"]) if project else None


def _unreadable(project: ProjectSnapshot) -> str:
    """Return why the project can't be read; empty where it can."""
    if not project.api_enabled:
        return "API disabled"
    return "permission revoked" if project.denied & _READ_PERMISSIONS else ""


_STATE_IN: dict[SubjectKind, Callable[[Snapshot, dict[str, str]], State]] = {
    SubjectKind.STREAM: _stream,
    SubjectKind.LOCATION: _location,
    SubjectKind.PROJECT: _project,
    SubjectKind.CONNECTION: _connection,
}
