"""Compares the streams of a location with what config expects of them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase

from exporter.config import Config, Source, Window
from exporter.names import LocationName, StreamName
from exporter.states import (
    EXPECTABLE,
    EXPECTED_BY_DEFAULT,
    FAILURES,
    StreamState,
    state_name,
)
from exporter.steps.read import LABEL, Stream
from exporter.text import one_line, plural, quote

# Stands for the state of a required stream that its location does not hold
MISSING = "missing"
LONGEST_ERROR = 1024  # bytes of an error's text that people are shown
_BY_LABEL: dict[str, tuple[StreamState, ...]] = {
    state.name.lower(): (state,) for state in EXPECTABLE
}


@dataclass(frozen=True, slots=True)
class ComparedStream:
    """A stream, and whether config expects its state."""

    name: StreamName  # its full name
    stream: Stream  # as the API lists it
    expected: bool  # whether its state is fine now; never, if it is missing
    # The expectation or label that is about it, where its state is not expected
    rule: str = ""
    exists: bool = True  # whether its location holds it

    @property
    def state(self) -> str:
        """The API's name of the state, or ``missing``."""
        return state_name(self.stream.state) if self.exists else MISSING

    @property
    def failed(self) -> bool:
        """Whether it is FAILED or FAILED_PERMANENTLY."""
        return self.stream.state in FAILURES

    @property
    def trouble(self) -> str:
        """What is wrong with its state, as a summary counts it; empty if nothing is."""
        if not self.exists:
            return "required and missing"
        if self.failed:
            return "failed"
        return "" if self.expected else "not as expected"

    @property
    def bad(self) -> bool:
        """Whether a person should look at it."""
        return not self.expected or self.stream.errors > 0

    @property
    def error(self) -> str:
        """The text of its first error, else that error's reason; often empty."""
        return one_line(self.stream.error or self.stream.reason, LONGEST_ERROR)

    @property
    def problem(self) -> str:
        """What is wrong with it, in words that follow its name; empty if nothing is."""
        if not self.exists:
            return (
                "is required but does not exist: create it, or remove it from"
                " `required`"
            )
        if not self.bad:
            return ""
        if self.stream.state == StreamState.FAILED_PERMANENTLY:
            text = "failed permanently; it will not recover on its own"
        elif self.stream.state == StreamState.FAILED:
            text = "failed; Datastream keeps retrying"
        elif not self.expected:
            text = f"is {self.state}, which config does not expect"
            text += f" ({self.rule})" if self.rule else ""
        else:
            text = f"is {self.state} with {plural(self.stream.errors, 'error')}"
        # Where there is a reason alone, it is the error as well.
        reason = one_line(self.stream.reason, LONGEST_ERROR)
        details = dict.fromkeys((reason, self.error))
        return ": ".join(filter(None, (text, *details)))


def missing(name: StreamName) -> ComparedStream:
    """Return a stream that its location does not hold."""
    return ComparedStream(name, Stream(name.stream, 0), expected=False, exists=False)


@dataclass(frozen=True)
class ComparedLocation:
    """A cleanly read location, compared with config."""

    name: LocationName  # its project and id
    # The streams that are watched, and the required ones that it does not hold
    streams: tuple[ComparedStream, ...] = ()
    # The ids of the streams that config excludes, or mutes for a time
    excluded: tuple[str, ...] = ()
    held: tuple[str, ...] = ()  # the ids of all streams that it holds, watched or not

    @property
    def empty(self) -> bool:
        """Whether there is nothing to write but that it was read."""
        return not (self.streams or self.excluded)

    @property
    def listed(self) -> Iterator[tuple[Stream, bool]]:
        """Its watched streams, each with whether its state is expected."""
        return ((one.stream, one.expected) for one in self.streams if one.exists)

    @property
    def missing(self) -> list[StreamName]:
        """The required streams that it does not hold."""
        return [one.name for one in self.streams if not one.exists]

    @property
    def problem_states(self) -> dict[str, int]:
        """The state of each stream that is failed, or in an unexpected state, by id."""
        return {
            stream.id: stream.state
            for stream, expected in self.listed
            if stream.state in FAILURES or not expected
        }


class Expectations:
    """What config expects at one time; made once a run, used for every location."""

    def __init__(self, config: Config, now: int) -> None:
        """Choose the expectations whose windows are open at ``now`` (unix seconds)."""
        self._config = config
        time = datetime.fromtimestamp(now, UTC)
        self._muted = [mute.match for mute in config.mutes if time < mute.end]
        self._open = {
            index
            for index, one in enumerate(config.expectations)
            if one.during is None or is_open(one.during, time)
        }

    def compare(
        self,
        at: LocationName,
        source: Source,
        streams: Iterable[Stream],
    ) -> ComparedLocation:
        """Compare all streams of a location with its source and the rest of config."""
        held = {stream.id: stream for stream in streams}
        compared = []
        excluded = []
        for stream in held.values():
            if source.watches(stream.id):
                compared.append(self._compare(at.stream(stream.id), stream))
            elif source.excludes(stream.id):
                excluded.append(stream.id)
        compared += [
            missing(name)
            for name in dict.fromkeys(self._config.required)
            if name.location_name == at and name.stream not in held
        ]
        watched = []
        for one in compared:
            if self._mutes(one.name):
                excluded.append(one.name.stream)
            else:
                watched.append(one)
        return ComparedLocation(
            name=at,
            streams=tuple(watched),
            excluded=tuple(excluded),
            held=tuple(held),
        )

    def _mutes(self, name: StreamName) -> bool:
        """Return whether a stream is muted now."""
        return any(fnmatchcase(str(name), glob) for glob in self._muted)

    def _compare(self, name: StreamName, stream: Stream) -> ComparedStream:
        """Compare a stream's state with those that are fine for it now."""
        about = [
            index
            for index, expectation in enumerate(self._config.expectations)
            if fnmatchcase(str(name), expectation.match)
        ]
        open_now = [index for index in about if index in self._open]
        place = self._config.document.place
        label = stream.label
        added = _BY_LABEL.get(label, ())
        rule = ""
        if open_now:
            # The last match wins.
            last = open_now[-1]
            added = self._config.expectations[last].states
            names = ", ".join(state.name for state in added)
            rule = place(("expectations", last), f"adds {names}")
        elif label and not added:
            allowed = ", ".join(_BY_LABEL)
            rule = f"its label {LABEL} is {quote(label)}; allowed are {allowed}"
        elif about:
            during = ("expectations", about[-1], "during")
            rule = place(during, "this window is closed now")
        if stream.state in EXPECTED_BY_DEFAULT or stream.state in added:
            return ComparedStream(name, stream, expected=True)
        return ComparedStream(name, stream, expected=False, rule=rule)


def is_open(window: Window, now: datetime) -> bool:
    """Return whether a window is open; it lasts its duration in real time."""
    opened = next(window.openings(now - window.length), None)
    return opened is not None and opened <= now
