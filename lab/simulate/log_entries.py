"""The log entries of a simulated world and of its exporters, in Cloud Logging's form.

A change to a stream leaves two entries in the audit log: at the start of the operation and at its
end. Datastream's own log has its failures. What the service does by itself isn't audited.
https://cloud.google.com/datastream/docs/audit-logging
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from exporter.inputs.globs import is_literal
from lab.emulator.timeline import Timeline
from lab.emulator.world import DropEvents, Fail, Lifecycle, Pause, WriteLogEntry, matches
from lab.filters.log_filter import SEVERITIES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.emulator.world import Event, World
    from lab.simulate.scenario import Deployment

STREAM_ACTIVITY = "datastream.googleapis.com/stream_activity"
AUDIT = "cloudaudit.googleapis.com/activity"
STDOUT = "run.googleapis.com/stdout"

EXPORTERS = {
    "job": ("cloud_run_job", "job_name"),
    "function": ("cloud_run_revision", "service_name"),
    "worker_pool": ("cloud_run_worker_pool", "worker_pool_name"),
}
"""The monitored resource of an exporter's entries, and its label with the name, by mode."""

_SERVICE = "google.cloud.datastream.v1.Datastream"
_PERSON = "operator@example.com"
_METHODS = {
    "start": "UpdateStream",
    "resume": "UpdateStream",
    "recover": "RunStream",
    "delete": "DeleteStream",
    "appear": "CreateStream",
}
_BEFORE = 1e-3


class LogEntry(NamedTuple):
    """A log entry.

    Attributes:
        at: Seconds after the world's start.
        stream: The stream's full name.
        fields: The entry as the API has it, as nested mappings.
    """

    at: float
    stream: str
    fields: dict[str, Any]


def entries(world: World) -> tuple[LogEntry, ...]:
    """Return every entry that a world's events write, in order of time."""
    timeline = Timeline(world)
    found = [
        entry
        for event in world.events
        for stream in _streams(timeline, event)
        for entry in _entries(event, stream)
    ]
    return tuple(sorted(found, key=lambda entry: entry.at))


def asks_for_run(entry: LogEntry) -> bool:
    """Return whether the log sink of a function with log triggers takes an entry of Datastream."""
    return "protoPayload" in entry.fields or SEVERITIES.index(
        entry.fields["severity"]
    ) >= SEVERITIES.index("ERROR")


def of_exporter(at: float, lines: str, deployment: Deployment, project: str) -> Iterator[LogEntry]:
    """Yield the entries about streams that an exporter wrote, from its lines of JSON.

    Args:
        at: When it wrote them, in seconds after the world's start.
        lines: Its standard output.
        deployment: How it runs.
        project: Where it runs.
    """
    resource, name = EXPORTERS[deployment.mode]
    for line in lines.splitlines():
        payload: dict[str, Any] = json.loads(line)
        if "stream_id" not in payload:
            continue
        stream = (
            f"projects/{payload['project']}/locations/{payload['location']}"
            f"/streams/{payload['stream_id']}"
        )
        fields = {
            "logName": f"projects/{project}/logs/{quote(STDOUT, safe='')}",
            "severity": payload.pop("severity"),
            "resource": {
                "type": resource,
                "labels": {
                    "project_id": project,
                    "location": deployment.location,
                    name: deployment.job,
                },
            },
            "jsonPayload": payload,
        }
        yield LogEntry(at, stream, fields)


def _streams(timeline: Timeline, event: Event) -> Iterator[str]:
    """Yield the full names of an event's streams."""
    glob = getattr(event, "stream", "")
    if "/" in glob and is_literal(glob):
        yield glob
        return
    names = {
        f"{location.name}/streams/{id_}"
        for at in (event.at - _BEFORE, event.at)
        for project in timeline.at(at).projects.values()
        for location in project.locations.values()
        for id_ in location.streams
    }
    yield from sorted(name for name in names if matches(glob, name))


def _entries(event: Event, stream: str) -> Iterator[LogEntry]:
    match event:
        case Pause():
            yield from _audited(event.at, event.draining, stream, "UpdateStream")
        case Lifecycle() if event.do in _METHODS:
            yield from _audited(event.at, event.starting, stream, _METHODS[event.do])
        case Fail():
            yield _activity(event.at, stream, "ERROR", event.message or event.reason)
        case DropEvents():
            yield _activity(event.at, stream, "WARNING", f"{event.object}: {event.error_code}")
        case WriteLogEntry(log="stream_activity"):
            yield _activity(event.at, stream, event.severity, event.message)
        case WriteLogEntry():
            parts = event.operation.split(" and ") if event.operation else []
            operation = dict.fromkeys(parts, True)
            yield _audit(event.at, stream, str(event.method), event.severity, operation, event.who)


def _audited(at: float, takes: float, stream: str, method: str) -> Iterator[LogEntry]:
    """Yield the first and the last entry of an operation that takes some seconds."""
    yield _audit(at, stream, method, "NOTICE", {"first": True})
    yield _audit(at + (takes or 1), stream, method, "NOTICE", {"last": True})


def _audit(
    at: float,
    stream: str,
    method: str,
    severity: str,
    operation: dict[str, bool],
    who: str = _PERSON,
) -> LogEntry:
    fields: dict[str, Any] = {
        "logName": _log_name(stream, AUDIT),
        "severity": severity,
        "resource": _resource(stream),
        "protoPayload": {
            "serviceName": "datastream.googleapis.com",
            "methodName": f"{_SERVICE}.{method}",
            "resourceName": stream,
            "authenticationInfo": {"principalEmail": who},
        },
    }
    if operation:
        fields["operation"] = {"producer": "datastream.googleapis.com", **operation}
    return LogEntry(at, stream, fields)


def _activity(at: float, stream: str, severity: str, message: str) -> LogEntry:
    fields = {
        "logName": _log_name(stream, STREAM_ACTIVITY),
        "severity": severity,
        "resource": _resource(stream),
        "jsonPayload": {"message": message},
    }
    return LogEntry(at, stream, fields)


def _resource(stream: str) -> dict[str, Any]:
    """Return the resource of an entry; for the audit log it isn't documented anywhere."""
    _, project, _, location, _, stream_id = stream.split("/")
    return {
        "type": "datastream.googleapis.com/Stream",
        "labels": {"resource_container": project, "location": location, "stream_id": stream_id},
    }


def _log_name(stream: str, log_id: str) -> str:
    return f"projects/{stream.split('/')[1]}/logs/{quote(log_id, safe='')}"
