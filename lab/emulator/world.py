"""The world file: what exists in the emulator, how it changes, what goes wrong."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, ClassVar, Literal, Self

from google.cloud.datastream_v1 import BackfillJob, PrivateConnection
from pydantic import AwareDatetime, ConfigDict, Field, model_validator

from exporter.states import StreamState
from exporter.text import quote
from lab.emulator.world_events import Event  # noqa: TC001 - pydantic resolves it at run time
from lab.emulator.world_values import (
    BackfillState,
    Code,
    ConnectionState,
    Outage,
    PartialWriteFormat,
    Permission,
    Seconds,
    State,
    WorldError,
    WorldSection,
)

_COUNTER = re.compile(r"\{(?::0(\d+))?\}")
_MOST_DIGITS = 9

# States are plain numbers here, as the API may send one that no enum has.
_COMPLETED = int(BackfillJob.State.COMPLETED)
_CREATED = int(PrivateConnection.State.CREATED)


class _Counted(WorldSection):
    """A thing, or ``count`` of them, numbered from 1."""

    _name_key: ClassVar[str]

    count: int | None = Field(default=None, ge=1, le=100_000)

    def _names(self) -> list[str]:
        pattern = getattr(self, self._name_key)
        if self.count is None:
            return [pattern]

        def name(number: int) -> str:
            return _COUNTER.sub(lambda found: f"{number:0{found[1] or 1}d}", pattern)

        return [name(number) for number in range(1, self.count + 1)]

    @model_validator(mode="after")
    def _counter_and_count(self) -> Self:
        pattern = getattr(self, self._name_key)
        if (self.count is not None) != bool(_COUNTER.search(pattern)):
            raise ValueError(
                f"{quote(pattern)}: a counter such as {{:05}} in a name needs a count, and a count"
                " needs a counter"
            )
        if any(int(digits or 1) > _MOST_DIGITS for digits in _COUNTER.findall(pattern)):
            raise ValueError(
                f"{quote(pattern)}: a counter has at most {_MOST_DIGITS} digits; write {{:05}}, say"
            )
        return self


class WorldObjects(_Counted):
    """One object of a stream (a table), or ``count`` of them."""

    _name_key = "table"

    table: str
    backfill: BackfillState = _COMPLETED
    errors: tuple[WorldError, ...] = ()

    @property
    def tables(self) -> list[str]:
        """Return the objects' names."""
        return self._names()


class WorldStreams(_Counted):
    """One stream, or ``count`` of them.

    Attributes:
        freshness: The value of Datastream's own metric while the stream is RUNNING.
    """

    _name_key = "id"

    id: str
    state: State = StreamState.RUNNING
    exists: bool = True
    labels: dict[str, str] = Field(default_factory=dict)
    errors: tuple[WorldError, ...] = ()
    objects: tuple[WorldObjects, ...] = ()
    freshness: Seconds = 5
    create_time: AwareDatetime = datetime.fromisoformat("2025-03-01T09:00:00+00:00")

    @property
    def ids(self) -> list[str]:
        """Return the streams' ids."""
        return self._names()


class WorldConnection(WorldSection):
    """A private connection."""

    id: str
    state: ConnectionState = _CREATED
    error: WorldError | None = None


class WorldLocation(WorldSection):
    """A location of a project, with its streams and private connections."""

    id: str
    outage: Outage | None = None
    streams: tuple[WorldStreams, ...] = ()
    private_connections: tuple[WorldConnection, ...] = ()


class WorldProject(WorldSection):
    """A project that is watched, that metrics are written to, or both."""

    id: str
    number: int
    api: Literal["enabled", "disabled"] = "enabled"
    denied: frozenset[Permission] = frozenset()
    names: Literal["by_id", "by_number"] = "by_id"
    locations: tuple[WorldLocation, ...] = ()


class Fault(WorldSection):
    """A fault of calls: a delay, a status code, or both.

    Globs match the method's short name, the project's id and the location's id (empty for a call
    without one). With ``when: after`` the call has its effect first.
    """

    method: str = "*"
    project: str = "*"
    location: str = "*"
    code: Code | None = None
    message: str = ""
    retry_delay: Seconds | None = None
    latency: Seconds = 0
    times: int | None = Field(default=None, ge=1)
    since: Seconds = Field(default=0, alias="from")
    until: Seconds | None = None
    when: Literal["before", "after"] = "before"

    model_config = ConfigDict(populate_by_name=True)

    @model_validator(mode="after")
    def _has_an_effect(self) -> Self:
        if self.code is None and not self.latency:
            raise ValueError("a fault needs a code, a latency, or both")
        return self


class World(WorldSection):
    """A whole world file."""

    config: dict[str, Any] | None = None
    """The exporter's config.yaml for this world."""
    projects: tuple[WorldProject, ...]
    events: tuple[Event, ...] = ()
    faults: tuple[Fault, ...] = ()
    refusals: PartialWriteFormat = "newer"
    largest_page: dict[str, int] = Field(default_factory=dict)
    """Smaller maximum page sizes than Google's, by method."""

    def resource_names(self) -> dict[str, list[str]]:
        """Return all full names by kind: project, location, stream and private_connection."""
        names: dict[str, list[str]] = {
            kind: [] for kind in ("project", "location", "stream", "private_connection")
        }
        for project in self.projects:
            names["project"].append(f"projects/{project.id}")
            for location in project.locations:
                at = f"projects/{project.id}/locations/{location.id}"
                names["location"].append(at)
                names["stream"] += [
                    f"{at}/streams/{id_}" for each in location.streams for id_ in each.ids
                ]
                names["private_connection"] += [
                    f"{at}/privateConnections/{each.id}" for each in location.private_connections
                ]
        return names
