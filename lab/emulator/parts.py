"""What exists in the embedded Google Cloud, and the values that a world file is written in."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Literal

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

from exporter.inputs import durations
from exporter.inputs.input_errors import shown
from exporter.inputs.spelling import hint
from exporter.states import StreamState

if TYPE_CHECKING:
    from enum import IntEnum

_PARTS = re.compile(
    r"(?=.)(?:(\d{1,9})h)?(?:(\d{1,9})m(?!s))?(?:(\d{1,9})s)?(?:(\d{1,9})ms)?", re.ASCII
)
_PART_SECONDS = (3600, 60, 1, 0.001)
_COUNTER = re.compile(r"\{(?::0(\d+))?\}")

# Plain numbers, as every state here: the API may send one that no enum knows.
_COMPLETED = int(BackfillJob.State.COMPLETED)
_CREATED = int(PrivateConnection.State.CREATED)


def _seconds(written: object) -> object:
    """Turn ``90s``, ``50ms`` or ``1h12m10s`` into seconds; a number passes, for code."""
    if not isinstance(written, str):
        return written
    parts = _PARTS.fullmatch(written)
    if parts is None:
        # In the words that are used everywhere.
        return durations.parse(written).total_seconds()
    return sum(
        int(number) * seconds
        for number, seconds in zip(parts.groups(), _PART_SECONDS, strict=True)
        if number
    )


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

Severity = Literal[
    "DEFAULT", "DEBUG", "INFO", "NOTICE", "WARNING", "ERROR", "CRITICAL", "ALERT", "EMERGENCY"
]
"""A log entry's, in rising order; google.logging.type.LogSeverity."""

Log = Literal["stream_activity", "audit"]
"""Datastream's own log, or the one that tells who changed what."""

Wording = Literal["newer", "older", "nameless"]
"""How CreateTimeSeries words a refusal: as since 2024, as before, or naming no series at all."""


class Part(BaseModel):
    """A section of a world file: no key is unknown, nothing changes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Problem(Part):
    """An error that a stream, an object or a private connection carries."""

    reason: str
    message: str = ""


class _Counted(Part):
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
    freshness: Duration = 5
    """What Datastream's own metric of that name says while the stream is RUNNING."""
    create_time: AwareDatetime = datetime.fromisoformat("2025-03-01T09:00:00+00:00")

    @property
    def ids(self) -> list[str]:
        """Return the streams' ids."""
        return self._numbered(self.id)

    @model_validator(mode="after")
    def _named(self) -> Streams:
        self._check_pattern(self.id)
        return self


class Connection(Part):
    """A private connection."""

    id: str
    state: ConnectionState = _CREATED
    error: Problem | None = None


class Location(Part):
    """A location of a project and what lives in it."""

    id: str
    outage: Outage | None = None
    streams: tuple[Streams, ...] = ()
    private_connections: tuple[Connection, ...] = ()


class Project(Part):
    """A project: watched, or the one that metrics are written to, or both."""

    id: str
    number: int
    api: Literal["enabled", "disabled"] = "enabled"
    denied: frozenset[Permission] = frozenset()
    names: Literal["by_id", "by_number"] = "by_id"
    locations: tuple[Location, ...] = ()
