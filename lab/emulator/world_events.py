"""The events of a world file: how streams, locations, projects and connections change."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from lab.emulator.world_values import (
    BackfillState,
    ConnectionState,
    Log,
    Outage,
    Permission,
    Seconds,
    State,
    WorldError,
    WorldSection,
)
from lab.filters.log_filter import Severity  # noqa: TC001 - pydantic resolves it at run time


class _Event(WorldSection):
    at: Seconds


class _StreamEvent(_Event):
    stream: str


class Lifecycle(_StreamEvent):
    """Matching streams start, resume, recover, heal, are deleted or appear."""

    do: Literal["start", "resume", "recover", "heal", "delete", "appear"]
    starting: Seconds = 0


class Pause(_StreamEvent):
    """Somebody pauses the streams; with `draining`, they are DRAINING for that long first."""

    do: Literal["pause"]
    draining: Seconds = 0


class Fail(_StreamEvent):
    """Streams fail, for now or permanently, or keep running with an error."""

    do: Literal["fail", "fail_permanently", "report_error"]
    reason: str
    message: str = ""


class SetState(_StreamEvent):
    """Streams change to a state: a name, or a number that the client does not know yet."""

    do: Literal["set_state"]
    state: State


class SetBackfill(_StreamEvent):
    """All objects of the streams change to a backfill state."""

    do: Literal["set_backfill"]
    backfill: BackfillState


class Lag(_StreamEvent):
    """Streams fall behind: their freshness has this value from now on, or grows from it."""

    do: Literal["lag"]
    freshness: Seconds
    growing: bool = False


class Freshness(_StreamEvent):
    """Streams are as fresh as at the start again, or their freshness is no longer measured."""

    do: Literal["catch_up", "stall"]


class DropEvents(_StreamEvent):
    """Streams drop unsupported events, and count them in their own metric."""

    do: Literal["drop_events"]
    events: int = Field(ge=1)
    object: str = "public.orders"
    error_code: str = "UNSUPPORTED_DATA_TYPE"


class WriteLogEntry(_StreamEvent):
    """A log entry about the streams is written. Other events write their own."""

    do: Literal["log"]
    log: Log
    severity: Severity
    method: str | None = None
    operation: Literal["first", "last", "first and last"] | None = None
    who: str = "operator@example.com"
    message: str = ""

    @model_validator(mode="after")
    def _of_one_kind(self) -> WriteLogEntry:
        audit = self.log == "audit"
        if audit != (self.method is not None) or (self.operation and not audit):
            raise ValueError(
                "an entry of the audit log needs a method, such as UpdateStream, and may have an"
                " operation; one of stream_activity has neither"
            )
        return self


class LocationEvent(_Event):
    """A location stops answering, or answers again."""

    location: str
    do: Literal["unreachable", "reachable"]
    outage: Outage = "unavailable"


class ProjectEvent(_Event):
    """A project's Datastream API is disabled or enabled."""

    project: str
    do: Literal["disable_api", "enable_api"]


class PermissionEvent(_Event):
    """The caller loses or gains a permission on a project."""

    project: str
    do: Literal["revoke", "grant"]
    permission: Permission


class ConnectionEvent(_Event):
    """Private connections change to a state."""

    private_connection: str
    do: Literal["set_connection_state"]
    state: ConnectionState
    error: WorldError | None = None


Event = Annotated[
    Lifecycle
    | Pause
    | Fail
    | SetState
    | SetBackfill
    | Lag
    | Freshness
    | DropEvents
    | WriteLogEntry
    | LocationEvent
    | ProjectEvent
    | PermissionEvent
    | ConnectionEvent,
    Field(discriminator="do"),
]
