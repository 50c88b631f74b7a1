"""The events of a scenario in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from google.cloud.datastream_v1 import PrivateConnection

from exporter.durations import format_duration
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
from lab.report.marks import EventMark
from lab.report.subjects import subject_named

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from lab.emulator.world import Fault
    from lab.emulator.world_events import Event
    from lab.simulate.scenario import Deployment, ScenarioFile

_LIFECYCLE = {
    "start": "is started",
    "resume": "is resumed",
    "recover": "is recovered",
    "heal": "recovers by itself",
    "delete": "is deleted",
    "appear": "is created",
}
_FAIL = {
    "fail": "fails",
    "fail_permanently": "fails permanently",
    "report_error": "keeps running with an error",
}
_OUTAGE = {
    "unavailable": "stops answering",
    "listed": "is reported as unreachable",
    "partial": "answers partly and is reported as unreachable",
}


def event_marks(scenario: ScenarioFile) -> tuple[EventMark, ...]:
    """Return everything that happens before the scenario's end, in order."""
    texts: dict[float, list[str]] = {}
    for at, text in sorted(_events(scenario), key=lambda event: event[0]):
        if at < scenario.lasts:
            texts.setdefault(at, []).append(text)
    return tuple(
        EventMark(number, at, tuple(dict.fromkeys(texts[at]))) for number, at in enumerate(texts, 1)
    )


def deployment_sentences(scenario: ScenarioFile) -> tuple[str, ...]:
    """Return a sentence about each exporter: when and how it runs."""
    several = len(scenario.exporters) > 1
    return tuple(
        f"The exporter {each.job if several else ''}".rstrip() + f" {_schedule(each)}."
        for each in scenario.exporters
    )


def deployment_name(deployment: Deployment, scenario: ScenarioFile) -> str:
    """Return an exporter's name: its job, where there are several."""
    return deployment.job if len(scenario.exporters) > 1 else "exporter"


def connection_state(number: int) -> str:
    """Return the API's name of a private connection's state, or ``state 9`` where it has none."""
    states: Any = PrivateConnection.State
    known = {int(state): str(state.name) for state in states}
    return known.get(number, f"state {number}")


def _events(scenario: ScenarioFile) -> Iterator[tuple[float, str]]:
    for event in scenario.world.events:
        yield event.at, f"{_subject(event)} {_TEXTS[type(event)](event)}"
    for fault in scenario.world.faults:
        yield fault.since, _fault(fault)
    for deployment in scenario.exporters:
        name = deployment_name(deployment, scenario)
        if deployment.first:
            yield deployment.first, f"{name} runs for the first time"
        if deployment.ends is not None:
            yield deployment.ends, f"{name} is removed"
        for silence in deployment.silent:
            of = name if silence.task is None else f"task {silence.task} of {name}"
            yield silence.since, f"{of} stops running"
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
    subject = subject_named(glob)
    return f"{subject.short} in {subject.parent}" if subject.parent else subject.short


def _lifecycle(event: Lifecycle) -> str:
    starting = f", STARTING for {format_duration(event.starting)}" if event.starting else ""
    return _LIFECYCLE[event.do] + starting


def _pause(event: Pause) -> str:
    return "is paused" + (
        f", DRAINING for {format_duration(event.draining)}" if event.draining else ""
    )


def _lag(event: Lag) -> str:
    return f"is {format_duration(event.freshness)} behind" + (
        ", and falling further behind" * event.growing
    )


def _freshness(event: Freshness) -> str:
    caught_up = event.do == "catch_up"
    return "catches up" if caught_up else "delivers nothing but stays RUNNING"


def _dropped(event: DropEvents) -> str:
    return f"drops {event.events} events of {event.object}: {event.error_code}"


def _logged(event: WriteLogEntry) -> str:
    if event.log == "audit":
        operation = f" ({event.operation})" if event.operation else ""
        return f"gets an audit log entry: {event.severity} {event.method}{operation}"
    return f"logs an entry of severity {event.severity}"


def _permission(event: PermissionEvent) -> str:
    verb = "no longer grants" if event.do == "revoke" else "grants"
    return f"{verb} {event.permission}"


_TEXTS: Mapping[type[Any], Callable[[Any], str]] = {
    Lifecycle: _lifecycle,
    Pause: _pause,
    Fail: lambda event: f"{_FAIL[event.do]}: {event.reason}",
    SetState: lambda event: f"changes to {state_name(event.state)}",
    SetBackfill: lambda event: f"has backfills in state {BackfillState(event.backfill).name}",
    Lag: _lag,
    Freshness: _freshness,
    DropEvents: _dropped,
    WriteLogEntry: _logged,
    LocationEvent: lambda event: (
        _OUTAGE[event.outage] if event.do == "unreachable" else "answers again"
    ),
    ProjectEvent: lambda event: f"has its Datastream API {event.do.removesuffix('_api')}d",
    PermissionEvent: _permission,
    ConnectionEvent: lambda event: f"changes to {connection_state(event.state)}",
}
"""What each type of event does to its subject."""


def _fault(fault: Fault) -> str:
    location = f" for {fault.location}" if fault.location != "*" else ""
    times = " once" if fault.times == 1 else f" {fault.times} times" if fault.times else ""
    until = f" until {format_duration(fault.until)}" if fault.until is not None else ""
    method = "every call" if fault.method == "*" else fault.method
    effect = f"fails with {fault.code}" if fault.code else f"takes {format_duration(fault.latency)}"
    return f"{method}{location} {effect}{times}{until}"


def _schedule(deployment: Deployment) -> str:
    if deployment.mode == "worker_pool":
        text = f"runs continuously, every {format_duration(deployment.seconds)}"
    else:
        latest = max((*deployment.delays, 0 if deployment.delays else deployment.longest_delay))
        late = f", up to {format_duration(latest)} late" if latest else ""
        text = f"starts every {format_duration(deployment.seconds)}{late}"
    if deployment.tasks > 1:
        text += f", in {deployment.tasks} tasks"
    if deployment.objects_every:
        text += f", and every {format_duration(deployment.objects_every)} for objects"
    if deployment.skew:
        text += f"; its clock is {format_duration(abs(deployment.skew))} "
        text += "fast" if deployment.skew > 0 else "slow"
    return text
