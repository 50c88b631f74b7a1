"""Which states are expected of a stream now: by config, its windows, and the stream's label."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING

from cronsim import CronSim

from exporter.inputs import globs
from exporter.states import EXPECTABLE, EXPECTED_BY_DEFAULT, StreamState
from exporter.text import quote

if TYPE_CHECKING:
    import re
    from collections.abc import Sequence
    from datetime import datetime

    from exporter.config import Expectation, Window
    from exporter.names import StreamName

LABEL = "expected-state"
"""The label on a stream, in Google Cloud, that names its expected state."""

_BY_LABEL = {state.name.lower(): frozenset({state}) for state in EXPECTABLE}


def is_open(window: Window, now: datetime) -> bool:
    """Return whether a window that began at or before ``now`` has not ended yet.

    A window lasts its duration in real time, even across a daylight saving change.
    """
    earliest = now.astimezone(UTC) - window.duration
    # In UTC, since times of one zone compare by local time, which repeats an hour in autumn.
    starts = (
        start.astimezone(UTC)
        for start in CronSim(window.schedule, earliest.astimezone(window.timezone))
    )
    begins = next((start for start in starts if start > earliest), None)
    return begins is not None and begins <= now


def label_complaint(name: StreamName, label: str | None) -> str | None:
    """Return a warning if a stream's label names no state that can be expected, else None."""
    if label is None or label in _BY_LABEL:
        return None
    return (
        f"{name}: its label {LABEL} holds {quote(label)} and is ignored; "
        f"allowed are {', '.join(_BY_LABEL)}"
    )


class OpenExpectations:
    """The expectations that apply at one time; made once per run, used once per stream."""

    def __init__(self, expectations: Sequence[Expectation], now: datetime) -> None:
        """Keep what applies at ``now``, an aware time."""
        # Most expectations name one stream: these are looked up, and only globs are matched.
        self._exact: dict[str, tuple[int, frozenset[StreamState]]] = {}
        self._globs: list[tuple[int, re.Pattern[str], frozenset[StreamState]]] = []
        for rank, expectation in enumerate(expectations):
            if expectation.during and not is_open(expectation.during, now):
                continue
            states = frozenset(expectation.states)
            if globs.is_literal(expectation.match):
                self._exact[expectation.match] = (rank, states)
            else:
                self._globs.append((rank, globs.matcher([expectation.match]), states))
        self._globs.reverse()

    def states(self, name: StreamName, label: str | None = None) -> frozenset[StreamState]:
        """Return the states that are expected of a stream.

        Args:
            name: The stream.
            label: The value of its label ``expected-state``, if it has one.

        Returns:
            The states of the last expectation that matches, else the label's state, else the
            default.
        """
        full = str(name)
        exact_rank, exact = self._exact.get(full, (-1, None))
        for rank, pattern, states in self._globs:
            if rank < exact_rank:
                break
            if pattern.match(full):
                return states
        if exact is not None:
            return exact
        return _BY_LABEL.get(label or "", EXPECTED_BY_DEFAULT)
