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
    """Streams whose name or id matches start, resume, recover, heal, end, or come into being."""

    do: Literal["start", "resume", "recover", "heal", "delete", "appear"]
    starting: Seconds = 0


class Pause(_StreamEvent):
    """Streams are paused by hand, DRAINING for a while where one is given."""

    do: Literal["pause"]
    draining: Seconds = 0


class Fail(_StreamEvent):
    """Streams fail, for good or not, or go on and carry an error."""

    do: Literal["fail", "fail_permanently", "report_error"]
    reason: str
    message: str = ""


class SetState(_StreamEvent):
    """Streams are in a state, by name or by a number that nobody knows yet."""

    do: Literal["set_state"]
    state: State


class SetBackfill(_StreamEvent):
    """All objects of the streams are in a backfill state."""

    do: Literal["set_backfill"]
    backfill: BackfillState


class Lag(_StreamEvent):
    """Streams fall behind: their own freshness is so much from now on, and may grow."""

    do: Literal["lag"]
    freshness: Seconds
    growing: bool = False


class Freshness(_StreamEvent):
    """Streams are as fresh as at first, or go on while their freshness is no longer measured."""

    do: Literal["catch_up", "stall"]


class DropEvents(_StreamEvent):
    """Streams leave out data that they do not support, and count it in their own metric."""

    do: Literal["drop_events"]
    events: int = Field(ge=1)
    object: str = "public.orders"
    error_code: str = "UNSUPPORTED_DATA_TYPE"


class WriteLogEntry(_StreamEvent):
    """An entry about the streams is logged; the other events that people make log theirs."""

    do: Literal["log"]
    log: Log
    severity: Severity
    method: str | None = None
    operation: Literal["first", "last"] | None = None
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
    """A location stops answering or answers again."""

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
    """Private connections are in a state."""

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
