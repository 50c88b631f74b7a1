"""Logs a run: what is not as it should be, what changed, what was not written, and a summary.

A job forgets, so each of its runs names all that is not as it should be. ``watch`` and
the function log a change once, and remind of what stays bad every ten minutes. Of a
location that was not read, what was known stays.
"""

import logging
import math
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from exporter.config import Config
from exporter.expectations import MISSING, ComparedStream, label_complaint, unmatched
from exporter.google.errors import Failure
from exporter.logs import log
from exporter.measure import GLOBAL
from exporter.names import LocationName, StreamName
from exporter.report import Report
from exporter.text import capitalized, one_line, plural, printable, without_markup
from exporter.write import WriteError

AGAIN_SECONDS = 600.0  # how often all that stays bad is said again
MOST_ENTRIES = 50  # entries about streams in one run; the others are counted
LONGEST_FIELD = 1024  # bytes of an error's text in an entry
# Characters of an error's summary, which has no numbers: the same failure has the same
# summary
LONGEST_SUMMARY = 120
# A number, also a hexadecimal one of several parts such as 0/16B3748 or a UUID
_NUMBER = re.compile(
    r"\b(?=[a-f/-]*\d)(?:0x)?[\da-f]+(?:[/-][\da-f]+)*\b|\d+", re.IGNORECASE
)
# The event of an entry about locations that were not read; ``global`` stands for
# discovery
UNREADABLE = "location_unreadable"
# The event of an entry about what a collector could not read
UNCOLLECTED = "not_collected"
_MOST_NAMED = 3
_SUPERSEDED = (
    "another run has written these series at the same time or later. Is there a second"
    " exporter, or was this machine's clock set back?"
)


class FailureGroup(NamedTuple):
    """Things of one project that failed for the same kind of reason: one thing to fix, one line."""

    event: str  # what the log calls it
    names: Sequence[LocationName | StreamName]  # ``global`` stands for discovery
    failure: Failure  # why the first one failed

    @property
    def text(self) -> str:
        """How they failed, why, and how to fix it, in words that follow their name."""
        if self.names[0].location == GLOBAL:
            what = "could not be searched for locations"
        elif self.event == UNREADABLE:
            what = "could not be read, so the streams there are unknown"
        else:
            what = "could not be collected from, so some series are left out"
        return f"{what}: {self.failure}"


class _Entry(NamedTuple):
    """A log entry about a stream."""

    level: int
    text: str
    fields: dict[str, Any]


class RunLog:
    """Logs the runs of one process, and remembers what it has said."""

    def __init__(
        self, config: Config, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._config = config
        self._monotonic = monotonic
        self._reminded = -math.inf
        self._known: dict[LocationName, dict[StreamName, ComparedStream]] = {}
        self._said: set[object] = set()
        self._failing: set[object] = set()

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
            # That a location was dropped is said once in all.
            self._said = {key for key in self._said if isinstance(key, LocationName)}
            self._failing = set()
        groups = {
            (*one.names, str(one.failure.kind)): one for one in failure_groups(report)
        }
        for group in (one for key, one in groups.items() if key not in self._failing):
            text = f"{name_all(group.names)} {group.text}"
            fields = {
                "event": group.event,
                **fields_of(group.names),
                "reason": group.failure.kind,
            }
            log(logging.WARNING, text, **fields)
        self._failing = set(groups)
        for name in report.dropped:
            text = (
                f"{name} is no longer listed, though it had streams. It is read for"
                " another day."
            )
            self._log_once(
                name, text, {"event": "location_dropped", **fields_of([name])}
            )
        self._log_mistakes(report)
        self._log_streams(report, remind=remind)

    def _log_once(self, key: object, text: str, fields: dict[str, Any]) -> None:
        """Log a warning, unless it was logged since the last reminder."""
        if key not in self._said:
            self._said.add(key)
            log(logging.WARNING, text, **fields)

    def _log_mistakes(self, report: Report) -> None:
        """Log labels and globs that have no effect."""
        streams = [
            stream for location in report.locations for stream in location.streams
        ]
        complaints = [(label_complaint(stream), stream.name) for stream in streams]
        for text, name in [one for one in complaints if one[0]][:MOST_ENTRIES]:
            self._log_once(text, str(text), fields_of([name]))
        if not (report.unreadable or report.skipped):
            for text in unmatched(self._config, report.locations):
                self._log_once(text, text, {})

    def _log_streams(self, report: Report, *, remind: bool) -> None:
        entries: list[_Entry] = []
        for location in report.locations:
            before = self._known.get(location.name)
            now = {one.name: one for one in location.streams}
            for one in now.values():
                was = before.get(one.name) if before is not None else None
                if was:
                    changed = (was.state, was.expected) != (one.state, one.expected)
                else:
                    changed = before is not None and one.stream is not None
                if changed:
                    entries.append(_change(one, was))
                elif one.bad and (remind or before is None):
                    entries.append(
                        _entry(one, "stream_bad", f"{one.name} {one.problem}")
                    )
            for name, was in (before or {}).items():
                if name not in now and was.state != MISSING:
                    entries.append(
                        _change(ComparedStream(name, None, expected=False), was)
                    )
            self._known[location.name] = now
        # The worst first: a change for the worse, then by level.
        entries.sort(key=lambda entry: (not entry.fields["worse"], -entry.level))
        for entry in entries[:MOST_ENTRIES]:
            log(entry.level, entry.text, **entry.fields)
        if (more := len(entries) - MOST_ENTRIES) > 0:
            text = f"{plural(more, 'more stream')} changed, or not as expected."
            log(logging.WARNING, text, event="more_streams", count=more)


def _change(now: ComparedStream, was: ComparedStream | None) -> _Entry:
    """Return the entry of a change since the stream was last seen, if it was."""
    before = was.state if was else MISSING
    event = "stream_changed"
    change = f"{before} → {now.state}"
    if now.stream is None:
        event = "stream_vanished"
        text = f"vanished: it was {before}, and its location does not hold it any more"
    elif before == MISSING:
        event = "stream_appeared"
        text = f"appeared: it {now.problem or f'is {now.state}'}"
    elif before == now.state:
        expected = f"is {'now' if now.expected else 'no longer'} expected"
        change = f"{now.state} {expected}"
        text = f"is {now.state}, which {expected}"
    else:
        text = f"was {before} and {now.problem or f'is {now.state}'}"
    entry = _entry(now, event, f"{now.name} {text}")
    if summary := entry.fields.get("summary"):
        change += f": {summary}"
    changed = {"previous": before, "change": change, "worse": not now.expected}
    return entry._replace(fields=entry.fields | changed)


def _entry(one: ComparedStream, event: str, text: str) -> _Entry:
    error = without_markup(one.error)
    # Alerts quote these.
    optional = {
        "reason": one_line(without_markup(one.reason), LONGEST_FIELD),
        "error": one_line(error, LONGEST_FIELD),
        "summary": _NUMBER.sub("#", error)[:LONGEST_SUMMARY],
    }
    fields = {
        "event": event,
        **fields_of([one.name]),
        "state": one.state,
        "expected": one.expected,
        "worse": False,
        **{key: value for key, value in optional.items() if value},
    }
    level = (
        logging.ERROR if one.failed else logging.WARNING if one.bad else logging.INFO
    )
    return _Entry(level, f"{text.rstrip('.')}.", fields)


def failure_groups(report: Report) -> Iterator[FailureGroup]:
    """Yield what could not be discovered, read or collected, grouped by project and reason."""
    failed: list[tuple[str, LocationName | StreamName, Failure]] = [
        (UNREADABLE, LocationName(project, GLOBAL), failure)
        for project, failure in report.failed_discoveries.items()
    ]
    failed += [(UNREADABLE, name, failure) for name, failure in report.unread.items()]
    failed += [
        (UNCOLLECTED, name, failure) for name, failure in report.uncollected.items()
    ]
    groups: dict[object, FailureGroup] = {}
    for event, name, failure in failed:
        key = (event, len(name), name.project, name.location == GLOBAL, failure.kind)
        group = groups.setdefault(key, FailureGroup(event, [], failure))
        groups[key] = group._replace(names=(*group.names, name))
    yield from groups.values()


def name_all(names: Sequence[LocationName | StreamName]) -> str:
    """Return the full name of one thing; of several of a project, the first few and a count."""
    project = f"projects/{names[0].project}"
    if len(names) == 1:
        return project if names[0].location == GLOBAL else str(names[0])
    things = "streams" if isinstance(names[0], StreamName) else "locations"
    first = _first(["/".join(name[1:]) for name in names])
    return f"{len(names):,} {things} of {project} ({first})"


def _first(words: Sequence[object]) -> str:
    """Return the first few of many words, and how many more there are."""
    more = f" and {len(words) - _MOST_NAMED:,} more" if len(words) > _MOST_NAMED else ""
    return ", ".join(map(str, words[:_MOST_NAMED])) + more


def fields_of(names: Sequence[LocationName | StreamName]) -> dict[str, Any]:
    """Return what a log entry about the names carries, so that it is found by each location."""
    first = names[0]
    if len(names) > 1:
        locations = list(dict.fromkeys(printable(name.location) for name in names))
        shown = locations[:MOST_ENTRIES]
        return {"project": first.project, "locations": shown, "count": len(names)}
    return dict(zip(("project", "location", "stream_id"), first, strict=False))


def log_run(report: Report) -> None:
    """Log what was not written and why, then the summary of the run."""
    written = report.written
    _log_write_errors(written.errors)
    for _, group in groupby(report.held_back, lambda name: name.project):
        names = list(group)
        why = "a stream's last_seen may be lost, and the stream would look deleted"
        text = f"location/last_read of {name_all(names)} not written: {why}."
        log(logging.WARNING, text, **fields_of(names))
    if report.stopped:
        counts = (
            (report.skipped, "location", "read"),
            (written.left_out, "point", "written"),
        )
        left = [
            f"{plural(count, noun)} not {done}" for count, noun, done in counts if count
        ]
        log(
            logging.WARNING, f"Interrupted: {', '.join(left) or 'nothing is left out'}."
        )
    not_written = (
        (written.lost, "lost"),
        (written.superseded, "superseded"),
        (written.left_out, "left out"),
    )
    points = f"{plural(written.accepted, 'point')} written"
    points += "".join(f", {count:,} {what}" for count, what in not_written if count)
    calls = f"{plural(report.calls, 'call')} in {report.seconds:.2f} s"
    level = logging.INFO if report.complete else logging.ERROR
    log(
        level,
        f"{capitalized(fleet(report))}; {points}; {calls}.",
        event="run",
        **summary(report),
    )


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
    unread = (
        f"{plural(report.unreadable, 'location')} unreadable"
        if report.unreadable
        else ""
    )
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


def _log_write_errors(errors: Iterable[WriteError]) -> None:
    """Log what was not written, what failed for the same reason in one line."""
    causes: dict[str, list[WriteError]] = {}
    for error in errors:
        causes.setdefault(str(error.failure or ""), []).append(error)
    for same in causes.values():
        among = [sample for error in same for sample in error.among]
        points = plural(sum(error.points for error in same), "point")
        fields = {"metric": among[0].metric.type, "node_id": among[0].node_id}
        if failure := same[0].failure:
            text = f"{points} lost, among {_first(among)}: {failure}"
            log(logging.ERROR, text, **fields, reason=failure.kind)
        else:
            text = f"{points} superseded, among {_first(among)}: {_SUPERSEDED}"
            log(logging.WARNING, text, **fields)
