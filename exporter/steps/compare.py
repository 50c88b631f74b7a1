"""Compares the streams of a location with what config expects of them."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from exporter.config.model import Config, Source, matches
from exporter.names import LocationName, StreamName
from exporter.states import (
    EXPECTABLE,
    EXPECTED_BY_DEFAULT,
    FAILURES,
    StreamState,
    state_name,
)
from exporter.steps.read import LABEL, Stream
from exporter.text import quote

_BY_LABEL: dict[str, tuple[StreamState, ...]] = {
    state.name.lower(): (state,) for state in EXPECTABLE
}


class Verdict(StrEnum):
    """How a stream is, compared with config; also the metric label ``kind``."""

    FINE = "fine"
    FAILED = "failed"
    FAILED_PERMANENTLY = "failed_permanently"
    UNEXPECTED = "unexpected"  # in a state that config doesn't expect
    ERRORS = "errors"  # with errors, in a state that is fine
    MISSING = "missing"  # required, and its location does not hold it


class Omission(StrEnum):
    """Why config leaves a stream unwatched, in the words of a summary."""

    MUTED = "muted"
    EXCLUDED = "excluded"
    NOT_INCLUDED = "not included"


class ComparedStream(NamedTuple):
    """A stream, and how it is compared with config."""

    name: StreamName  # its full name
    stream: Stream  # as the API lists it
    verdict: Verdict
    rule: str = ""  # what the expectation or the label says that is about it
    # How long it may lag, copy nothing, and be FAILED, by the metric label ``limit``; 0
    # outside the window of the expectation that has it
    limits: Mapping[str, timedelta] = {}
    owner: str = ""  # who config says it belongs to

    @property
    def expected(self) -> bool:
        """Whether its state is fine now."""
        return self.verdict in {Verdict.FINE, Verdict.ERRORS}

    @property
    def exists(self) -> bool:
        """Whether its location holds it."""
        return self.verdict is not Verdict.MISSING

    @property
    def state_name(self) -> str:
        """The API's name of the state, or ``missing``."""
        return state_name(self.stream.state) if self.exists else self.verdict


def missing(name: StreamName) -> ComparedStream:
    """Return a stream that its location does not hold."""
    return ComparedStream(name, Stream(name.stream, 0), Verdict.MISSING)


class ComparedLocation(NamedTuple):
    """A cleanly read location, compared with config."""

    name: LocationName  # its project and id
    # The streams that are watched, and the required ones that it does not hold
    streams: tuple[ComparedStream, ...] = ()
    # Why the others are not watched, by id; also required ones that it does not hold
    unwatched: Mapping[str, Omission] = {}
    held: frozenset[str] = frozenset()  # the ids of all streams that it holds

    @property
    def empty(self) -> bool:
        """Whether it has no stream to write about, only that it was read."""
        return not (self.streams or self.unwatched)

    @property
    def omitted(self) -> Counter[Omission]:
        """How many streams that it holds are not watched, by the reason."""
        return Counter(why for each, why in self.unwatched.items() if each in self.held)

    @property
    def listed(self) -> list[ComparedStream]:
        """Its watched streams that exist."""
        return [one for one in self.streams if one.exists]


class Expectations:
    """What config expects at one time; made once a run, used for every location."""

    def __init__(self, config: Config, now: int) -> None:
        """Choose the expectations whose windows are open at ``now`` (unix seconds)."""
        self._config = config
        time = datetime.fromtimestamp(now, UTC)
        self._muted = config.muted(time)
        self._open = [
            one.during is None or one.during.is_open(time)
            for one in config.expectations
        ]

    def compare(
        self, location: LocationName, source: Source, streams: Iterable[Stream]
    ) -> ComparedLocation:
        """Compare all streams of a location with its source and the rest of config."""
        held = {stream.id: stream for stream in streams}
        watched: list[ComparedStream] = []
        unwatched: dict[str, Omission] = {}
        required = [
            one for one in self._config.required if one.location_name == location
        ]
        names = (*map(location.stream, held), *required)
        for name in dict.fromkeys(names):
            stream = held.get(name.stream)
            if stream and not source.includes(stream.id):
                unwatched[stream.id] = Omission.NOT_INCLUDED
            elif stream and matches(stream.id, source.exclude):
                unwatched[stream.id] = Omission.EXCLUDED
            elif matches(str(name), self._muted):
                unwatched[name.stream] = Omission.MUTED
            elif stream:
                watched.append(self._compare(name, stream))
            else:
                watched.append(missing(name))
        return ComparedLocation(location, tuple(watched), unwatched, frozenset(held))

    def _compare(self, name: StreamName, stream: Stream) -> ComparedStream:
        """Compare a stream's state with those that are fine for it now."""
        expectations = self._config.expectations
        # For each key, the last match that has it wins.
        last = closed = None
        owner = ""
        limits: dict[str, timedelta] = {}
        for index, one in enumerate(expectations):
            if not matches(str(name), [one.match]):
                continue
            if self._open[index]:
                limits |= one.limits
                owner = one.owner or owner
                if one.states:
                    last = index
            else:
                # A limit that doesn't hold now is 0, unless another one holds.
                limits = dict.fromkeys(one.limits, timedelta()) | limits
                if one.states:
                    closed = index
        place = self._config.document.place
        label = stream.label
        states = _BY_LABEL.get(label, ())
        rule = ""
        if last is not None:
            states = expectations[last].states
            names = ", ".join(state.name for state in states)
            rule = f"{place('expectations', last)}: adds {names}"
        elif label and not states:
            allowed = ", ".join(_BY_LABEL)
            rule = f"its label {LABEL} is {quote(label)}; allowed are {allowed}"
        elif closed is not None:
            during = place("expectations", closed, "during")
            rule = f"{during}: this window is closed now"
        verdict = Verdict.UNEXPECTED
        if stream.state in EXPECTED_BY_DEFAULT or stream.state in states:
            counted = stream.errors and self._config.collect.errors
            verdict = Verdict.ERRORS if counted else Verdict.FINE
        elif stream.state in FAILURES:
            verdict = Verdict[state_name(stream.state)]
        return ComparedStream(name, stream, verdict, rule, limits, owner)
