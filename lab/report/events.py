"""What happens in a scenario, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from google.cloud.datastream_v1 import PrivateConnection

from exporter.states import BackfillState, state_name
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
from lab.report.moments import short
from lab.report.things import named

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from lab.emulator.world import Fault
    from lab.emulator.world_events import Event
    from lab.simulate.scenario import Deployment, ScenarioFile

_LIFECYCLE = {
    "start": "is started",
    "resume": "is resumed",
    "recover": "is recovered",
    "heal": "runs again by itself",
    "delete": "is deleted",
    "appear": "is made",
}
_FAIL = {
    "fail": "fails",
    "fail_permanently": "fails permanently",
    "report_error": "goes on with an error",
}
_OUTAGE = {
    "unavailable": "does not answer",
    "listed": "answers that it is unreachable",
    "partial": "answers in part, and that it is unreachable",
}


class Turn(NamedTuple):
    """A moment at which something happens.

    Attributes:
        number: Its number in the scenario, from 1.
        at: When, in seconds after the start.
        texts: What, each in words of its own.
    """

    number: int
    at: float
    texts: tuple[str, ...]


def turns(scenario: ScenarioFile) -> tuple[Turn, ...]:
    """Return all that happens, in order."""
    texts: dict[float, list[str]] = {}
    for at, text in sorted(_all(scenario), key=lambda found: found[0]):
        if at < scenario.lasts:
            texts.setdefault(at, []).append(text)
    return tuple(
        Turn(number, at, tuple(dict.fromkeys(texts[at]))) for number, at in enumerate(texts, 1)
    )


def runs(scenario: ScenarioFile) -> tuple[str, ...]:
    """Return how each exporter runs, a sentence for each."""
    several = len(scenario.exporters) > 1
    return tuple(
        f"The exporter {each.job if several else ''}".rstrip() + f" {_how(each)}."
        for each in scenario.exporters
    )


def title(deployment: Deployment, scenario: ScenarioFile) -> str:
    """Return what an exporter is called: by its job, where there are several."""
    return deployment.job if len(scenario.exporters) > 1 else "exporter"


def connection_state(number: int) -> str:
    """Return the API's name of a private connection's state, or ``state 9`` where it has none."""
    states: Any = PrivateConnection.State
    known = {int(state): str(state.name) for state in states}
    return known.get(number, f"state {number}")


def _all(scenario: ScenarioFile) -> Iterator[tuple[float, str]]:
    for event in scenario.world.events:
        yield event.at, f"{_subject(event)} {_words(event)}"
    for fault in scenario.world.faults:
        yield fault.since, _fault(fault)
    for deployment in scenario.exporters:
        name = title(deployment, scenario)
        if deployment.first:
            yield deployment.first, f"{name} runs for the first time"
        if deployment.ends is not None:
            yield deployment.ends, f"{name} is taken away"
        for silence in deployment.silent:
            of = name if silence.task is None else f"task {silence.task} of {name}"
            yield silence.since, f"{of} does not run{' any more' if silence.since else ''}"
            yield silence.until, f"{of} runs again"


def _subject(event: Event) -> str:
    match event:
        case LocationEvent():
            glob, every = event.location, "every location"
        case ProjectEvent() | PermissionEvent():
            glob, every = event.project, "every project"
        case ConnectionEvent():
            glob, every = event.private_connection, "every private connection"
        case _:
            glob, every = event.stream, "every stream"
    if glob == "*":
        return every
    of = named(glob)
    return f"{of.short} in {of.where}" if of.where else of.short


def _words(event: Event) -> str:
    return _SAID[type(event)](event)


def _lifecycle(event: Lifecycle) -> str:
    starting = f", STARTING for {short(event.starting)}" if event.starting else ""
    return _LIFECYCLE[event.do] + starting


def _pause(event: Pause) -> str:
    return "is paused" + (f", DRAINING for {short(event.draining)}" if event.draining else "")


def _lag(event: Lag) -> str:
    return f"is {short(event.freshness)} behind" + (", and falls further" * event.growing)


def _freshness(event: Freshness) -> str:
    caught_up = event.do == "catch_up"
    return "delivers again" if caught_up else "delivers nothing, and goes on RUNNING"


def _dropped(event: DropEvents) -> str:
    return f"leaves out {event.events} events of {event.object}: {event.error_code}"


def _logged(event: WriteLogEntry) -> str:
    if event.log == "audit":
        operation = f" ({event.operation})" if event.operation else ""
        return f"has {event.severity} {event.method}{operation} in the audit log"
    return f"has an entry of severity {event.severity} in its log"


def _permission(event: PermissionEvent) -> str:
    verb = "no longer grants" if event.do == "revoke" else "grants"
    return f"{verb} {event.permission}"


_SAID: Mapping[type[Any], Callable[[Any], str]] = {
    Lifecycle: _lifecycle,
    Pause: _pause,
    Fail: lambda event: f"{_FAIL[event.do]}: {event.reason}",
    SetState: lambda event: f"is {state_name(event.state)}",
    SetBackfill: lambda event: f"has backfills that are {BackfillState(event.backfill).name}",
    Lag: _lag,
    Freshness: _freshness,
    DropEvents: _dropped,
    WriteLogEntry: _logged,
    LocationEvent: lambda event: (
        _OUTAGE[event.outage] if event.do == "unreachable" else "answers again"
    ),
    ProjectEvent: lambda event: f"has its Datastream API {event.do.removesuffix('_api')}d",
    PermissionEvent: _permission,
    ConnectionEvent: lambda event: f"is {connection_state(event.state)}",
}
"""What each kind of event does to its subject."""


def _fault(fault: Fault) -> str:
    of = f" of {fault.location}" if fault.location != "*" else ""
    times = f", {fault.times} times" if fault.times and fault.times > 1 else ""
    until = f" until {short(fault.until)}" if fault.until is not None else ""
    once = " once" if fault.times == 1 else ""
    what = "every call" if fault.method == "*" else fault.method
    return f"{what}{of} is answered {fault.code}{once}{times}{until}"


def _how(deployment: Deployment) -> str:
    if deployment.mode == "continuous":
        text = f"runs on, every {short(deployment.seconds)}"
    else:
        latest = max((*deployment.delays, 0 if deployment.delays else deployment.delay))
        late = f", up to {short(latest)} late" if latest else ""
        text = f"is started every {short(deployment.seconds)}{late}"
    if deployment.tasks > 1:
        text += f", in {deployment.tasks} tasks"
    if deployment.objects_every:
        text += f", and every {short(deployment.objects_every)} for objects"
    if deployment.skew:
        way = "fast" if deployment.skew > 0 else "slow"
        text += f"; its clock is {short(abs(deployment.skew))} {way}"
    return text
