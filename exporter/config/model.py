"""Describes config.yaml: its keys, their types and defaults, and what they mean."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from fnmatch import fnmatchcase
from typing import Annotated, Literal, Self

from cronsim import CronSim
from pydantic import Field, PrivateAttr, model_validator

from exporter.config.fields import (
    Endpoint,
    IdGlob,
    Location,
    NameGlob,
    Owner,
    Project,
    RunLocation,
    RunName,
    Schedule,
    State,
    Stream,
    Time,
    TimeZone,
    Words,
)
from exporter.documents.document import Document, Section
from exporter.documents.durations import Duration, between, parse
from exporter.names import GLOBAL, Name

_LONGEST_MUTE = timedelta(days=100)


class Metrics(Section):
    """Where the series go."""

    project: Project
    """Project whose Cloud Monitoring receives the series."""


class Source(Section):
    """A project whose streams are read."""

    project: Project
    """Id of the project whose streams are read."""
    locations: Annotated[tuple[Location, ...], Field(min_length=1)] | None = None
    """Locations to read; left out, they are discovered, at a call a location."""
    include: tuple[IdGlob, ...] = ()
    """Globs on the stream id, of which one must match; left out, all are read."""
    exclude: tuple[IdGlob, ...] = ()
    """Globs on the stream id; a stream that one matches is not watched."""

    def watches(self, stream_id: str) -> bool:
        """Return whether a stream of this id is included and not excluded."""
        return self.includes(stream_id) and not matches(stream_id, self.exclude)

    def includes(self, stream_id: str) -> bool:
        """Return whether a stream of this id is included, or everything is."""
        return not self.include or matches(stream_id, self.include)


def matches(name: str, globs: Iterable[str]) -> bool:
    """Return whether a name, or an id, matches one of the globs."""
    return any(fnmatchcase(name, glob) for glob in globs)


class Window(Section):
    """A time that recurs (schedule and duration), or comes once (from and until)."""

    schedule: Schedule | None = None
    """When it opens: minute, hour, day of month, month, day of week, as in cron."""
    duration: Annotated[Duration, between("1m", "744h")] | None = None
    """How long it stays open, from 1m to 744h."""
    from_: Annotated[Time | None, Field(alias="from")] = None
    """When it opens, if it comes once, such as 2026-12-24T22:00."""
    until: Time | None = None
    """When it closes, if it comes once."""
    timezone: TimeZone
    """Time zone by name, of the schedule and of times without an offset."""

    @model_validator(mode="after")
    def _has_one_form(self) -> Self:
        given = self.model_fields_set - {"timezone"}
        if given not in ({"schedule", "duration"}, {"from_", "until"}):
            raise ValueError("needs schedule and duration, or else from and until")
        if self.length <= timedelta():
            raise ValueError("closes before it opens; correct from or until")
        return self

    @property
    def length(self) -> timedelta:
        """How long it stays open."""
        if self.from_ and self.until:
            opens = _in_utc(self.from_, self.timezone)
            return _in_utc(self.until, self.timezone) - opens
        return self.duration or timedelta()

    def openings(self, after: datetime) -> Iterator[datetime]:
        """Yield when it opens after a time, in UTC and in order."""
        starts: Iterable[datetime] = filter(None, [self.from_])
        if self.schedule:
            starts = CronSim(self.schedule, after.astimezone(self.timezone))
        for start in starts:
            # Times of one zone compare by local time, which repeats an hour in autumn.
            opens = _in_utc(start, self.timezone)
            if opens > after:
                yield opens

    def is_open(self, now: datetime) -> bool:
        """Return whether it is open; it lasts its duration in real time."""
        opened = next(self.openings(now - self.length), None)
        return opened is not None and opened <= now


def _in_utc(time: datetime, timezone: tzinfo) -> datetime:
    """Return a time in UTC; one without an offset is in a time zone."""
    if time.tzinfo is None:
        time = time.replace(tzinfo=timezone)
    return time.astimezone(UTC)


class Expectation(Section):
    """More states that are fine for some streams, and limits that are their own."""

    match: NameGlob
    """Glob on the full name, projects/P/locations/L/streams/S; the last match that has
    a key wins, for each key."""
    states: tuple[State, ...] = Field(default=(), min_length=1)
    """States that are fine too. RUNNING, STARTING, DRAINING and MAINTENANCE always are;
    FAILED and FAILED_PERMANENTLY never are."""
    lag: Annotated[Duration, between("1m", "24h")] | None = None
    """How far a stream may lag, from 1m to 24h, instead of the policy's threshold."""
    quiet: Literal["6h", "24h"] | None = None
    """After how long without a copied change a running stream alerts."""
    failed: Annotated[Duration, between("1m", "6h")] | None = None
    """How long a stream may be FAILED before it pages, from 1m to 6h: for a source that
    comes and goes."""
    owner: Owner | None = None
    """Who is told on the pages of these streams, such as a team, or a mention."""
    during: Window | None = None
    """When it applies; left out, always. Outside it matches nothing."""

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not (self.states or self.limits or self.owner):
            raise ValueError("needs states, lag, quiet, failed or owner")
        return self

    @property
    def limits(self) -> dict[str, timedelta]:
        """Its limits, by the metric label ``limit``."""
        quiet = self.quiet and parse(self.quiet)
        limits = {"lag": self.lag, "quiet": quiet, "failed": self.failed}
        return {key: limit for key, limit in limits.items() if limit}


class Mute(Section):
    """Streams that are not watched for a time."""

    match: NameGlob
    """Glob on the full name, projects/P/locations/L/streams/S."""
    until: Time
    """When they are watched again, such as 2026-12-24T22:00:00+01:00. A date means its
    beginning. At most 100 days ahead."""
    timezone: TimeZone | None = None
    """Time zone by name; required for a time without an offset."""
    reason: Words | None = None
    """Why, for people."""

    @model_validator(mode="after")
    def _ends(self) -> Self:
        if self.until.tzinfo is None and self.timezone is None:
            raise ValueError("until has no offset; add a timezone, or an offset")
        if self.end > datetime.now(UTC) + _LONGEST_MUTE:
            raise ValueError(
                f"ends in more than {_LONGEST_MUTE.days} days; mute it for less, or"
                " exclude what is never watched"
            )
        return self

    @property
    def end(self) -> datetime:
        """When it ends, in UTC."""
        return _in_utc(self.until, self.timezone or UTC)


class Grouping(Section):
    """When problems of one location are one page instead of many."""

    streams: int = Field(default=5, ge=2)
    """How many streams enter the same kind of problem together."""
    within: Annotated[Duration, between("1m", "24h")] = Field(
        default="15m", validate_default=True
    )
    """How far apart they enter it, at most."""


class Collect(Section):
    """What is read in addition to states."""

    errors: bool = True
    """Whether to count the errors of each stream; they are a problem then."""
    error_texts: bool = True
    """Whether the log has the texts of errors, which may hold values of rows; without
    them, it has the errors' reasons."""
    objects: bool = False
    """Whether to count the objects of each stream by backfill state, and their errors,
    at one call or more a stream."""


class Run(Section):
    """How a run goes."""

    name: RunName = "datastream-exporter"
    """Name in its own series; by default, on Cloud Run, its name there."""
    location: RunLocation = GLOBAL
    """Region in the exporter's own series."""
    interval: Literal["1m", "2m", "3m", "4m", "5m"] = "1m"
    """How often a schedule starts it, as job or function."""
    deadline: Annotated[Duration, between("1s", "1h")] = Field(
        default="50s", validate_default=True
    )
    """Time for a whole run, from 1s to 1h, on Cloud Run at most 50s; reading may use
    60 % of it."""

    @property
    def every(self) -> float:
        """The interval, in seconds."""
        return parse(self.interval).total_seconds()


class Endpoints(Section):
    """Other endpoints than Google's usual ones."""

    datastream: Endpoint | None = None
    """Regional or private endpoint of Datastream."""
    monitoring: Endpoint | None = None
    """Regional or private endpoint of Cloud Monitoring."""


class Config(Section):
    """The whole of config.yaml."""

    metrics: Metrics
    """Where the series go."""
    sources: tuple[Source, ...] = Field(min_length=1)
    """Projects to read, and which of their locations and streams."""
    expectations: tuple[Expectation, ...] = ()
    """More states that are fine for some streams, and limits that are their own."""
    mutes: tuple[Mute, ...] = ()
    """Streams that are not watched for a time. One that is deleted meanwhile is never
    missing, also afterwards, unless it is required."""
    required: tuple[Stream, ...] = ()
    """Full names of streams that must exist; a missing one pages."""
    grouping: Grouping = Grouping()
    """When problems of one location are one page instead of many."""
    collect: Collect = Collect()
    """What is read in addition to states."""
    run: Run = Run()
    """How a run goes."""
    endpoints: Endpoints = Endpoints()
    """Other endpoints than Google's usual ones."""
    _document: Document = PrivateAttr(Document({}, "config.yaml"))

    def written_in(self, document: Document) -> Self:
        """Keep the document that the config was read from, for lines of values."""
        self._document = document
        return self

    @property
    def document(self) -> Document:
        """The document that it was read from."""
        return self._document

    def muted(self, now: datetime) -> list[str]:
        """Return the globs of the mutes that have not ended."""
        return [mute.match for mute in self.mutes if now < mute.end]

    def source_of(self, name: Name) -> Source | None:
        """Return the source that a location, or a stream's location, belongs to.

        It is the one that lists the location, else the project's first, which may
        discover it; None if no source has the project.
        """
        sources = [each for each in self.sources if each.project == name.project]
        for source in sources:
            if name.location in (source.locations or ()):
                return source
        return sources[0] if sources else None

    def reads(self, name: Name) -> bool:
        """Return whether a run reads a location, if it exists, or discovers."""
        source = self.source_of(name)
        if source is None:
            return False
        discovers = source.locations is None
        return discovers or name.location in self.locations_to_read(source)

    def locations_to_read(self, source: Source) -> tuple[str, ...]:
        """Return the locations that a source lists, and those of required streams."""
        locations = dict.fromkeys(source.locations or ())
        for name in self.required:
            if self.source_of(name) is source:
                locations[name.location] = None
        return tuple(locations)
