"""Logs a run: what is wrong, what changed, what was not written, and a summary.

A job forgets, so each of its runs names every stream that needs a look. ``watch`` and
the function log a change once, and remind of what stays bad every ten minutes. Of a
location that was not read, what was known stays.
"""

import math
import re
import time
from collections import defaultdict
from collections.abc import Callable
from fnmatch import fnmatchcase
from itertools import groupby
from logging import ERROR, INFO, WARNING
from typing import Any, NamedTuple

from exporter.log.summary import (
    LONGEST_ERROR,
    error_of,
    failure_groups,
    fields_of,
    fleet,
    lasting,
    name_all,
    name_first,
    nonzero,
    numbers,
    problem_of,
)
from exporter.logger import log
from exporter.names import LocationName, Name, ProjectName, StreamName
from exporter.run.report import Report
from exporter.run.session import FIRST_RUN_SECONDS
from exporter.steps.compare import MISSING, ComparedStream, Verdict, missing
from exporter.steps.write import WriteError
from exporter.text import capitalized, one_line, plural, without_markup

AGAIN_SECONDS = 600.0  # how often all that stays bad is said again
_LEVELS = {Verdict.FINE: INFO, Verdict.FAILED: ERROR}
MOST_ENTRIES = 50  # entries about streams in one run; the others are counted
LONGEST_SUMMARY = 120  # characters of an error, its numbers replaced
# A number, or a word of hexadecimal digits, which can have several parts: 0/16B3748
_NUMBER = re.compile(
    r"\b(?=[a-f/-]{0,40}\d)(?:0x)?[\da-f]+(?:[/-][\da-f]+)*\b|\d+", re.IGNORECASE
)


_SUPERSEDED = (
    "another run has written these series at the same time or later. Is there a second"
    " exporter, or was this machine's clock set back?"
)


class RunLog:
    """Logs the runs of one process, and remembers what it has said."""

    def __init__(
        self,
        monotonic: Callable[[], float] = time.monotonic,
        *,
        every_run: bool = True,
    ) -> None:
        """Log each run's summary, or only where something changed or was lost."""
        self._monotonic = monotonic
        self._every_run = every_run
        self._reminded = -math.inf
        self._known: dict[LocationName, dict[StreamName, ComparedStream]] = {}
        self._last = 0  # the timestamp of the run before
        # Of what was said since the last reminder
        self._failing: set[object] = set()
        # Of what is said once in all
        self._dropped: set[LocationName] = set()
        self._unread: set[Name] = set()

    def log(self, report: Report) -> None:
        """Log what a run found, what it could not write, and its summary."""
        now = self._monotonic()
        remind = now - self._reminded >= AGAIN_SECONDS
        if remind:
            self._reminded = now
            self._failing = set()
        self._log_places(report)
        self._log_streams(report, remind=remind)
        if self._every_run or remind or report.changed or not report.complete:
            _log_run(report)

    def _log_places(self, report: Report) -> None:
        """Log what could not be read or is read again, each change once."""
        failing: set[object] = set()
        for group in failure_groups(report):
            kind = group.failure.kind
            same = (*group.names, kind)
            failing.add(same)
            if same not in self._failing:
                fields = fields_of(group.names)
                log(
                    WARNING,
                    group.text,
                    event=group.event,
                    **fields,
                    reason=kind,
                )
        if report.unrecalled:
            kind = report.unrecalled.kind
            failing.add(kind)
            if kind not in self._failing:
                log(
                    WARNING,
                    f"Problems of earlier runs can't be read: {report.unrecalled}",
                    event="problems_unread",
                    reason=kind,
                )
        self._failing = failing
        read: set[Name] = {location.name for location in report.locations}
        read.update(map(ProjectName, report.discovered))
        recovered = sorted(self._unread & read)
        self._unread = (self._unread - read) | report.unread.keys()
        for _, group_of in groupby(recovered, lambda name: (type(name), name.project)):
            names = list(group_of)
            log(
                INFO,
                f"{name_all(names)} can be read again.",
                event="location_readable",
                **fields_of(names),
            )
        for name in report.dropped:
            if name not in self._dropped:
                log(
                    WARNING,
                    f"{name} had streams and isn't listed now: read for another day.",
                    event="location_dropped",
                    **fields_of([name]),
                )
        self._dropped.update(report.dropped)

    def _log_streams(
        self,
        report: Report,
        *,
        remind: bool,
    ) -> None:
        """Log which streams changed or need a look, and which mutes ended."""
        events: list[StreamEvent] = []
        for location in report.locations:
            now = {one.name: one for one in location.streams}
            first = location.name not in self._known
            before = self._known.get(location.name, now)
            self._known[location.name] = now
            for name in now | before:
                gone = missing(name)
                one, was = now.get(name, gone), before.get(name, gone)
                if (one.state_name, one.expected) != (was.state_name, was.expected):
                    events.append(StreamEvent(one, was.state_name))
                elif one.verdict is not Verdict.FINE and (remind or first):
                    events.append(StreamEvent(one))
        events.sort(key=lambda event: event.urgency)
        for event in events[:MOST_ENTRIES]:
            event.log(lasting(report, event.now.name))
        more = len(events) - MOST_ENTRIES
        if more > 0:
            log(
                WARNING,
                f"{plural(more, 'more stream')} changed, or not as expected.",
                event="more_streams",
                count=more,
            )
        since = self._last or report.timestamp - FIRST_RUN_SECONDS
        self._last = report.timestamp
        for mute in report.mutes:
            if not since < mute.end.timestamp() <= report.timestamp:
                continue
            hidden = []
            for location in report.locations:
                for one in location.streams:
                    matches = fnmatchcase(str(one.name), mute.match)
                    if matches and one.verdict is not Verdict.FINE:
                        hidden.append(f"{one.name} ({one.state_name})")
            text = f"The mute of {mute.match} has ended. "
            text += f"It hid {name_first(hidden) or 'nothing that is wrong now'}."
            level = WARNING if hidden else INFO
            log(
                level,
                text,
                event="mute_ended",
                count=len(hidden),
            )


def _log_run(report: Report) -> None:
    """Log what was not written and why, then the summary of the run."""
    written = report.written
    # What failed for the same reason is one line.
    causes: dict[str, list[WriteError]] = defaultdict(list)
    for error in written.errors:
        causes[str(error.failure or "")].append(error)
    for same in causes.values():
        among = [sample for error in same for sample in error.among]
        points = plural(sum(error.points for error in same), "point")
        what = name_first(among)
        failure = same[0].failure
        if failure:
            text = f"{points} lost, among {what}: {failure}"
            log(ERROR, text, reason=failure.kind)
        else:
            log(WARNING, f"{points} superseded, among {what}: {_SUPERSEDED}")
    if report.held_back:
        names = name_first(report.held_back)
        text = f"location/last_read of {names} not written, as points before were lost."
        log(WARNING, f"{text} Until it is, no stream there is reported missing.")
    if report.stopped:
        log(WARNING, "Interrupted: not everything was read and written.")
    points = f"{plural(written.accepted, 'point')} written"
    counts = {"lost": written.lost, "superseded": written.superseded}
    if not_written := nonzero(counts):
        points += f", {not_written}"
    calls = f"{plural(report.calls, 'call')} in {report.seconds:.2f} s"
    text = f"{capitalized(fleet(report))}; {points}; {calls}."
    log(
        INFO if report.complete else ERROR,
        text,
        event="run",
        **numbers(report),
    )


class StreamEvent(NamedTuple):
    """A stream that is worth an entry, and why."""

    now: ComparedStream
    previous: str | None = None  # its state before; None if nothing changed

    @property
    def worse(self) -> bool:
        """Whether it changed for the worse."""
        return self.previous is not None and not self.now.expected

    @property
    def level(self) -> int:
        """How loud the entry is."""
        return _LEVELS.get(self.now.verdict, WARNING)

    @property
    def urgency(self) -> tuple[bool, int, bool, int]:
        """What to sort by: changes for the worse first, then missing streams."""
        now = self.now
        return not self.worse, -self.level, now.exists, -now.stream.state

    def log(self, lasting: str) -> None:
        """Log the entry, with how long its problem lasts. Alerts quote its fields."""
        now, previous = self.now, self.previous
        error = without_markup(error_of(now))
        summary = _NUMBER.sub("#", error)[:LONGEST_SUMMARY]
        state = now.state_name
        problem = problem_of(now) or f"is {state}"
        change = f"{previous} → {state}"
        event = "stream_changed"
        if previous is None:
            event = "stream_bad"
            words, change = problem, ""
        elif state == MISSING:
            event = "stream_vanished"
            words = f"was {previous} and no longer exists"
        elif previous == MISSING:
            event = "stream_appeared"
            words = f"is new and {problem}"
        elif previous == state:
            change = f"{state} is {'now' if now.expected else 'no longer'} expected"
            words = f"changed: {change}"
            if now.rule and not now.expected:
                words += f" ({now.rule})"
        else:
            words = f"was {previous} and {problem}"
        if change and summary:
            change += f": {summary}"
        fields: dict[str, Any] = {
            "event": event,
            **fields_of([now.name]),
            "state": state,
            "expected": now.expected,
            "worse": self.worse,
            "reason": one_line(without_markup(now.stream.reason), LONGEST_ERROR),
            "error": one_line(error, LONGEST_ERROR),
            "summary": summary,
            "previous": previous,
            "change": change,
        }
        text = f"{now.name} {words}".rstrip(".") + "."
        if lasting:
            text += f" For {lasting}."
        known = {key: value for key, value in fields.items() if value not in {"", None}}
        log(self.level, text, **known)
