"""Logs a run: what is not as it should be, what changed, what was not written, and a summary.

A job forgets each run, so each of its runs names all that is not as it should be. ``watch`` and the
function remember: they log a change once, and remind of all that stays bad every ten minutes. A
location that was not read says nothing about its streams: what was known of them stays.
"""

import logging
import math
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from exporter.config import Config
from exporter.expectations import MISSING, ComparedStream, label_complaint, unmatched
from exporter.google.errors import Failure
from exporter.logs import log
from exporter.measure import GLOBAL, Sample
from exporter.names import LocationName, StreamName
from exporter.run import Report
from exporter.text import capitalized, one_line, plural, without_markup
from exporter.write import WriteError

AGAIN_SECONDS = 600.0
"""How often all that stays bad is said again."""

MOST_ENTRIES = 50
"""Entries about streams in one run; the others are counted."""

LONGEST_FIELD = 1024
"""Bytes of an error's text in an entry."""

LONGEST_SUMMARY = 120
"""Characters of an error's summary, which has no numbers: the same failure has the same one."""

UNREADABLE = "location_unreadable"
"""The event of an entry about locations that were not read; ``global`` stands for discovery."""

UNCOLLECTED = "not_collected"
"""The event of an entry about what a collector could not read."""

_MOST_NAMED = 3
_MOST_LOCATIONS = 100
_MOST_LABELS = 20


class FailureGroup(NamedTuple):
    """One or more things in a project that failed for the same kind of reason.

    A revoked permission fails every location of a project: that is one thing to fix, so it is one
    line.

    Attributes:
        event: What the log calls it.
        names: The locations or streams; of a failed discovery, the location ``global``.
        subject: What failed; followed by ``text`` it is a sentence.
        text: How it failed, why, and how to fix it.
        failure: Why the first one failed.
    """

    event: str
    names: tuple[LocationName | StreamName, ...]
    subject: str
    text: str
    failure: Failure


class _Known(NamedTuple):
    """A stream as it was last seen: its state's name, and whether that was fine."""

    state: str
    expected: bool


class RunLog:
    """Logs the runs of one process, and remembers what it has said."""

    def __init__(self, config: Config, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._config = config
        self._monotonic = monotonic
        self._reminded = -math.inf
        self._known: dict[LocationName, dict[StreamName, _Known]] = {}
        self._failing: set[tuple[LocationName | StreamName, str]] = set()
        self._said: set[object] = set()

    def log(self, report: Report) -> None:
        """Log what a run found, what it could not write, and its summary."""
        self.log_findings(report)
        log_run(report)

    def log_findings(self, report: Report) -> None:
        """Log what is wrong with streams, what changed, and what could not be read."""
        now = self._monotonic()
        remind = now - self._reminded >= AGAIN_SECONDS
        if remind:
            self._reminded = now
            self._said.clear()
        self._log_failures(report, remind=remind)
        self._log_once(report)
        self._log_streams(report, remind=remind)

    def _log_failures(self, report: Report, *, remind: bool) -> None:
        """Log what could not be read, if it is new or time to remind, and what is read again."""
        failing = set()
        for group in failure_groups(report):
            causes = {(name, str(group.failure.kind)) for name in group.names}
            failing |= causes
            if remind or not causes <= self._failing:
                log(
                    logging.WARNING,
                    f"{group.subject} {group.text}",
                    event=group.event,
                    **fields_of(group.names),
                    reason=group.failure.kind,
                )
        read = {one.name for one in report.locations}
        read |= {
            LocationName(project, GLOBAL)
            for project in report.discoveries.keys() - report.failed_discoveries.keys()
        }
        again = {name for name, _ in self._failing} & read
        for name in sorted(again - {name for name, _ in failing}):
            text = f"{name} was read again."
            log(logging.INFO, text, event="location_readable", **fields_of([name]))
        self._failing = failing | {one for one in self._failing if one[0] not in read}

    def _log_once(self, report: Report) -> None:
        """Log what deserves one warning in ten minutes: labels, globs, dropped locations."""
        complaints = [
            (label_complaint(stream), fields_of([stream.name]))
            for location in report.locations
            for stream in location.streams
        ]
        warnings = [(text, fields) for text, fields in complaints if text][:_MOST_LABELS]
        warnings += [
            (
                f"{name} is no longer listed by discovery, though it had streams. It is read for "
                f"another day.",
                {"event": "location_dropped", **fields_of([name])},
            )
            for name in report.dropped
        ]
        if not report.unreadable and not report.skipped:
            warnings += [(text, {}) for text in unmatched(self._config, report.locations)]
        for text, fields in warnings:
            if text not in self._said:
                self._said.add(text)
                log(logging.WARNING, text, **fields)

    def _log_streams(self, report: Report, *, remind: bool) -> None:
        entries: list[tuple[int, str, dict[str, Any]]] = []
        for location in report.locations:
            before = self._known.get(location.name)
            now = {one.name: one for one in location.streams}
            for one in now.values():
                was = before.get(one.name) if before is not None else None
                known = _Known(one.state, one.expected)
                if (was and was != known) or (before is not None and not was and one.stream):
                    entries.append(_change(one, was))
                elif one.bad and (remind or before is None):
                    entries.append(_entry(one, "stream_bad", f"{_name(one)} {one.problem}"))
            for name, was in before.items() if before else ():
                if name not in now and was.state != MISSING:
                    entries.append(_change(ComparedStream(name, None, expected=False), was))
            self._known[location.name] = {
                name: _Known(one.state, one.expected) for name, one in now.items()
            }
        # The worst first: a change for the worse, then by level.
        entries.sort(key=lambda entry: (not entry[2]["worse"], -entry[0]))
        for level, text, fields in entries[:MOST_ENTRIES]:
            log(level, text, **fields)
        if (more := len(entries) - MOST_ENTRIES) > 0:
            text = f"{plural(more, 'more stream')} changed, or not as expected."
            log(logging.WARNING, text, event="more_streams", count=more)


def _change(now: ComparedStream, was: _Known | None) -> tuple[int, str, dict[str, Any]]:
    """Return the entry of a change since the stream was last seen, if it was."""
    before = was.state if was else MISSING
    name, event = _name(now), "stream_changed"
    if now.stream is None:
        event = "stream_vanished"
        text = f"{name} vanished: it was {before}, and its location does not hold it any more"
    elif before == MISSING:
        event, text = "stream_appeared", f"{name} appeared: {now.problem or f'is {now.state}'}"
    elif before == now.state:
        text = f"{name} {now.problem or f'is {now.state}, which is expected now'}"
    else:
        text = f"{name}: {before} → {now.state}"
        text += f" ({now.problem})" if now.problem else ""
    return _entry(now, event, text, previous=before, worse=not now.expected)


def _entry(
    one: ComparedStream, event: str, text: str, *, previous: str = "", worse: bool = False
) -> tuple[int, str, dict[str, Any]]:
    """Return a log entry about a stream: its level, sentence and fields."""
    reason = one.stream.reason or "" if one.stream else ""
    optional = {
        "previous": previous,
        # Alerts quote these.
        "reason": one_line(without_markup(reason), LONGEST_FIELD),
        "error": one_line(without_markup(one.error), LONGEST_FIELD),
        "summary": re.sub(r"\d+", "#", without_markup(one.error))[:LONGEST_SUMMARY],
    }
    fields = {
        "event": event,
        "project": one.name.project,
        "location": one.name.location,
        "stream_id": one.name.stream,
        "state": one.state,
        "expected": one.expected,
        "worse": worse,
        **{key: value for key, value in optional.items() if value},
    }
    level = logging.ERROR if one.failed else logging.WARNING if one.bad else logging.INFO
    return level, f"{text.rstrip('.')}.", fields


def _name(one: ComparedStream) -> str:
    return one_line(str(one.name), LONGEST_FIELD)


def failure_groups(report: Report) -> Iterator[FailureGroup]:
    """Yield what could not be discovered, read or collected, grouped by project and reason."""
    for project, failure in report.failed_discoveries.items():
        text = f"could not be searched for locations: {failure}"
        names = (LocationName(project, GLOBAL),)
        yield FailureGroup(UNREADABLE, names, f"projects/{project}", text, failure)
    yield from _groups(UNREADABLE, report.unread, "read, so its streams are unknown")
    yield from _groups(UNCOLLECTED, report.uncollected, "collected, so its series are left out")


def _groups(event: str, failed: Mapping[Any, Failure], what: str) -> Iterator[FailureGroup]:
    def cause(item: tuple[Any, Failure]) -> tuple[str, str, str]:
        name, failure = item
        return name.project, type(name).__name__, failure.kind

    for _, items in groupby(sorted(failed.items(), key=lambda item: (cause(item), item[0])), cause):
        group = list(items)
        names, failure = tuple(name for name, _ in group), group[0][1]
        text = f"was not {what}: {failure}"
        if len(names) > 1:
            text = f"({listed(names)}): each was not {what}. The first: {failure}"
        yield FailureGroup(event, names, of_project(names), text, failure)


def listed(names: Sequence[LocationName | StreamName]) -> str:
    """Name the first few things of one project, and say how many more there are."""
    text = ", ".join("/".join(name[1:]) for name in names[:_MOST_NAMED])
    more = len(names) - _MOST_NAMED
    return f"{text} and {more:,} more" if more > 0 else text


def of_project(names: Sequence[LocationName | StreamName]) -> str:
    """Return a name in full, or of several how many they are."""
    if len(names) == 1:
        return str(names[0])
    things = "streams" if isinstance(names[0], StreamName) else "locations"
    return f"{len(names):,} {things} of projects/{names[0].project}"


def fields_of(names: Sequence[LocationName | StreamName]) -> dict[str, Any]:
    """Return what a log entry about the names carries, so that it is found by each location."""
    first = names[0]
    if len(names) > 1:
        locations = list(dict.fromkeys(name.location for name in names))[:_MOST_LOCATIONS]
        return {"project": first.project, "locations": locations, "count": len(names)}
    fields = {"project": first.project, "location": first.location}
    return {**fields, "stream_id": first.stream} if isinstance(first, StreamName) else fields


def log_run(report: Report) -> None:
    """Log what was not written and why, then the summary of the run."""
    _log_write_errors(report.written.errors)
    if report.written.unlisted_errors:
        log(logging.ERROR, f"{plural(report.written.unlisted_errors, 'more request')} failed.")
    for _, group in groupby(report.held_back, key=lambda name: name.project):
        names = list(group)
        several = f" ({listed(names)})" if len(names) > 1 else ""
        log(
            logging.WARNING,
            f"location/last_read of {of_project(names)}{several} not written: a stream's last_seen "
            f"may be lost, and the stream would look deleted.",
            **fields_of(names),
        )
    if report.stopped:
        left = plural(report.written.left_out, "point")
        text = f"Interrupted: {plural(report.skipped, 'location')} not read, {left} not written."
        log(logging.WARNING, text)
    calls = f"{plural(report.calls, 'call')} in {report.seconds:.2f} s"
    text = f"{capitalized(fleet(report))}; {_points(report)}; {calls}."
    log(logging.INFO if report.complete else logging.ERROR, text, event="run", **summary(report))


def summary(report: Report) -> dict[str, Any]:
    """Return the numbers of a run, as the summary line carries them."""
    return {
        "node_id": str(report.task.index),
        "streams": report.streams,
        "locations": len(report.locations) + len(report.unread),
        "unreadable": report.unreadable,
        "uncollected": len(report.uncollected),
        "written": report.written.accepted,
        "superseded": report.written.superseded,
        "lost": report.written.lost,
        "left_out": report.written.left_out,
        "held_back": len(report.held_back),
        "calls": report.calls,
        "seconds": round(report.seconds, 3),
    }


def fleet(report: Report) -> str:
    """Return in words what was seen: how many streams, and how they are."""
    unread = f"{plural(report.unreadable, 'location')} unreadable" if report.unreadable else ""
    if not report.locations:
        return f"nothing could be read: {unread}" if unread else "no locations read"
    counts = (
        (sum(one.failed for one in report.locations), "failed"),
        (sum(one.unexpected for one in report.locations), "not as expected"),
    )
    how = ", ".join(f"{count:,} {what}" for count, what in counts if count)
    found = "" if report.streams else " found"
    text = f"{plural(report.streams, 'stream')}{found} in "
    text += plural(len(report.locations), "location") + (f" ({how})" if how else "")
    missing = sum(len(one.missing) for one in report.locations)
    required = f"{missing:,} required and missing" if missing else ""
    return ", ".join(filter(None, (text, required, unread)))


def _points(report: Report) -> str:
    written = report.written
    counts = (
        (written.lost, "lost"),
        (written.superseded, "superseded"),
        (written.left_out, "left out"),
    )
    more = "".join(f", {count:,} {what}" for count, what in counts if count)
    return f"{plural(written.accepted, 'point')} written{more}"


def _log_write_errors(errors: Iterable[WriteError]) -> None:
    """Log what was not written, what failed for the same reason in one line."""
    for cause, group in groupby(sorted(errors, key=_cause), _cause):
        same = list(group)
        among = [sample for error in same for sample in error.among]
        named = ", ".join(map(str, among[:_MOST_NAMED]))
        more = len(among) - _MOST_NAMED
        named += f" and {more:,} more" if more > 0 else ""
        points = plural(sum(error.points for error in same), "point")
        failure = same[0].failure
        if failure is None:
            log(
                logging.WARNING,
                f"{points} superseded, among {named}: another run has written these series at the "
                f"same time or later. Is there a second exporter, or was this machine's clock set "
                f"back?",
                **_fields_of_sample(among[0]),
            )
        else:
            fields = _fields_of_sample(among[0])
            log(
                logging.ERROR,
                f"{points} lost, among {named}: {cause}",
                **fields,
                reason=failure.kind,
            )


def _cause(error: WriteError) -> str:
    return str(error.failure or "")


def _fields_of_sample(sample: Sample) -> dict[str, Any]:
    # The exporter's own series are of no project that is watched: its name stands there.
    space = "namespace" if sample.metric.resource == "exporter" else "project"
    return {
        "metric": sample.metric.type,
        space: sample.namespace,
        "location": sample.location,
        "node_id": sample.node_id,
    }
