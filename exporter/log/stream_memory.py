"""What the log says of streams and locations: what is wrong, and what changed since the last run.

A job forgets each run, so each of its runs names every stream that isn't as it should be. ``watch``
and the function remember: they log a change once, and what stays wrong again every ten minutes. A
location that was not read says nothing about its streams: what was known of them stays.

Nothing here has a clock or logs: a measurement and a memory go in, entries and a new memory come
out.
"""

from __future__ import annotations

import itertools
import logging
import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from exporter.log.failure_groups import (
    UNCOLLECTED,
    UNREADABLE,
    failure_groups,
    fields_of,
    listed,
    of_project,
)
from exporter.measure.samples import ObjectsMeasurement
from exporter.names import LocationName, StreamName
from exporter.read.observations import GLOBAL
from exporter.states import FAILURES, state_name
from exporter.text import one_line, plural, without_markup

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from exporter.gcp.errors import Failure, FailureKind
    from exporter.measure.evaluation import EvaluatedLocation
    from exporter.measure.samples import Measurement
    from exporter.read.observations import Observations, Stream

AGAIN_SECONDS = 600.0
"""How long after an entry about something that stays wrong the next one follows."""

MOST_ENTRIES = 50
"""Entries about streams in one run; the others are counted."""

LONGEST_ERROR = 1024
"""Bytes of an error's text in an entry."""

MISSING = "missing"
"""Stands for the state of a stream that its location, which was read cleanly, doesn't have."""

_LONGEST_NAME = 256

Subject: TypeAlias = tuple[str, LocationName | StreamName]
"""What could not be read: the event that says so, and the name."""


class LogEntry(NamedTuple):
    """One log entry.

    Attributes:
        level: The level, as :mod:`logging` numbers it.
        message: The sentence that a person reads.
        fields: The fields of the JSON line.
    """

    level: int
    message: str
    fields: Mapping[str, object]


class KnownStream(NamedTuple):
    """A stream as it was last seen.

    Attributes:
        state: The API's number; None if its location didn't have it.
        expected: Whether that was fine.
        logged: When an entry last said that it isn't as it should be, None if none did.
    """

    state: int | None
    expected: bool
    logged: float | None


@dataclass(frozen=True, slots=True)
class Memory:
    """What earlier runs saw and logged.

    Attributes:
        locations: The streams of each location that was read cleanly at least once, by their ids.
        failures: What the last run could not read. For each kind of reason since it was last
            read: when an entry last said so.
    """

    locations: Mapping[LocationName, Mapping[str, KnownStream]] = field(default_factory=dict)
    failures: Mapping[Subject, Mapping[FailureKind, float]] = field(default_factory=dict)


def log_entries(
    measurement: Measurement, memory: Memory, now: float
) -> tuple[list[LogEntry], Memory]:
    """Return what to log of a run, and the memory for the next one.

    Args:
        measurement: What the run read.
        memory: What earlier runs saw; an empty one in a process that makes one run.
        now: Seconds of a clock that never goes back.
    """
    entries, failures = _failure_entries(measurement.observations, memory.failures, now)
    if isinstance(measurement, ObjectsMeasurement):
        # The other run reports the streams themselves.
        return entries, replace(memory, failures=failures)
    locations = dict(memory.locations)
    ranked: list[tuple[int, LogEntry]] = []
    for location in measurement.locations:
        before = memory.locations.get(location.name)
        locations[location.name] = _look_at(location, before, now, ranked)
    ranked.sort(key=lambda one: one[0])
    entries += [entry for _, entry in ranked[:MOST_ENTRIES]]
    if (more := len(ranked) - MOST_ENTRIES) > 0:
        verb = "isn't as it" if more == 1 else "aren't as they"
        text = f"{plural(more, 'more stream')} changed, or {verb} should be."
        fields = {"event": "more_streams", "count": more}
        entries.append(LogEntry(logging.WARNING, text, fields))
    return entries, Memory(locations, failures)


class _Found(NamedTuple):
    """A stream as this run found it.

    Attributes:
        name: Its full name.
        expected: Whether its state is fine.
        stream: The stream, None if its location doesn't have it.
    """

    name: StreamName
    expected: bool
    stream: Stream | None

    @property
    def state(self) -> int | None:
        """The API's number, None if its location doesn't have it."""
        return self.stream.state if self.stream else None

    @property
    def bad(self) -> bool:
        """Whether it isn't as it should be."""
        return not self.expected or bool(self.stream and self.stream.errors)

    @property
    def level(self) -> int:
        """How loud an entry about it is."""
        if self.state in FAILURES:
            return logging.ERROR
        return logging.WARNING if self.bad else logging.INFO


def _look_at(
    location: EvaluatedLocation,
    before: Mapping[str, KnownStream] | None,
    now: float,
    ranked: list[tuple[int, LogEntry]],
) -> dict[str, KnownStream]:
    """Return what is known of a location's streams now, and add the entries about them.

    Args:
        location: A cleanly read location.
        before: What was known of its streams; None if it was never read.
        now: Seconds of a clock that never goes back.
        ranked: Gets each entry with its rank; the lowest is the most important.
    """
    known: dict[str, KnownStream] = {}
    for found in _found(location):
        was = before.get(found.name.stream) if before else None
        logged = was.logged if was else None
        entry = None
        if was and (was.state, was.expected) != (found.state, found.expected):
            entry = _change(found, was)
        elif before is not None and not was and found.stream:
            entry = _change(found, None)
        elif found.bad and (logged is None or now - logged >= AGAIN_SECONDS):
            entry = _entry(found, "stream_bad", f"{_name(found.name)} {_condition(found)}")
        if entry:
            ranked.append((_rank(entry), entry))
            logged = now if found.bad else logged
        known[found.name.stream] = KnownStream(found.state, found.expected, logged)
    for stream_id, was in before.items() if before else ():
        if stream_id not in known and was.state is not None:
            gone = _change(
                _Found(StreamName(*location.name, stream_id), expected=False, stream=None), was
            )
            ranked.append((_rank(gone), gone))
    return known


def _found(location: EvaluatedLocation) -> Iterator[_Found]:
    for stream, expected in location.streams:
        yield _Found(StreamName(*location.name, stream.id), expected, stream)
    for stream_id in location.missing:
        yield _Found(StreamName(*location.name, stream_id), expected=False, stream=None)


def _rank(entry: LogEntry) -> int:
    return -logging.CRITICAL if entry.fields["worse"] else -entry.level


def _change(found: _Found, was: KnownStream | None) -> LogEntry:
    """Return the entry of a change since the stream was last seen, if it was."""
    before = _state(was.state if was else None)
    name = _name(found.name)
    event = "stream_changed"
    if found.stream is None:
        event = "stream_vanished"
        text = f"{name} vanished: it was {before}, and its location doesn't have it any more"
    elif before == MISSING:
        event = "stream_appeared"
        text = f"{name} appeared: it {_condition(found)}"
    elif before == _state(found.state):
        text = f"{name} {_condition(found)}"
        text += " and expected now" if found.expected and not found.bad else ""
    else:
        text = f"{name}: {before} → {_condition(found).removeprefix('is ')}"
    return _entry(found, event, text, previous=before, worse=not found.expected)


def _entry(
    found: _Found, event: str, text: str, *, previous: str | None = None, worse: bool = False
) -> LogEntry:
    stream = found.stream
    optional = {
        "previous": previous,
        # Alerts quote them.
        "reason": one_line(without_markup(stream.reason or ""), LONGEST_ERROR) if stream else "",
        "error": one_line(without_markup(stream.error or ""), LONGEST_ERROR) if stream else "",
    }
    fields: dict[str, object] = {
        "event": event,
        "project": found.name.project,
        "location": found.name.location,
        "stream_id": one_line(found.name.stream, _LONGEST_NAME),
        "state": _state(found.state),
        "expected": found.expected,
        "worse": worse,
        **{key: value for key, value in optional.items() if value},
    }
    return LogEntry(found.level, f"{text}.", fields)


def _condition(found: _Found) -> str:
    """Return a stream's state in words that follow its name, with its first error."""
    stream = found.stream
    if stream is None:
        return "does not exist, though config requires it"
    text = f"is {state_name(stream.state)}"
    if not found.expected:
        text += "" if stream.state in FAILURES else ", which is not expected"
    elif stream.errors:
        text += f" with {plural(stream.errors, 'error')}"
    error = error_text(stream)
    return f"{text}: {error}" if error else text


def error_text(stream: Stream) -> str:
    """Return a stream's first error on one line; an empty text without one."""
    reason, error = stream.reason or "", stream.error or ""
    return one_line(": ".join(filter(None, (reason, error))), LONGEST_ERROR).rstrip(".")


def _state(number: int | None) -> str:
    return MISSING if number is None else state_name(number)


def _name(name: StreamName) -> str:
    return one_line(str(name), _LONGEST_NAME)


def _failure_entries(
    observations: Observations, known: Mapping[Subject, Mapping[FailureKind, float]], now: float
) -> tuple[list[LogEntry], dict[Subject, Mapping[FailureKind, float]]]:
    """Return the entries about what was not read or is read again, and what is known of it now."""
    failures: dict[Subject, Mapping[FailureKind, float]] = {}
    due: set[Subject] = set()
    for subject, failure in _failed(observations):
        logged = known.get(subject, {})
        failures[subject] = logged
        if now - logged.get(failure.kind, -math.inf) >= AGAIN_SECONDS:
            due.add(subject)
            failures[subject] = {**logged, failure.kind: now}
    some = replace(
        observations,
        discoveries={
            project: failure
            for project, failure in observations.failed_discoveries.items()
            if (UNREADABLE, LocationName(project, GLOBAL)) in due
        },
        locations=tuple(one for one in observations.unread if (UNREADABLE, one.name) in due),
        uncollected={
            name: failure
            for name, failure in observations.uncollected.items()
            if (UNCOLLECTED, name) in due
        },
    )
    entries = [
        LogEntry(group.level, f"{group.subject} {group.text}", group.fields)
        for group in failure_groups(some)
    ]
    read = {one.name for one in observations.read}
    read |= {LocationName(project, GLOBAL) for project in observations.discoveries}
    again = [name for event, name in known.keys() - failures.keys() if event == UNREADABLE]
    entries += _read_again(sorted(name for name in again if name in read))
    return entries, failures


def _failed(observations: Observations) -> Iterator[tuple[Subject, Failure]]:
    for project, failure in observations.failed_discoveries.items():
        yield (UNREADABLE, LocationName(project, GLOBAL)), failure
    for one in observations.unread:
        yield (UNREADABLE, one.name), one.failure
    for name, failure in observations.uncollected.items():
        yield (UNCOLLECTED, name), failure


def _read_again(names: list[LocationName]) -> Iterator[LogEntry]:
    for _, group in itertools.groupby(names, key=lambda name: name.project):
        same = list(group)
        which = f" ({listed(same)})" if len(same) > 1 else ""
        verb = "were" if len(same) > 1 else "was"
        fields = {"event": "location_readable", **fields_of(same)}
        text = f"{of_project(same)} {verb} read again{which}."
        yield LogEntry(logging.INFO, text, fields)
