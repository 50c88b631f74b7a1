"""The values that a world file is written in: durations, states, status codes, permissions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import grpc
from google.cloud.datastream_v1 import BackfillJob, PrivateConnection
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
)

from exporter.durations import parse
from exporter.documents import hint
from exporter.states import StreamState
from exporter.text import quote

if TYPE_CHECKING:
    from enum import IntEnum


def _seconds(written: object) -> object:
    """Turn ``90s``, ``50ms`` or ``1h12m10s`` into seconds; numbers pass, for use in code."""
    if not isinstance(written, str):
        return written
    return parse(written, compound=True).total_seconds()


def _number_in(names: type[IntEnum]) -> BeforeValidator:
    """Accept an enum's name or any number, as the API may send one that the client doesn't know."""

    def number(written: object) -> object:
        if not isinstance(written, str):
            return written
        try:
            return names[written].value
        except KeyError:
            known = [each.name for each in names]
            raise ValueError(f"{quote(written)} is not allowed; {hint(written, known)}") from None

    return BeforeValidator(number)


def _a_status_code(name: str) -> str:
    if name not in grpc.StatusCode.__members__ or name == "OK":
        codes = [code for code in grpc.StatusCode.__members__ if code != "OK"]
        raise ValueError(f"{quote(name)} is not a status code; {hint(name, codes)}")
    return name


Seconds = Annotated[float, BeforeValidator(_seconds), Field(ge=0)]
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
"""How a location fails: with the status UNAVAILABLE; with an empty answer that lists it in
``unreachable``; or the same for the first page only."""

Log = Literal["stream_activity", "audit"]
"""Datastream's own log, or the audit log, which says who changed what."""

PartialWriteFormat = Literal["newer", "older", "nameless"]
"""How a partial write error names the refused series: as since 2024, as before, or not at all."""


class WorldSection(BaseModel):
    """A section of a world file. Immutable; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class WorldError(WorldSection):
    """An error that a stream, an object or a private connection carries."""

    reason: str
    message: str = ""
