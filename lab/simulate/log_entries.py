"""Makes the log entries of a world, in Cloud Logging's form.

A change to a stream leaves two entries in the audit log: at the start of the operation
and at its end. Datastream's own log has its failures. What the service does by itself
isn't audited. https://cloud.google.com/datastream/docs/audit-logging
"""

import zlib
from collections.abc import Iterable, Iterator
from operator import attrgetter
from typing import Any, NamedTuple
from urllib.parse import quote

from lab.emulator.world import (
    Event,
    Fail,
    Lifecycle,
    Pause,
    World,
    WriteCheckpoints,
    WriteLogEntry,
    glob_matches,
)

STREAM_ACTIVITY = "datastream.googleapis.com/stream_activity"
AUDIT = "cloudaudit.googleapis.com/activity"

_METHODS = {
    "start": "UpdateStream",
    "resume": "UpdateStream",
    "recover": "RunStream",
    "delete": "DeleteStream",
    "appear": "CreateStream",
}


class LogEntry(NamedTuple):
    """A log entry."""

    at: float  # seconds after the world's start
    stream: str  # the stream's full name
    fields: dict[str, Any]  # the entry as the API has it, as nested mappings


def entries(world: World) -> tuple[LogEntry, ...]:
    """Return every entry that a world's events write, in order of time."""
    names = world.resource_names()["stream"]
    found: list[LogEntry] = []
    for event in world.events:
        glob = getattr(event, "stream", "")
        streams = [glob]
        if glob not in names:
            streams = [name for name in names if glob_matches(glob, name)]
        for stream in streams:
            found += _entries(event, stream)
    return tuple(sorted(found, key=attrgetter("at")))


def _entries(event: Event, stream: str) -> Iterator[LogEntry]:
    match event:
        case Pause():
            yield from _operation(event.at, event.draining, stream, "UpdateStream")
        case Lifecycle() if event.do in _METHODS:
            yield from _operation(event.at, event.starting, stream, _METHODS[event.do])
        case Fail():
            payload = {"message": event.message or event.reason}
            fields = {"severity": "ERROR", "jsonPayload": payload}
            yield _of_stream(event.at, stream, STREAM_ACTIVITY, fields)
        case WriteCheckpoints():
            for number in range(int(event.lasts // event.every)):
                at = event.at + number * event.every
                yield _checkpoint(at, stream, event.position + number * event.advance)
        case WriteLogEntry(log="stream_activity"):
            payload = {"message": event.message}
            fields = {"severity": event.severity, "jsonPayload": payload}
            yield _of_stream(event.at, stream, STREAM_ACTIVITY, fields)
        case WriteLogEntry():
            parts = event.operation.split(" and ") if event.operation else []
            method = str(event.method)
            yield _audit(event.at, stream, method, parts, event.severity, event.who)


def _checkpoint(at: float, stream: str, position: int) -> LogEntry:
    """Return the entry about a position, whose time moves and stands still with it."""
    digits = zlib.crc32(b"%d" % position) % 1_000_000
    message = (
        f"CDC checkpointed. Latest fetched log sequence number: {position}"
        f" Latest fetched event timestamp: 2026-06-08T11:38:29.{digits:06}Z"
    )
    fields = {"severity": "INFO", "jsonPayload": {"message": message}}
    return _of_stream(at, stream, STREAM_ACTIVITY, fields)


def _operation(at: float, takes: float, stream: str, method: str) -> Iterator[LogEntry]:
    """Yield the first and the last entry of an operation that takes some seconds."""
    yield _audit(at, stream, method, ["first"])
    yield _audit(at + (takes or 1), stream, method, ["last"])


def _audit(
    at: float,
    stream: str,
    method: str,
    parts: Iterable[str],
    severity: str = "NOTICE",
    who: str = "operator@example.com",
) -> LogEntry:
    payload = {
        "serviceName": "datastream.googleapis.com",
        "methodName": f"google.cloud.datastream.v1.Datastream.{method}",
        "resourceName": stream,
        "authenticationInfo": {"principalEmail": who},
    }
    fields: dict[str, Any] = {"severity": severity, "protoPayload": payload}
    if parts:
        fields["operation"] = {
            "producer": "datastream.googleapis.com",
            **dict.fromkeys(parts, True),
        }
    return _of_stream(at, stream, AUDIT, fields)


def _of_stream(at: float, stream: str, log_id: str, fields: dict[str, Any]) -> LogEntry:
    """Return an entry of Datastream.

    No document says what resource an entry of the audit log has.
    """
    project, location, stream_id = stream.split("/")[1::2]
    resource = {
        "type": "datastream.googleapis.com/Stream",
        "labels": {
            "resource_container": project,
            "location": location,
            "stream_id": stream_id,
        },
    }
    log = f"projects/{project}/logs/{quote(log_id, safe='')}"
    return LogEntry(at, stream, fields | {"logName": log, "resource": resource})
