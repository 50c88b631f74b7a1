"""Reads a world file: what the emulator has, how it changes, what goes wrong."""

import math
import re
import sys
from collections import Counter
from collections.abc import Collection, Iterator
from enum import IntEnum
from fnmatch import fnmatchcase
from importlib import resources
from typing import Annotated, Any, Literal, Self

import grpc
import yaml
from google.cloud.datastream_v1 import BackfillJob
from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from exporter import config
from exporter.documents.document import Document, KeyPath, Section, parse, read_file
from exporter.documents.mistakes import hint
from exporter.states import StreamState
from exporter.text import quote
from lab.filters.log_filter import Severity
from lab.promql_durations import parse_seconds

_COUNTER = re.compile(r"\{(?::0(\d))?\}")

# Values.


def _number_of_seconds(written: object) -> object:
    """Turn ``90s``, ``50ms`` or ``1h12m10s`` into seconds; numbers pass."""
    return parse_seconds(written) if isinstance(written, str) else written


def _known(written: str, known: Collection[str]) -> str:
    if written not in known:
        raise ValueError(f"{quote(written)} is not allowed; {hint(written, known)}")
    return written


def _number_in(names: type[IntEnum]) -> BeforeValidator:
    """Accept an enum's name or any number, as the API may send an unknown one."""

    def number(written: object) -> object:
        if not isinstance(written, str):
            return written
        return names[_known(written, names.__members__)].value

    return BeforeValidator(number)


_CODES = [code for code in grpc.StatusCode.__members__ if code != "OK"]

Seconds = Annotated[float, BeforeValidator(_number_of_seconds), Field(ge=0)]
State = Annotated[int, _number_in(StreamState)]
BackfillState = Annotated[int, _number_in(BackfillJob.State)]
Code = Annotated[str, AfterValidator(lambda written: _known(written, _CODES))]

Permission = Literal[
    "datastream.locations.list",
    "datastream.streams.list",
    "datastream.streams.update",
    "datastream.objects.list",
    "monitoring.timeSeries.create",
    "monitoring.timeSeries.list",
    "monitoring.notificationChannels.list",
    "monitoring.alertPolicies.list",
    "monitoring.snoozes.list",
]

# How a location fails: with the status UNAVAILABLE; with an empty answer that lists it
# in ``unreachable``; the same for the first page only; or it answers, and the discovery
# of locations leaves it out
Outage = Literal["unavailable", "listed", "partial", "unlisted"]


class WorldError(Section):
    """An error that a stream or an object carries."""

    reason: str
    message: str = ""


# What exists.


class _Counted(Section):
    """A thing, or ``count`` of them, numbered from 1."""

    count: int | None = Field(default=None, ge=1, le=100_000)
    id: str

    @property
    def ids(self) -> list[str]:
        """Return the ids (of objects: the tables)."""
        if self.count is None:
            return [self.id]

        def numbered(number: int) -> str:
            return _COUNTER.sub(lambda found: f"{number:0{found[1] or 1}d}", self.id)

        return [numbered(number) for number in range(1, self.count + 1)]

    @model_validator(mode="after")
    def _counter_and_count(self) -> Self:
        if (self.count is not None) != bool(_COUNTER.search(self.id)):
            raise ValueError(
                f"{quote(self.id)}: a counter such as {{:05}} in a name needs a count,"
                " and a count needs a counter"
            )
        return self


class WorldObjects(_Counted):
    """One object of a stream (a table), or ``count`` of them."""

    id: str = Field(alias="table")
    backfill: BackfillState = BackfillJob.State.COMPLETED
    errors: tuple[WorldError, ...] = ()


class WorldStreams(_Counted):
    """One stream, or ``count`` of them."""

    state: State = StreamState.RUNNING
    exists: bool = True
    labels: dict[str, str] = Field(default_factory=dict)
    errors: tuple[WorldError, ...] = ()
    objects: tuple[WorldObjects, ...] = ()
    # The value of Datastream's own metric while the stream is RUNNING
    freshness: Seconds = 5


class WorldLocation(Section):
    """A location of a project, with its streams."""

    id: str
    outage: Outage | None = None
    streams: tuple[WorldStreams, ...] = ()


class WorldChannel(Section):
    """A notification channel."""

    display_name: str
    type: str = "email"


class WorldProject(Section):
    """A project that is watched, that metrics are written to, or both."""

    id: str
    number: int
    api: Literal["enabled", "disabled"] = "enabled"
    denied: frozenset[Permission] = frozenset()
    names: Literal["by_id", "by_number"] = "by_id"
    locations: tuple[WorldLocation, ...] = ()
    notification_channels: tuple[WorldChannel, ...] = ()
    # Projects whose series are listed with its own
    metrics_scope: tuple[str, ...] = ()

    @property
    def named(self) -> str:
        """Return its id or its number, as answers spell it."""
        return self.id if self.names == "by_id" else str(self.number)


# What happens.


class _Event(Section):
    at: Seconds


class _StreamEvent(_Event):
    stream: str


class Lifecycle(_StreamEvent):
    """Matching streams start, resume, recover, heal, are deleted or appear.

    `catch_up` makes them as fresh as at the start. After `stall`, their freshness is no
    longer measured.
    """

    do: Literal[
        "start", "resume", "recover", "heal", "delete", "appear", "catch_up", "stall"
    ]
    starting: Seconds = 0


class Pause(_StreamEvent):
    """Somebody pauses the streams; they are DRAINING for `draining` first."""

    do: Literal["pause"]
    draining: Seconds = 0


class Fail(_StreamEvent):
    """Streams fail, for now or permanently, or keep running with an error."""

    do: Literal["fail", "fail_permanently", "report_error"]
    reason: str
    message: str = ""


class SetState(_StreamEvent):
    """Streams change to a state: a name, or a number that the client doesn't know."""

    do: Literal["set_state"]
    state: State


class SetBackfill(_StreamEvent):
    """Objects of the streams change to a backfill state; by default, of every table."""

    do: Literal["set_backfill"]
    table: str = "*"
    backfill: BackfillState


class Lag(_StreamEvent):
    """Streams fall behind: their freshness is this from now on, or grows from it."""

    do: Literal["lag"]
    freshness: Seconds
    growing: bool = False


class DropEvents(_StreamEvent):
    """Streams drop unsupported events, and count them in their own metric."""

    do: Literal["drop_events"]
    events: int = Field(ge=1)
    object: str = "public.orders"


class CopyEvents(_StreamEvent):
    """Streams copy an event a minute, and count it and its latency in their metrics."""

    do: Literal["copy"]
    lasts: Seconds
    read_method: str = "cdc"
    latency: Seconds = 5  # from the source to the destination


class WriteCheckpoints(_StreamEvent):
    """PostgreSQL streams log where they are in the source's log, again and again."""

    do: Literal["checkpoint"]
    lasts: Seconds
    position: int = Field(ge=0)  # that of the first entry
    advance: int = 0  # from one entry to the next; 0 stands still
    every: Seconds = Field(default=60, ge=1)


class WriteLogEntry(_StreamEvent):
    """A log entry about the streams is written. Other events write their own."""

    do: Literal["log"]
    log: Literal["stream_activity", "audit"]
    severity: Severity
    method: str | None = None
    operation: Literal["first", "last", "first and last"] | None = None
    who: str = "operator@example.com"
    message: str = ""

    @model_validator(mode="after")
    def _of_one_kind(self) -> Self:
        audit = self.log == "audit"
        if audit != (self.method is not None) or (self.operation and not audit):
            raise ValueError(
                "an entry of the audit log needs a method, such as UpdateStream, and"
                " may have an operation; one of stream_activity has neither"
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


Event = Annotated[
    Lifecycle
    | Pause
    | Fail
    | SetState
    | SetBackfill
    | Lag
    | DropEvents
    | CopyEvents
    | WriteCheckpoints
    | WriteLogEntry
    | LocationEvent
    | ProjectEvent
    | PermissionEvent,
    Field(discriminator="do"),
]


class Fault(Section):
    """A fault of calls: a delay, a status code, a wrong answer, or several of these.

    Globs match the method's short name, the project's id and the location's id (empty
    for a call without one).
    """

    method: str = "*"
    """Glob on the method's name, such as `ListStreams`."""
    project: str = "*"
    """Glob on the project's id."""
    location: str = "*"
    """Glob on the location's id, which is empty for a call without one."""
    code: Code | None = None
    """The call fails with this status code."""
    message: str = ""
    """Text of the error; by default Google's own."""
    retry_delay: Seconds | None = None
    """How long the error's `RetryInfo` asks the client to wait."""
    refuses: int | None = Field(default=None, ge=1)
    """How many series of a write are refused with `code`; the others are written."""
    metric: str = "*"
    """Glob on the metric's type, of the series that `refuses` counts."""
    answer: Literal["same_page"] | None = None
    """`same_page`: the list's next page is the same page again."""
    latency: Seconds = 0
    """How long the call waits. If its client gives up meanwhile, it has no effect,
    unless `when: after` is set."""
    times: int | None = Field(default=None, ge=1)
    """How many calls the fault strikes; by default all."""
    since: Seconds = Field(default=0, alias="from")
    """When it begins, counted from the world's start."""
    until: Seconds = math.inf
    """When it ends; by default never."""
    when: Literal["before", "after"] = "before"
    """With `after`, the call takes effect before the fault strikes."""

    @model_validator(mode="after")
    def _has_an_effect(self) -> Self:
        if self.code is None and self.answer is None and not self.latency:
            raise ValueError("a fault needs a code, a latency, or both, or an answer")
        if self.refuses is not None and self.code is None:
            raise ValueError("refuses needs a code, with which the series are refused")
        if self.metric != "*" and self.refuses is None:
            raise ValueError("metric needs refuses: how many series are refused")
        return self


class World(Section):
    """A whole world file."""

    config: dict[str, Any] | None = None  # the exporter's config.yaml for this world
    projects: tuple[WorldProject, ...]
    events: tuple[Event, ...] = ()
    faults: tuple[Fault, ...] = ()
    # Smaller maximum page sizes than Google's, by method
    largest_page: dict[str, int] = Field(default_factory=dict)
    # Seconds from a point's time until it can be read back
    visible_after: Seconds = 0

    def resource_names(self) -> dict[str, list[str]]:
        """Return all full names by kind: project, location and stream."""
        names: dict[str, list[str]] = {"project": [], "location": [], "stream": []}
        for project in self.projects:
            names["project"].append(f"projects/{project.id}")
            for location in project.locations:
                at = f"projects/{project.id}/locations/{location.id}"
                names["location"].append(at)
                for group in location.streams:
                    names["stream"] += [f"{at}/streams/{id_}" for id_ in group.ids]
        return names


def glob_matches(glob: str, name: str) -> bool:
    """Return whether a glob matches a name; one without a slash, its last part."""
    if "/" not in glob:
        name = name.rpartition("/")[2]
    return fnmatchcase(name, glob)


# Files.


def read_world(path: str) -> World:
    """Return the world of a file, or raise InputError with all errors in it."""
    return parse_world(read_file(path), path)


def default_world() -> World:
    """Return the world that ships with the package: one company's fleet."""
    shipped = resources.files("lab.emulator") / "worlds" / "default.yaml"
    return parse_world(shipped.read_text(encoding="utf-8"), "default.yaml")


def parse_world(text: str, file: str) -> World:
    """Return the world of a YAML text, or raise InputError with all its errors."""
    document = parse(text, file)
    world = document.read(World)
    if world is not None:
        for place, words in world_errors(world):
            document.add_error(place, words)
    return document.accepted(world)


def config_environ(world: World, file: str) -> dict[str, str]:
    """Return the variable with the config of a world, or raise InputError."""
    if world.config is None:
        return {}
    config.from_document(Document(world.config, file), {})
    # On one line, so that a shell's export of it is one line as well.
    text = yaml.safe_dump(world.config, default_flow_style=True, width=sys.maxsize)
    return {config.WHOLE: text.rstrip()}


def world_errors(world: World) -> Iterator[tuple[KeyPath, str]]:
    """Yield what is wrong between a world's parts: the path of keys, a sentence."""
    names = world.resource_names()
    for kind, of_kind in names.items():
        for name, times in Counter(of_kind).items():
            if times > 1:
                yield ("projects",), f"the {kind} {quote(name)} is listed twice"
    for index, event in enumerate(world.events):
        kind = next(kind for kind in names if kind in type(event).model_fields)
        glob = getattr(event, kind)
        # Most likely a typing error.
        if not any(glob_matches(glob, name) for name in names[kind]):
            text = f"{quote(glob)} matches no {kind} of this world"
            yield ("events", index, kind), text
