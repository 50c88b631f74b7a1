"""What paged, held against what should have."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from lab.emulator.timeline import matches

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lab.prove.incidents import Incident
    from lab.simulate.scenario import ExpectedIncident, TimeRange


class Outcome(StrEnum):
    """How an expected page, or one that nobody expected, came out."""

    RIGHT = "right"
    MISSED = "missed"
    EARLY = "early"
    LATE = "late"
    CLOSED_EARLY = "closed early"
    CLOSED_LATE = "closed late"
    EXTRA = "extra"


@dataclass(frozen=True, slots=True)
class Finding:
    """One expected page and what became of it, or a page that was not expected.

    Attributes:
        outcome: How it came out.
        expected: What should have happened; None of a page that was not expected.
        incident: What happened; None where nothing did.
        phase: The phase of the evaluations, in seconds; None of a page on log entries.
    """

    outcome: Outcome
    expected: ExpectedIncident | None
    incident: Incident | None
    phase: float | None

    @property
    def right(self) -> bool:
        """Whether it is as expected."""
        return self.outcome is Outcome.RIGHT


def judge(
    expected: Sequence[ExpectedIncident], incidents: Iterable[Incident], phase: float | None
) -> tuple[Finding, ...]:
    """Return a finding for each page that was expected, and for each that was not.

    Args:
        expected: What should happen, in the order of the file.
        incidents: What happened, in one phase of the evaluations.
        phase: Which.
    """
    left = sorted(incidents, key=lambda incident: incident.opened)
    findings = []
    for each in sorted(expected, key=lambda expected: expected.opens.after):
        about: set[str] = set()
        for _ in range(each.count):
            taken = _taken(each, left, about)
            if taken is not None:
                left.remove(taken)
                about.add(taken.about)
            findings.append(Finding(_outcome(each, taken), each, taken, phase))
    findings += [Finding(Outcome.EXTRA, None, incident, phase) for incident in left]
    return tuple(findings)


def _taken(
    expected: ExpectedIncident, left: Sequence[Incident], about: set[str]
) -> Incident | None:
    """Return the incident that an expected page is: the first in its time, else the nearest."""
    fitting = [
        incident
        for incident in left
        if incident.policy == expected.policy
        and incident.about not in about
        and (expected.of == "*" or matches(expected.of, incident.about))
    ]
    return min(fitting, key=lambda incident: _away(incident.opened, expected.opens), default=None)


def _away(moment: float, span: TimeRange) -> float:
    return max(span.after - moment, moment - span.by, 0.0)


def _outcome(expected: ExpectedIncident, incident: Incident | None) -> Outcome:
    if incident is None:
        return Outcome.RIGHT if expected.may else Outcome.MISSED
    if incident.opened < expected.opens.after:
        return Outcome.EARLY
    if incident.opened > expected.opens.by:
        return Outcome.LATE
    closed = math.inf if incident.closed is None else incident.closed
    if expected.closes and closed > expected.closes.by:
        return Outcome.CLOSED_LATE
    earliest = expected.closes.after if expected.closes else 0.0
    if closed < (math.inf if expected.stays else earliest):
        return Outcome.CLOSED_EARLY
    return Outcome.RIGHT
