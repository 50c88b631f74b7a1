"""The world file: what exists in the embedded Google Cloud, how it changes, what goes wrong."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

import grpc
from google.cloud.datastream_v1 import BackfillJob, PrivateConnection
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)

from exporter import durations
from exporter.mistakes import shown
from exporter.spelling import hint
from exporter.states import StreamState

if TYPE_CHECKING:
    from enum import IntEnum

_MILLISECONDS = re.compile(r"(\d{1,9})ms")
_COUNTER = re.compile(r"\{(?::0(\d+))?\}")

# Plain numbers, as every state here: the API may send one that no enum knows.
_COMPLETED = int(BackfillJob.State.COMPLETED)
_CREATED = int(PrivateConnection.State.CREATED)


def _seconds(written: object) -> object:
    """Turn ``90s`` or ``50ms`` into seconds; a number passes, for worlds written in Python."""
    if not isinstance(written, str):
        return written
    milliseconds = _MILLISECONDS.fullmatch(written)
    if milliseconds:
        return int(milliseconds[1]) / 1000
    return durations.parse(written).total_seconds()


def _number_in(names: type[IntEnum]) -> BeforeValidator:
    """Accept an enum's name or any number: the API may send one that nobody knows yet."""

    def number(written: object) -> object:
        if not isinstance(written, str):
            return written
        try:
            return names[written].value
        except KeyError:
            known = [each.name for each in names]
            raise ValueError(f"{shown(written)} is not allowed; {hint(written, known)}") from None

    return BeforeValidator(number)


def _a_status_code(name: str) -> str:
    if name not in grpc.StatusCode.__members__ or name == "OK":
        codes = [code for code in grpc.StatusCode.__members__ if code != "OK"]
        raise ValueError(f"{shown(name)} is not a status code; {hint(name, codes)}")
    return name


Duration = Annotated[float, BeforeValidator(_seconds), Field(ge=0)]
State = Annotated[int, _number_in(StreamState)]
BackfillState = Annotated[int, _number_in(BackfillJob.State)]
ConnectionState = Annotated[int, _number_in(PrivateConnection.State)]
Code = Annotated[str, AfterValidator(_a_status_code)]

Permission = Literal[
    "datastream.locations.list",
    "datastream.streams.list",
    "datastream.streams.get",
    "datastream.objects.list",
    "datastream.privateConnections.list",
    "monitoring.timeSeries.create",
    "monitoring.timeSeries.list",
    "monitoring.metricDescriptors.create",
    "monitoring.metricDescriptors.get",
    "monitoring.metricDescriptors.list",
    "monitoring.metricDescriptors.delete",
]

Outage = Literal["unavailable", "listed", "partial"]
"""How a location does not answer: with the status UNAVAILABLE; with a success that names it in
``unreachable`` and holds nothing; or the same for the first page alone, the rest being served."""

Wording = Literal["newer", "older", "nameless"]
"""How CreateTimeSeries words a refusal: as since 2024, as before, or naming no series at all."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Problem(_Part):
    """An error that a stream, an object or a private connection carries."""

    reason: str
    message: str = ""


class _Counted(_Part):
    """A thing, or ``count`` alike ones whose names are counted from 1."""

    count: int | None = Field(default=None, ge=1, le=100_000)

    def _numbered(self, pattern: str) -> list[str]:
        if self.count is None:
            return [pattern]

        def name(number: int) -> str:
            return _COUNTER.sub(lambda found: f"{number:0{found[1] or 1}d}", pattern)

        return [name(number) for number in range(1, self.count + 1)]

    def _check_pattern(self, pattern: str) -> None:
        if (self.count is not None) != bool(_COUNTER.search(pattern)):
            raise ValueError(
                f"{shown(pattern)}: with a count a name holds a counter such as {{:05}}, and only"
                " then"
            )


class Objects(_Counted):
    """One object of a stream (a table), or ``count`` alike ones."""

    table: str
    backfill: BackfillState = _COMPLETED
    errors: tuple[Problem, ...] = ()

    @property
    def tables(self) -> list[str]:
        """Return the objects' names."""
        return self._numbered(self.table)

    @model_validator(mode="after")
    def _named(self) -> Objects:
        self._check_pattern(self.table)
        return self


class Streams(_Counted):
    """One stream, or ``count`` alike ones."""

    id: str
    state: State = StreamState.RUNNING
    exists: bool = True
    labels: dict[str, str] = {}
    errors: tuple[Problem, ...] = ()
    objects: tuple[Objects, ...] = ()
    create_time: AwareDatetime = datetime.fromisoformat("2025-03-01T09:00:00+00:00")

    @property
    def ids(self) -> list[str]:
        """Return the streams' ids."""
        return self._numbered(self.id)

    @model_validator(mode="after")
    def _named(self) -> Streams:
        self._check_pattern(self.id)
        return self


class Connection(_Part):
    """A private connection."""

    id: str
    state: ConnectionState = _CREATED
    error: Problem | None = None


class Location(_Part):
    """A location of a project and what lives in it."""

    id: str
    outage: Outage | None = None
    streams: tuple[Streams, ...] = ()
    private_connections: tuple[Connection, ...] = ()


class Project(_Part):
    """A project: watched, or the one that metrics are written to, or both."""

    id: str
    number: int
    api: Literal["enabled", "disabled"] = "enabled"
    denied: frozenset[Permission] = frozenset()
    names: Literal["by_id", "by_number"] = "by_id"
    locations: tuple[Location, ...] = ()


class _Event(_Part):
    at: Duration


class _StreamEvent(_Event):
    stream: str


class Lifecycle(_StreamEvent):
    """Streams whose name or id matches start, resume, heal, end, or come (back) into being."""

    do: Literal["start", "resume", "heal", "delete", "appear"]
    starting: Duration = 0


class Pause(_StreamEvent):
    """Streams are paused by hand, DRAINING for a while where one is given."""

    do: Literal["pause"]
    draining: Duration = 0


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
    error: Problem | None = None


Event = Annotated[
    Lifecycle
    | Pause
    | Fail
    | SetState
    | SetBackfill
    | LocationEvent
    | ProjectEvent
    | PermissionEvent
    | ConnectionEvent,
    Field(discriminator="do"),
]


class Fault(_Part):
    """What goes wrong with calls: a delay, a status code, or both.

    Globs are matched against the method's short name, the project's id and the location's id
    (empty for a call that has none). ``when: after`` means that the call had its effect first.
    """

    method: str = "*"
    project: str = "*"
    location: str = "*"
    code: Code | None = None
    message: str = ""
    retry_delay: Duration | None = None
    latency: Duration = 0
    times: int | None = Field(default=None, ge=1)
    since: Duration = Field(default=0, alias="from")
    until: Duration | None = None
    when: Literal["before", "after"] = "before"

    model_config = ConfigDict(populate_by_name=True)

    @model_validator(mode="after")
    def _does_something(self) -> Fault:
        if self.code is None and not self.latency:
            raise ValueError("a fault needs a code, a latency, or both")
        return self


class World(_Part):
    """A whole world file."""

    config: dict[str, Any] | None = None
    """The exporter's own config.yaml for this world, as it would stand in a file."""
    projects: tuple[Project, ...]
    events: tuple[Event, ...] = ()
    faults: tuple[Fault, ...] = ()
    refusals: Wording = "newer"
    largest_page: dict[str, int] = {}
    """By method: a smaller maximum page size than Google's, to make short pages."""
