"""Tells which streams are worth an entry of the log, and what the entry says."""

import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from exporter.expectations import MISSING, ComparedLocation, ComparedStream
from exporter.logs import log
from exporter.names import StreamName
from exporter.summary import fields_of, urgency
from exporter.text import one_line, without_markup

LONGEST_FIELD = 1024  # bytes of an error's text in an entry
LONGEST_SUMMARY = 120  # characters of an error, its numbers replaced
# A number, or a word of hexadecimal digits, which can have several parts: 0/16B3748
_NUMBER = re.compile(r"\b(?:0x)?[\da-f]+(?:[/-][\da-f]+)*\b|\d+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """A stream that is worth an entry, and why."""

    event: str  # such as ``stream_changed``
    now: ComparedStream
    previous: str | None = None  # its state before; None if nothing changed

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
    def urgency(self) -> tuple[object, ...]:
        """What to sort by: a change for the worse first, then the worst states."""
        return not self.worse, urgency(self.now.state), -self.level

    def log(self) -> None:
        """Log the entry. Alerts quote its fields."""
        now = self.now
        error = without_markup(now.error)
        optional = {
            "reason": one_line(without_markup(now.reason), LONGEST_FIELD),
            "error": one_line(error, LONGEST_FIELD),
            "summary": _without_numbers(error)[:LONGEST_SUMMARY],
        }
        fields: dict[str, Any] = {
            "event": self.event,
            **fields_of([now.name]),
            "state": now.state,
            "expected": now.expected,
            "worse": self.worse,
            **{key: value for key, value in optional.items() if value},
        }
        if self.previous is not None:
            fields["previous"] = self.previous
            fields["change"] = self._change(optional["summary"])
        text = f"{now.name} {self._words()}"
        log(self.level, f"{text.rstrip('.')}.", **fields)

    @property
    def _expected_now(self) -> str:
        return f"is {'now' if self.now.expected else 'no longer'} expected"

    def _words(self) -> str:
        """Return what follows the stream's name in a sentence."""
        now = self.now
        how = now.problem or f"is {now.state}"
        if self.event == "stream_bad":
            return now.problem
        if self.event == "stream_vanished":
            what = "its location does not hold it any more"
            return f"vanished: it was {self.previous}, and {what}"
        if self.event == "stream_appeared":
            return f"appeared: it {how}"
        if self.previous == now.state:
            return f"is {now.state}, which {self._expected_now}"
        return f"was {self.previous} and {how}"

    def _change(self, summary: str) -> str:
        """Return in a few words what changed, and the error."""
        change = f"{self.previous} → {self.now.state}"
        if self.previous == self.now.state:
            change = f"{self.now.state} {self._expected_now}"
        return f"{change}: {summary}" if summary else change


def stream_events(
    location: ComparedLocation,
    known: Mapping[StreamName, ComparedStream] | None,
    *,
    remind: bool,
) -> Iterator[StreamEvent]:
    """Yield what changed since the last look at a location, and what is bad.

    ``known`` is what the last look saw, None at the first; what stays bad is an event
    at the first look, and where ``remind`` is set.
    """
    before = known or {}
    now = {one.name: one for one in location.streams}
    for one in now.values():
        event = None if known is None else _change(one, before.get(one.name))
        if event:
            yield event
        elif one.bad and (remind or known is None):
            yield StreamEvent("stream_bad", one)
    for name, was in before.items():
        if name not in now and was.state != MISSING:
            gone = ComparedStream(name, None, expected=False)
            yield StreamEvent("stream_vanished", gone, was.state)


def _change(now: ComparedStream, was: ComparedStream | None) -> StreamEvent | None:
    """Return what changed since the last look, if anything did."""
    previous = was.state if was else MISSING
    if was and (was.state, was.expected) == (now.state, now.expected):
        return None
    if now.stream is None:
        return StreamEvent("stream_vanished", now, previous) if was else None
    event = "stream_appeared" if previous == MISSING else "stream_changed"
    return StreamEvent(event, now, previous)


def _without_numbers(text: str) -> str:
    """Return the text with ``#`` for every number: one failure has one text."""
    return _NUMBER.sub(_hash, text)


def _hash(found: re.Match[str]) -> str:
    word = found.group()
    return "#" if any(letter.isdigit() for letter in word) else word
