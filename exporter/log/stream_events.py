"""Tells which streams are worth an entry of the log, and what the entry says."""

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from exporter.log.summary import fields_of
from exporter.logger import log
from exporter.names import StreamName
from exporter.states import StreamState
from exporter.steps.compare import MISSING, ComparedLocation, ComparedStream, missing
from exporter.text import one_line, without_markup

LONGEST_FIELD = 1024  # bytes of an error's text in an entry
LONGEST_SUMMARY = 120  # characters of an error, its numbers replaced
# A number, or a word of hexadecimal digits, which can have several parts: 0/16B3748
_NUMBER = re.compile(
    r"\b(?=[a-f/-]{0,40}\d)(?:0x)?[\da-f]+(?:[/-][\da-f]+)*\b|\d+", re.IGNORECASE
)


@dataclass(frozen=True)
class StreamEvent:
    """A stream that is worth an entry, and why."""

    now: ComparedStream
    previous: str | None = None  # its state before; None if nothing changed

    @property
    def event(self) -> str:
        """What the log calls it."""
        if self.previous is None:
            return "stream_bad"
        if self.now.state == MISSING:
            return "stream_vanished"
        return "stream_appeared" if self.previous == MISSING else "stream_changed"

    @property
    def worse(self) -> bool:
        """Whether it changed for the worse."""
        return self.previous is not None and not self.now.expected

    @property
    def level(self) -> int:
        """How loud the entry is."""
        if self.now.failed:
            return logging.ERROR
        return logging.WARNING if self.now.bad else logging.INFO

    @property
    def urgency(self) -> tuple[bool, int, int]:
        """What to sort by: a change for the worse first, then the worst states."""
        state = self.now.stream.state
        if not self.now.exists:
            state = StreamState.FAILED_PERMANENTLY
        return not self.worse, -self.level, -state

    def log(self, lasting: str) -> None:
        """Log the entry, with how long its problem lasts. Alerts quote its fields."""
        now, previous = self.now, self.previous
        error = without_markup(now.error)
        summary = _NUMBER.sub("#", error)[:LONGEST_SUMMARY]
        problem = now.problem or f"is {now.state}"
        change = f"{previous} → {now.state}"
        if previous is None:
            words, change = problem, ""
        elif now.state == MISSING:
            words = f"was {previous} and no longer exists"
        elif previous == MISSING:
            words = f"is new and {problem}"
        elif previous == now.state:
            change = f"{now.state} is {'now' if now.expected else 'no longer'} expected"
            words = f"changed: {change}"
        else:
            words = f"was {previous} and {problem}"
        if change and summary:
            change += f": {summary}"
        fields: dict[str, Any] = {
            "event": self.event,
            **fields_of([now.name]),
            "state": now.state,
            "expected": now.expected,
            "worse": self.worse,
            "reason": one_line(without_markup(now.stream.reason), LONGEST_FIELD),
            "error": one_line(error, LONGEST_FIELD),
            "summary": summary,
            "previous": previous,
            "change": change,
        }
        text = f"{now.name} {words}".rstrip(".") + "."
        if lasting:
            text += f" For {lasting}."
        known = {key: value for key, value in fields.items() if value not in {"", None}}
        log(self.level, text, **known)


def stream_events(
    location: ComparedLocation,
    known: dict[StreamName, ComparedStream] | None,
    *,
    remind: bool,
) -> Iterator[StreamEvent]:
    """Yield what changed since the last look at a location, and what is bad.

    ``known`` is what the last look saw, None at the first; what stays bad is an event
    at the first look, and where ``remind`` is set.
    """
    now = {one.name: one for one in location.streams}
    before = now if known is None else known
    for name in now | before:
        gone = missing(name)
        one, was = now.get(name, gone), before.get(name, gone)
        if (one.state, one.expected) != (was.state, was.expected):
            yield StreamEvent(one, was.state)
        elif one.bad and (remind or known is None):
            yield StreamEvent(one)
