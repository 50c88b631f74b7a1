"""Compares the incidents of a scenario with the alerts it expects."""

import math
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import NamedTuple

from lab.emulator.world import glob_matches
from lab.prove.incidents import Incident
from lab.simulate.scenario import ExpectedIncident


class AlertOutcome(StrEnum):
    """How an incident compares with the expected alert."""

    RIGHT = "right"
    MISSED = "missed"
    EARLY = "early"
    LATE = "late"
    CLOSED_EARLY = "closed early"
    CLOSED_LATE = "closed late"
    EXTRA = "extra"


class AlertResult(NamedTuple):
    """An expected alert with its incident, or an incident that wasn't expected."""

    policy: str  # the policy's name
    outcome: AlertOutcome  # how they compare
    expected: ExpectedIncident | None  # the expected alert; None for an extra incident
    incident: Incident | None  # the incident; None where none opened
    phase: float  # the evaluation phase in seconds
    phases: int  # how many phases the policy has

    @property
    def passed(self) -> bool:
        """Whether the alert fired as expected."""
        return self.outcome is AlertOutcome.RIGHT


def alert_results(
    expected: Sequence[ExpectedIncident],
    incidents: Iterable[Incident],
    phase: float,
    phases: int,
) -> list[AlertResult]:
    """Return a result for each expected alert and each extra incident of a phase."""
    unmatched = sorted(incidents, key=lambda incident: incident.opened)
    results = []
    for alert in sorted(expected, key=lambda alert: alert.opens.after):
        matched: set[str] = set()
        for _ in range(alert.count):
            incident = _best_match(alert, unmatched, matched)
            if incident is not None:
                unmatched.remove(incident)
                matched.add(incident.about)
            outcome = _outcome(alert, incident)
            results.append(
                AlertResult(alert.policy, outcome, alert, incident, phase, phases)
            )
    return results + [
        AlertResult(each.policy, AlertOutcome.EXTRA, None, each, phase, phases)
        for each in unmatched
    ]


def _best_match(
    expected: ExpectedIncident, unmatched: Sequence[Incident], matched: set[str]
) -> Incident | None:
    """Return the first incident that opens in time, else the closest one.

    An optional alert takes none that opens at another time.
    """
    best = None
    least = math.inf
    for incident in unmatched:
        if incident.policy != expected.policy or incident.about in matched:
            continue
        if not glob_matches(expected.of, incident.about):
            continue
        opened, opens = incident.opened, expected.opens
        outside = max(opens.after - opened, opened - opens.by, 0.0)
        if expected.may and outside:
            continue
        if outside < least:
            best = incident
            least = outside
    return best


def _outcome(expected: ExpectedIncident, incident: Incident | None) -> AlertOutcome:
    if incident is None:
        return AlertOutcome.RIGHT if expected.may else AlertOutcome.MISSED
    if incident.opened < expected.opens.after:
        return AlertOutcome.EARLY
    if incident.opened > expected.opens.by:
        return AlertOutcome.LATE
    if expected.closes and incident.ends > expected.closes.by:
        return AlertOutcome.CLOSED_LATE
    earliest = expected.closes.after if expected.closes else 0.0
    if expected.stays:
        earliest = math.inf
    if incident.ends < earliest:
        return AlertOutcome.CLOSED_EARLY
    return AlertOutcome.RIGHT
