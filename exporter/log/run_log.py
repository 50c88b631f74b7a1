"""Logs a run: what is wrong, what changed, what was not written, and a summary.

A job has no memory, so each of its runs names every stream that needs a look. ``watch``
and the function log each change once, and repeat what is still wrong every ten minutes.
While a location can't be read, they keep what they knew of its streams.
"""

import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from logging import ERROR, INFO, WARNING
from typing import Any

from exporter.log.summary import (
    ERROR_BYTES,
    count_words,
    failure_groups,
    fleet,
    lasting,
    name_first,
    numbers,
    problem_fields,
    what_is_wrong,
)
from exporter.logger import log
from exporter.names import LocationName
from exporter.run.report import Report
from exporter.steps.compare import (
    ComparedLocation,
    ComparedStream,
    Omission,
    Verdict,
    missing,
)
from exporter.steps.write import WriteError
from exporter.text import capitalized, one_line, plural

AGAIN_SECONDS = 600.0  # how often all that stays bad is said again
_LEVELS = {Verdict.FINE: INFO, Verdict.FAILED: ERROR, Verdict.FAILED_PERMANENTLY: ERROR}
MOST_ENTRIES = 50  # entries about streams in one run; the others are counted

_SUPERSEDED = (
    "another run wrote these series at the same time, later or seconds before. Is there"
    " a second exporter, or was this machine's clock set back?"
)

# A stream that is worth an entry, and its state before; None if nothing changed
_Entry = tuple[ComparedStream, str | None]


@dataclass
class RunLog:
    """Logs the runs of one process, and remembers what it has said."""

    monotonic: Callable[[], float] = time.monotonic  # a clock that never goes back
    # Whether each run has a summary, not only where something changed or was lost
    every_run: bool = True

    def __post_init__(self) -> None:
        self._reminded = -math.inf
        # Each location as it was last read
        self._known: dict[LocationName, ComparedLocation] = {}
        # The fields of what was said of failures that last
        self._failures: list[Mapping[str, Any]] = []

    def log(self, report: Report) -> None:
        """Log what a run found, what it could not write, and its summary."""
        now = self.monotonic()
        remind = now - self._reminded >= AGAIN_SECONDS
        if remind:
            self._reminded = now
            self._failures = []
        failures = [*failure_groups(report)]
        for each in failures:
            if each.fields not in self._failures:
                log(WARNING, each.text, **each.fields)
        self._failures = [each.fields for each in failures]
        # Which streams changed or need a look, the most urgent ones first
        entries: list[_Entry] = []
        for at in report.locations:
            before = self._known.get(at.name)
            entries += _entries(at, before or at, remind=remind or not before)
            self._known[at.name] = at
        entries.sort(key=_urgency, reverse=True)
        for watched, previous in entries[:MOST_ENTRIES]:
            _log_stream(watched, previous, report)
        more = len(entries) - MOST_ENTRIES
        if more > 0:
            log(
                WARNING,
                f"{plural(more, 'more stream')} changed, or not as expected.",
                event="more_streams",
                count=more,
            )
        if self.every_run or remind or report.changed or not report.complete:
            _log_run(report)


def _entries(
    at: ComparedLocation, before: ComparedLocation, *, remind: bool
) -> Iterator[_Entry]:
    """Yield which streams of a location are not as they were before.

    With ``remind``, also those that still need a look.
    """
    now = {one.name: one for one in at.streams}
    then = {one.name: one for one in before.streams}
    for name in now | then:
        watched = now.get(name, missing(name))
        was = then.get(name, missing(name))
        previous = was.state_name
        if before.unwatched.get(name.stream) is Omission.MUTED:
            previous = Omission.MUTED
        if (watched.state_name, watched.expected) != (previous, was.expected):
            yield watched, previous
        elif remind and watched.verdict is not Verdict.FINE:
            yield watched, None


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
            log(ERROR, f"{points} lost, among {what}: {failure}", reason=failure.kind)
        else:
            log(WARNING, f"{points} superseded, among {what}: {_SUPERSEDED}")
    if report.stopped:
        log(WARNING, "Interrupted: not everything was read and written.")
    points = f"{plural(written.accepted, 'point')} written"
    counts = {"lost": written.lost, "superseded": written.superseded}
    if not_written := count_words(counts, counts):
        points += f", {not_written}"
    calls = f"{plural(report.calls, 'call')} in {report.seconds:.2f} s"
    text = f"{capitalized(fleet(report))}; {points}; {calls}."
    level = INFO if report.complete else ERROR
    log(level, text, event="run", **numbers(report))


def _urgency(entry: _Entry) -> tuple[bool, int, bool, int]:
    """Return what to sort by: changes for the worse, then levels, missing streams."""
    now, previous = entry
    worse = previous is not None and not now.expected
    level = _LEVELS.get(now.verdict, WARNING)
    return worse, level, not now.exists, now.stream.state


def _log_stream(now: ComparedStream, previous: str | None, report: Report) -> None:
    """Log an entry about a stream.

    ``previous`` is its state before, None if nothing changed.
    """
    name, stream, state = now.name, now.stream, now.state_name
    words = what_is_wrong(now) or f"is {state}"
    event = "stream_changed"
    if previous is None:
        event = "stream_bad"
    elif previous == Omission.MUTED:
        event = "mute_ended"
        words = f"is no longer muted and {words}"
    elif state == Verdict.MISSING:
        event = "stream_vanished"
        words = f"was {previous} and no longer exists"
    elif previous == Verdict.MISSING:
        event = "stream_appeared"
        words = f"is new and {words}"
    elif previous == state:
        words = f"changed: {state} is {'now' if now.expected else 'no longer'} expected"
        if now.rule and not now.expected:
            words += f" ({now.rule})"
    else:
        words = f"was {previous} and {words}"
    text = f"{name} {words}".rstrip(".") + "."
    if known := problem_fields(report, name):
        text += f" Its problem: {lasting(report, now)}"
        if known["streams"]:
            text += f", with {known['streams']}"
        text += "."
    fields: dict[str, Any] = {
        "event": event,
        "project": name.project,
        "location": name.location,
        "stream_id": name.stream,
        "state": state,
        "previous": previous,
        "expected": now.expected,
        **known,
        "reason": one_line(stream.reason, ERROR_BYTES),
        "error": one_line(stream.error or stream.reason, ERROR_BYTES),
    }
    given = {key: value for key, value in fields.items() if value not in {"", None}}
    log(_LEVELS.get(now.verdict, WARNING), text, **given)
