"""Compares the streams of a location with what config expects of them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase

from cronsim import CronSim

from exporter.config import Config, Source, Window
from exporter.names import LocationName, StreamName
from exporter.read import LABEL, Stream
from exporter.states import (
    EXPECTABLE,
    EXPECTED_BY_DEFAULT,
    FAILURES,
    StreamState,
    state_name,
)
from exporter.text import one_line, plural, quote

MISSING = "missing"  # stands for the state of a required stream that its location does not hold
LONGEST_ERROR = 1024  # bytes of an error's text that people are shown
_BY_LABEL = {state.name.lower(): frozenset({state}) for state in EXPECTABLE}


@dataclass(frozen=True, slots=True)
class ComparedStream:
    """A stream, and whether that is how it should be."""

    name: StreamName  # its full name
    # As the API lists it; None for a required stream that its location does not hold
    stream: Stream | None
    expected: bool  # whether its state is fine now; never, if it is missing

    @property
    def state(self) -> str:
        """The API's name of the state, or ``missing``."""
        return state_name(self.stream.state) if self.stream else MISSING

    @property
    def failed(self) -> bool:
        """Whether it is FAILED or FAILED_PERMANENTLY."""
        return self.stream is not None and self.stream.state in FAILURES

    @property
    def bad(self) -> bool:
        """Whether a person should look at it."""
        return not self.expected or bool(self.stream and self.stream.errors)

    @property
    def reason(self) -> str:
        """The short reason of its first error; often empty."""
        return (self.stream.reason or "") if self.stream else ""

    @property
    def error(self) -> str:
        """The text of its first error, else that error's reason, on one line; often empty."""
        text = self.stream.error if self.stream else None
        return one_line(text or self.reason, LONGEST_ERROR)

    @property
    def problem(self) -> str:
        """What is wrong with it, in words that follow its name; empty if nothing is."""
        if self.stream is None:
            return "is required but does not exist: create it, or remove it from `required`"
        if not self.bad:
            return ""
        if self.stream.state == StreamState.FAILED_PERMANENTLY:
            text = "failed permanently; it will not recover on its own"
        elif self.stream.state == StreamState.FAILED:
            text = "failed; Datastream keeps retrying"
        elif not self.expected:
            text = f"is {self.state}, which config does not expect"
        else:
            text = f"is {self.state} with {plural(self.stream.errors, 'error')}"
        return f"{text}: {self.error}" if self.error else text


@dataclass(frozen=True, slots=True)
class ComparedLocation:
    """A cleanly read location, compared with config."""

    name: LocationName  # its project and id
    # The streams that are watched, and the required ones that it does not hold
    streams: tuple[ComparedStream, ...] = ()
    excluded: tuple[str, ...] = ()  # the ids of the streams that config excludes

    @property
    def empty(self) -> bool:
        """Whether there is nothing to write but that it was read."""
        return not (self.streams or self.excluded)

    @property
    def listed(self) -> Iterator[tuple[Stream, bool]]:
        """Its watched streams, each with whether its state is expected."""
        return ((one.stream, one.expected) for one in self.streams if one.stream)

    @property
    def missing(self) -> list[StreamName]:
        """The required streams that it does not hold."""
        return [one.name for one in self.streams if one.stream is None]

    @property
    def failed(self) -> int:
        """How many streams are failed, permanently or not."""
        return sum(one.failed for one in self.streams)

    @property
    def permanently_failed(self) -> int:
        """How many streams are failed permanently."""
        return sum(stream.state == StreamState.FAILED_PERMANENTLY for stream, _ in self.listed)

    @property
    def unexpected(self) -> int:
        """How many streams are in an unexpected state, not counting the failed ones."""
        return sum(
            not expected and stream.state not in FAILURES for stream, expected in self.listed
        )


class Expectations:
    """What config expects at one time; made once a run, used for every location."""

    def __init__(self, config: Config, now: int) -> None:
        """Choose the expectations whose windows are open at ``now``, in unix seconds."""
        self._required = config.required
        time = datetime.fromtimestamp(now, UTC)
        self._open = [
            (expectation.match, frozenset(expectation.states))
            for expectation in reversed(config.expectations)
            if expectation.during is None or is_open(expectation.during, time)
        ]

    def compare(
        self, at: LocationName, source: Source, streams: Iterable[Stream]
    ) -> ComparedLocation:
        """Compare a location with config.

        Args:
            at: The location.
            source: What config says of it: which streams are included, and excluded.
            streams: All streams that it holds.
        """
        held = {stream.id: stream for stream in streams}
        watched = [
            ComparedStream(name, stream, stream.state in self.states(name, stream.label))
            for stream in held.values()
            if source.watches(stream.id)
            for name in [StreamName(*at, stream.id)]
        ]
        missing = [
            ComparedStream(name, None, expected=False)
            for name in self._required
            if name.location_name == at and name.stream not in held
        ]
        excluded = [stream_id for stream_id in held if source.excludes(stream_id)]
        return ComparedLocation(at, (*watched, *missing), tuple(excluded))

    def states(self, name: StreamName, label: str | None = None) -> frozenset[StreamState]:
        """Return the states that are always fine, and those of the last expectation that matches.

        Where none matches, ``label`` adds one: the value of the label ``expected-state``.
        """
        full = str(name)
        matching = (states for glob, states in self._open if fnmatchcase(full, glob))
        return EXPECTED_BY_DEFAULT | next(matching, _BY_LABEL.get(label or "", frozenset()))


def is_open(window: Window, now: datetime) -> bool:
    """Return whether a window that began at or before ``now`` has not ended yet.

    A window lasts its duration in real time, even across a daylight saving change.
    """
    earliest = now.astimezone(UTC) - window.duration
    # In UTC, since times of one zone compare by local time, which repeats an hour in autumn.
    starts = (
        start.astimezone(UTC)
        for start in CronSim(window.schedule, earliest.astimezone(window.timezone))
    )
    begins = next((start for start in starts if start > earliest), None)
    return begins is not None and begins <= now


def label_complaint(compared: ComparedStream) -> str | None:
    """Return a warning if a stream's label names no state that can be expected, else None."""
    label = compared.stream.label if compared.stream else None
    if label is None or label in _BY_LABEL:
        return None
    return (
        f"{compared.name}: its label {LABEL} holds {quote(label)} and is ignored; "
        f"allowed are {', '.join(_BY_LABEL)}"
    )


def unmatched(config: Config, locations: Iterable[ComparedLocation]) -> Iterator[str]:
    """Yield a warning for each glob in config that matches none of the streams that were read."""
    names = [
        name
        for location in locations
        for name in (
            *(one.name for one in location.streams if one.stream),
            *(StreamName(*location.name, stream_id) for stream_id in location.excluded),
        )
    ]
    full = [str(name) for name in names]
    for index, expectation in enumerate(config.expectations):
        if not any(fnmatchcase(name, expectation.match) for name in full):
            yield f"expectations[{index}].match: {quote(expectation.match)} matches no stream"
    for index, source in enumerate(config.sources):
        ids = [name.stream for name in names if name.project == source.project]
        for key, globs in (("include", source.include), ("exclude", source.exclude)):
            for place, glob in enumerate(globs):
                if not any(fnmatchcase(each, glob) for each in ids):
                    yield f"sources[{index}].{key}[{place}]: {quote(glob)} matches no stream"
