"""Compares the streams of a location with what config expects of them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import filter as matching
from fnmatch import fnmatchcase
from itertools import islice, pairwise

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
    excluded: tuple[str, ...] = ()  # the ids of the streams that config excludes
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
        watched = [
            self._compare(at.stream(stream.id), stream)
            for stream in held.values()
            if source.watches(stream.id)
        ]
        gone = [
            missing(name)
            for name in dict.fromkeys(self._config.required)
            if name.location_name == at and name.stream not in held
        ]
        excluded = [stream_id for stream_id in held if source.excludes(stream_id)]
        return ComparedLocation(
            name=at,
            streams=(*watched, *gone),
            excluded=tuple(excluded),
            held=tuple(held),
        )

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
    earliest = now.astimezone(UTC) - window.duration
    begin = earliest.astimezone(window.timezone)
    for local in CronSim(window.schedule, begin):
        # Times of one zone compare by local time, which repeats an hour in autumn.
        start = local.astimezone(UTC)
        if start > earliest:
            return start <= now
    return False


def window_complaint(window: Window) -> str | None:
    """Return a warning if a window opens again before it closes, or None."""
    # In UTC, where no day has 23 hours.
    starts = CronSim(window.schedule, datetime(2024, 1, 1, tzinfo=UTC))
    # Enough to see a week's shortest gap.
    for before, after in pairwise(islice(starts, 32)):
        if after - before < window.duration:
            fix = "shorten its duration, or open it less often"
            return f"opens again before it closes; {fix}"
    return None


def doubtful_globs(
    config: Config,
    locations: Sequence[ComparedLocation],
) -> Iterator[str]:
    """Yield a warning for each glob in config that matches no stream, or hardly meant.

    That is an ``include`` or ``exclude`` that matches all of several.
    """
    names: list[str] = []
    for location in locations:
        names += [str(location.name.stream(each)) for each in location.held]
    for index, expectation in enumerate(config.expectations):
        if not matching(names, expectation.match):
            words = f"{quote(expectation.match)} matches no stream"
            yield config.document.place(("expectations", index, "match"), words)
    for index, source in enumerate(config.sources):
        ids: list[str] = []
        for location in locations:
            if config.source_of(*location.name) is source:
                ids += location.held
        for key in ("include", "exclude"):
            for place, glob in enumerate(getattr(source, key)):
                if words := _glob_complaint(glob, ids):
                    path = ("sources", index, key, place)
                    yield config.document.place(path, words)


def _glob_complaint(glob: str, ids: list[str]) -> str:
    matched = matching(ids, glob)
    if not matched:
        return f"{quote(glob)} matches no stream"
    if 1 < len(matched) == len(ids):
        return f"{quote(glob)} matches every stream of its source; narrow or remove it"
    return ""
