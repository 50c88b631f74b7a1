"""What is the case in a scenario's world, over time, whatever the exporter sees of it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from exporter.states import FAILURES, BackfillState, StreamState, state_name
from lab.emulator.timeline import snapshot_at
from lab.emulator.world_events import Lifecycle, Pause
from lab.report.events import connection_state
from lab.report.moments import short
from lab.report.things import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from lab.emulator.timeline import LocationSnapshot, ProjectSnapshot, Snapshot, StreamSnapshot
    from lab.report.things import Thing
    from lab.simulate.scenario import Deployment, ScenarioFile


class Case(NamedTuple):
    """What is the case: one of :data:`lab.report.palette.CASES`, and its name."""

    case: str
    text: str


class Stretch(NamedTuple):
    """A time in which something is the case.

    Attributes:
        begin: From when on, in seconds after the start.
        end: Until when.
        case: How it looks.
        text: What it is.
    """

    begin: float
    end: float
    case: str
    text: str


GONE = Case("gone", "not there")

_CASES = {
    "RUNNING": "good",
    "PAUSED": "idle",
    "NOT_STARTED": "idle",
    "STARTING": "busy",
    "DRAINING": "busy",
    "MAINTENANCE": "busy",
    "FAILED": "bad",
    "FAILED_PERMANENTLY": "lost",
}
_CONNECTION_CASES = {"CREATING": "busy", "CREATED": "good", "FAILED": "bad", "DELETING": "busy"}
_READS = frozenset({"datastream.locations.list", "datastream.streams.list"})
_OUTAGES = {
    "unavailable": "does not answer",
    "listed": "unreachable",
    "partial": "answers in part",
}
_TROUBLED = {BackfillState.FAILED, BackfillState.UNSUPPORTED}


class Truth:
    """A scenario's world by time."""

    def __init__(self, scenario: ScenarioFile) -> None:
        """Work out what exists, and in which state, between any two events."""
        self._lasts = scenario.lasts
        moments = {0.0}
        for event in scenario.world.events:
            follows = event.starting if isinstance(event, Lifecycle) else 0.0
            follows += event.draining if isinstance(event, Pause) else 0.0
            moments |= {event.at, event.at + follows}
        self._fleets = [
            (at, snapshot_at(scenario.world, at)) for at in sorted(moments) if at < scenario.lasts
        ]

    def names(self) -> Iterator[str]:
        """Yield the full name of every stream that there ever is."""
        seen: set[str] = set()
        for _, fleet in self._fleets:
            for project in fleet.projects.values():
                for location in project.locations.values():
                    at = f"projects/{project.id}/locations/{location.id}/streams/"
                    fresh = [at + stream for stream in location.streams if at + stream not in seen]
                    seen.update(fresh)
                    yield from fresh

    def of(self, thing: Thing) -> tuple[Stretch, ...]:
        """Return what is the case with a thing, without a gap; empty for what has no state."""
        see = _SEEN_BY_KIND.get(thing.kind)
        if see is None:
            return ()
        return joined(((at, see(fleet, thing.parts)) for at, fleet in self._fleets), self._lasts)


def state_case(number: int, *, connection: bool = False) -> Case:
    """Return how a state looks, by its number.

    Args:
        number: The API's number, known or not.
        connection: Whether it is that of a private connection instead of a stream.
    """
    if connection:
        name = connection_state(number)
        return Case(_CONNECTION_CASES.get(name, "odd"), name)
    name = state_name(number)
    return Case(_CASES.get(name, "odd"), name)


def joined(cases: Iterable[tuple[float, Case]], lasts: float) -> tuple[Stretch, ...]:
    """Return stretches, each as long as nothing changes.

    Args:
        cases: What is the case from a moment on, in order.
        lasts: When the last of them ends.
    """
    changes: list[tuple[float, Case]] = []
    for at, case in cases:
        if not changes or changes[-1][1] != case:
            changes.append((at, case))
    ends = [at for at, _ in changes[1:]] + [lasts]
    return tuple(
        Stretch(at, end, *case) for (at, case), end in zip(changes, ends, strict=True) if end > at
    )


def deployed(deployment: Deployment, lasts: float) -> tuple[Stretch, ...]:
    """Return when an exporter runs and when it does not."""
    ends = lasts if deployment.ends is None else deployment.ends
    moments = {0.0, deployment.first, ends}
    for silence in deployment.silent:
        moments |= {silence.since, silence.until}
    cases = ((at, _runs(deployment, at, ends)) for at in sorted(moments) if at < lasts)
    return joined(cases, lasts)


def _runs(deployment: Deployment, at: float, ends: float) -> Case:
    if at < deployment.first:
        return Case("gone", "not there yet")
    if at >= ends:
        return Case("gone", "taken away")
    silent = [task for task in range(deployment.tasks) if deployment.is_silent(at, task)]
    if len(silent) == deployment.tasks:
        return Case("bad", "does not run")
    if silent:
        return Case("odd", f"without task {', '.join(map(str, silent))}")
    return Case("good", f"every {short(deployment.seconds)}")


def _stream(fleet: Snapshot, parts: dict[str, str]) -> Case:
    location = _location_of(fleet, parts)
    stream = location.streams.get(parts["streams"]) if location else None
    if stream is None:
        return GONE
    case = state_case(stream.state)
    trouble = _trouble(stream) if stream.state not in FAILURES else ""
    return Case("odd", f"{case.text}, {trouble}") if trouble else case


def _trouble(stream: StreamSnapshot) -> str:
    """Return what is wrong with a stream though its state does not say so."""
    if stream.errors:
        return "with an error"
    if any(each.backfill in _TROUBLED or each.errors for each in stream.objects):
        return "with a table in trouble"
    if stream.state != StreamState.RUNNING:
        return ""
    if stream.freshness is None:
        return "delivers nothing"
    if stream.growing_since is not None:
        return "falls behind"
    behind = stream.freshness > stream.usual_freshness
    return f"{short(stream.freshness)} behind" if behind else ""


def _location(fleet: Snapshot, parts: dict[str, str]) -> Case:
    project, location = fleet.project(parts["projects"]), _location_of(fleet, parts)
    if project is None or location is None:
        return GONE
    shut = _shut(project) or _OUTAGES.get(location.outage or "", "")
    if shut:
        return Case("bad", shut)
    states = Counter(stream.state for stream in location.streams.values())
    text = ", ".join(f"{number} {state_name(state)}" for state, number in states.most_common())
    worst = max((state_case(state).case for state in states), key=_WORST.index, default="good")
    return Case(worst, text or "no stream")


_WORST = ("good", "busy", "idle", "odd", "bad", "lost")


def _project(fleet: Snapshot, parts: dict[str, str]) -> Case:
    project = fleet.project(parts["projects"])
    if project is None:
        return GONE
    locations = project.locations.values()
    out = [location for location in locations if location.outage]
    if shut := _shut(project):
        return Case("bad", shut)
    if out:
        return Case("bad", f"{len(out)} of {len(locations)} locations out of reach")
    return Case("good", "answers")


def _connection(fleet: Snapshot, parts: dict[str, str]) -> Case:
    location = _location_of(fleet, parts)
    connection = location.connections.get(parts["privateConnections"]) if location else None
    if connection is None:
        return GONE
    return state_case(connection.state, connection=True)


def _location_of(fleet: Snapshot, parts: dict[str, str]) -> LocationSnapshot | None:
    project = fleet.project(parts["projects"])
    return project.locations.get(parts["locations"]) if project else None


def _shut(project: ProjectSnapshot) -> str:
    """Return why nothing of a project can be read; empty where it can."""
    if not project.api_enabled:
        return "API disabled"
    return "permission taken away" if project.denied & _READS else ""


_SEEN_BY_KIND: dict[Kind, Callable[[Snapshot, dict[str, str]], Case]] = {
    Kind.STREAM: _stream,
    Kind.LOCATION: _location,
    Kind.PROJECT: _project,
    Kind.CONNECTION: _connection,
}
