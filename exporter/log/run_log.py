"""Logs a run: what is wrong, what changed, what was not written, and a summary.

A job forgets, so each of its runs names every stream that needs a look. ``watch`` and
the function log a change once, and remind of what stays bad every ten minutes. Of a
location that was not read, what was known stays.
"""

import logging
import math
import time
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from itertools import groupby

from exporter.log.stream_events import StreamEvent, stream_events
from exporter.log.summary import (
    failure_groups,
    fields_of,
    fleet,
    lasting,
    name_all,
    name_first,
    nonzero,
    numbers,
)
from exporter.logger import log
from exporter.names import LocationName, StreamName
from exporter.run.memory import FIRST_RUN_SECONDS
from exporter.run.report import Report
from exporter.steps.compare import ComparedStream
from exporter.steps.measure import GLOBAL
from exporter.steps.write import WriteError
from exporter.text import capitalized, plural

AGAIN_SECONDS = 600.0  # how often all that stays bad is said again
MOST_ENTRIES = 50  # entries about streams in one run; the others are counted
_SUPERSEDED = (
    "another run has written these series at the same time or later. Is there a second"
    " exporter, or was this machine's clock set back?"
)


class RunLog:
    """Logs the runs of one process, and remembers what it has said."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._reminded = -math.inf
        self._known: dict[LocationName, dict[StreamName, ComparedStream]] = {}
        self._last = 0  # the timestamp of the run before
        # Of what was said since the last reminder
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
            self._failing = set()
        self._log_failures(report)
        self._log_recoveries(report)
        self._log_dropped(report)
        self._log_streams(report, remind=remind)
        self._log_ended_mutes(report)

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
            fields = fields_of(group.names)
            log(logging.WARNING, text, event=group.event, **fields, reason=kind)
        if report.unrecalled:
            kind = report.unrecalled.kind
            failing.add(kind)
            if kind not in self._failing:
                text = f"Problems of earlier runs can't be read: {report.unrecalled}"
                log(logging.WARNING, text, event="problems_unread", reason=kind)
        self._failing = failing

    def _log_recoveries(self, report: Report) -> None:
        """Log which locations, and discoveries, were read again after a failure."""
        read = {location.name for location in report.locations}
        read.update(LocationName(project, GLOBAL) for project in report.discoveries)
        recovered = sorted(self._unread & read)
        self._unread = (self._unread - read) | report.unread.keys()
        for _, group in groupby(recovered, lambda name: name.project):
            names = list(group)
            text = f"{name_all(names)} can be read again."
            log(logging.INFO, text, event="location_readable", **fields_of(names))

    def _log_dropped(self, report: Report) -> None:
        for name in report.dropped:
            if name in self._dropped:
                continue
            self._dropped.add(name)
            text = f"{name} is no longer listed, though it had streams."
            text += " It is read for another day."
            log(logging.WARNING, text, event="location_dropped", **fields_of([name]))

    def _log_ended_mutes(self, report: Report) -> None:
        """Log which mutes ended since the last run, and which streams they hid."""
        since = self._last or report.timestamp - FIRST_RUN_SECONDS
        self._last = report.timestamp
        for mute in report.mutes:
            if not since < mute.end.timestamp() <= report.timestamp:
                continue
            hidden = [
                f"{one.name} ({one.state})"
                for location in report.locations
                for one in location.streams
                if one.bad and fnmatchcase(str(one.name), mute.match)
            ]
            level = logging.WARNING if hidden else logging.INFO
            text = f"The mute of {mute.match} has ended. "
            text += f"It hid {name_first(hidden) or 'nothing that is wrong now'}."
            log(level, text, event="mute_ended", count=len(hidden))

    def _log_streams(self, report: Report, *, remind: bool) -> None:
        events: list[StreamEvent] = []
        for location in report.locations:
            before = self._known.get(location.name)
            events += stream_events(location, before, remind=remind)
            now = {one.name: one for one in location.streams}
            self._known[location.name] = now
        events.sort(key=lambda event: event.urgency)
        for event in events[:MOST_ENTRIES]:
            event.log(lasting(report, event.now.name))
        more = len(events) - MOST_ENTRIES
        if more > 0:
            text = f"{plural(more, 'more stream')} changed, or not as expected."
            log(logging.WARNING, text, event="more_streams", count=more)


def log_run(report: Report) -> None:
    """Log what was not written and why, then the summary of the run."""
    written = report.written
    _log_write_errors(written.errors)
    if report.held_back:
        why = "a stream's last_seen may be lost, and the stream would look deleted"
        names = name_first(report.held_back)
        log(logging.WARNING, f"location/last_read of {names} not written: {why}.")
    if report.stopped:
        log(logging.WARNING, "Interrupted: not everything was read and written.")
    points = f"{plural(written.accepted, 'point')} written"
    not_written = nonzero({"lost": written.lost, "superseded": written.superseded})
    if not_written:
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
        what = name_first(among)
        failure = same[0].failure
        if failure:
            text = f"{points} lost, among {what}: {failure}"
            log(logging.ERROR, text, reason=failure.kind)
        else:
            text = f"{points} superseded, among {what}: {_SUPERSEDED}"
            log(logging.WARNING, text)
