"""Logs a run: what is wrong, what changed, what was not written, and a summary.

A job forgets, so each of its runs names all that is not as it should be. ``watch`` and
the function log a change once, and remind of what stays bad every ten minutes. Of a
location that was not read, what was known stays.
"""

import logging
import math
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from typing import Any

from exporter.config import Config
from exporter.expectations import ComparedStream, label_complaint, unmatched
from exporter.logs import log
from exporter.measure import GLOBAL
from exporter.names import LocationName, StreamName
from exporter.report import Report
from exporter.stream_events import StreamEvent, stream_events
from exporter.summary import (
    failure_groups,
    fields_of,
    fleet,
    name_all,
    name_first,
    nonzero,
    numbers,
)
from exporter.text import capitalized, plural
from exporter.write import WriteError

AGAIN_SECONDS = 600.0  # how often all that stays bad is said again
MOST_ENTRIES = 50  # entries about streams in one run; the others are counted
_SUPERSEDED = (
    "another run has written these series at the same time or later. Is there a second"
    " exporter, or was this machine's clock set back?"
)


class RunLog:
    """Logs the runs of one process, and remembers what it has said."""

    def __init__(
        self, config: Config, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._config = config
        self._monotonic = monotonic
        self._reminded = -math.inf
        self._known: dict[LocationName, dict[StreamName, ComparedStream]] = {}
        # Of what was said since the last reminder
        self._mistakes: set[str] = set()
        self._failing: set[object] = set()
        # Of what is said once in all
        self._dropped: set[LocationName] = set()
        self._unread: set[LocationName] = set()

    def log(self, report: Report) -> None:
        """Log what a run found, what it could not write, and its summary."""
        self.log_findings(report)
        log_run(report)

    def log_findings(self, report: Report) -> None:
        """Log what is wrong, what changed, and what could not be read."""
        now = self._monotonic()
        remind = now - self._reminded >= AGAIN_SECONDS
        if remind:
            self._reminded = now
            self._mistakes = set()
            self._failing = set()
        self._log_failures(report)
        self._log_recoveries(report)
        self._log_dropped(report)
        self._log_mistakes(report)
        self._log_streams(report, remind=remind)

    def _log_failures(self, report: Report) -> None:
        """Log what could not be read, unless it could not be the last time either."""
        failing: set[object] = set()
        for group in failure_groups(report):
            kind = group.failure.kind
            same = (*group.names, kind)
            failing.add(same)
            if same in self._failing:
                continue
            text = f"{name_all(group.names)} {group.text}"
            fields = {"event": group.event, **fields_of(group.names), "reason": kind}
            log(logging.WARNING, text, **fields)
        self._failing = failing

    def _log_recoveries(self, report: Report) -> None:
        """Log which locations, and discoveries, were read again after a failure."""
        read = {location.name for location in report.locations}
        unread = set(report.unread)
        for project in report.discoveries:
            read.add(LocationName(project, GLOBAL))
        for project in report.failed_discoveries:
            unread.add(LocationName(project, GLOBAL))
        recovered = sorted((self._unread & read) - unread)
        self._unread = (self._unread - read) | unread
        for names in _by_project(recovered):
            fields = {"event": "location_readable", **fields_of(names)}
            log(logging.INFO, f"{name_all(names)} can be read again.", **fields)

    def _log_dropped(self, report: Report) -> None:
        for name in report.dropped:
            if name in self._dropped:
                continue
            self._dropped.add(name)
            text = f"{name} is no longer listed, though it had streams."
            fields = {"event": "location_dropped", **fields_of([name])}
            log(logging.WARNING, f"{text} It is read for another day.", **fields)

    def _log_mistakes(self, report: Report) -> None:
        """Log labels and globs that have no effect."""
        complaints = 0
        for location in report.locations:
            for stream in location.streams:
                text = label_complaint(stream)
                if text and complaints < MOST_ENTRIES:
                    complaints += 1
                    self._log_mistake(text, **fields_of([stream.name]))
        # A task of several sees only a part of what a glob can match.
        if report.task.count == 1 and not (report.unreadable or report.skipped):
            for text in unmatched(self._config, report.locations):
                self._log_mistake(text)

    def _log_mistake(self, text: str, **fields: Any) -> None:
        if text not in self._mistakes:
            self._mistakes.add(text)
            log(logging.WARNING, text, **fields)

    def _log_streams(self, report: Report, *, remind: bool) -> None:
        events: list[StreamEvent] = []
        for location in report.locations:
            before = self._known.get(location.name)
            events += stream_events(location, before, remind=remind)
            now = {one.name: one for one in location.streams}
            self._known[location.name] = now
        events.sort(key=lambda event: event.urgency)
        for event in events[:MOST_ENTRIES]:
            event.log()
        more = len(events) - MOST_ENTRIES
        if more > 0:
            text = f"{plural(more, 'more stream')} changed, or not as expected."
            log(logging.WARNING, text, event="more_streams", count=more)


def _by_project(names: Iterable[LocationName]) -> Iterator[list[LocationName]]:
    """Yield sorted names, those of each project together."""
    for _, group in groupby(names, lambda name: name.project):
        yield list(group)


def log_run(report: Report) -> None:
    """Log what was not written and why, then the summary of the run."""
    written = report.written
    _log_write_errors(written.errors)
    for names in _by_project(report.held_back):
        why = "a stream's last_seen may be lost, and the stream would look deleted"
        text = f"location/last_read of {name_all(names)} not written: {why}."
        log(logging.WARNING, text, **fields_of(names))
    if report.stopped:
        left = []
        if report.skipped:
            left.append(f"{plural(report.skipped, 'location')} not read")
        if written.left_out:
            left.append(f"{plural(written.left_out, 'point')} not written")
        text = ", ".join(left) or "nothing is left out"
        log(logging.WARNING, f"Interrupted: {text}.")
    points = f"{plural(written.accepted, 'point')} written"
    others = (
        (written.lost, "lost"),
        (written.superseded, "superseded"),
        (written.left_out, "left out"),
    )
    if not_written := nonzero(others):
        points += f", {not_written}"
    calls = f"{plural(report.calls, 'call')} in {report.seconds:.2f} s"
    text = f"{capitalized(fleet(report))}; {points}; {calls}."
    level = logging.INFO if report.complete else logging.ERROR
    log(level, text, event="run", **numbers(report))


def _log_write_errors(errors: Iterable[WriteError]) -> None:
    """Log what was not written, what failed for the same reason in one line."""
    causes: dict[str, list[WriteError]] = {}
    for error in errors:
        causes.setdefault(str(error.failure or ""), []).append(error)
    for same in causes.values():
        among = [sample for error in same for sample in error.among]
        points = plural(sum(error.points for error in same), "point")
        fields = {"metric": among[0].metric.type, "node_id": among[0].node_id}
        what = name_first(among)
        if failure := same[0].failure:
            text = f"{points} lost, among {what}: {failure}"
            log(logging.ERROR, text, **fields, reason=failure.kind)
        else:
            text = f"{points} superseded, among {what}: {_SUPERSEDED}"
            log(logging.WARNING, text, **fields)
