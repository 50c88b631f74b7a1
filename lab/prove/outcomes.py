"""A scenario's expected alerts and incidents in sentences, merged over all phases."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from exporter.log.summary import name_first
from exporter.text import printable
from lab.emulator.world import is_literal
from lab.promql_durations import format_duration
from lab.prove.comparison import AlertOutcome, AlertResult
from lab.prove.incidents import Incident
from lab.simulate.scenario import ExpectedIncident, TimeRange

_MOST_LINES = 10


class Group(NamedTuple):
    """Results that one line describes."""

    results: list[AlertResult]  # of all phases

    @property
    def outcome(self) -> AlertOutcome:
        """The outcome of each."""
        return self.results[0].outcome

    @property
    def expected(self) -> ExpectedIncident | None:
        """The expected alert; None for extra incidents."""
        return self.results[0].expected

    @property
    def incidents(self) -> list[Incident]:
        """The incidents that opened."""
        return [result.incident for result in self.results if result.incident]

    @property
    def policy(self) -> str:
        """The policy's name."""
        return self.expected.policy if self.expected else self.incidents[0].policy


def lines(results: Sequence[AlertResult]) -> Iterator[tuple[AlertOutcome, str]]:
    """Yield each line about a scenario: an outcome and a sentence."""
    counts: dict[tuple[AlertOutcome, str], int] = {}
    for group in _groups(results):
        key = group.outcome, group.policy
        counts[key] = counts.get(key, 0) + 1
        if group.outcome is AlertOutcome.RIGHT or counts[key] <= _MOST_LINES:
            yield group.outcome, printable(f"{group.policy}{_sentence(group)}")
    for (outcome, policy), count in counts.items():
        if outcome is not AlertOutcome.RIGHT and count > _MOST_LINES:
            yield outcome, f"{policy}: {count - _MOST_LINES:,} more"
    if not results:
        yield AlertOutcome.RIGHT, "no alert is expected, and none fired"


def _groups(results: Iterable[AlertResult]) -> list[Group]:
    """Return the results of each expected alert, then the extra incidents.

    What is right about an expected alert is one group. What is wrong is one group per
    resource.
    """
    found: dict[tuple[int, AlertOutcome, str, str], list[AlertResult]] = {}
    for result in results:
        policy = about = ""
        if result.incident and not result.passed:
            about = result.incident.about
            policy = result.incident.policy
        key = id(result.expected), result.outcome, policy, about
        found.setdefault(key, []).append(result)
    return sorted(map(Group, found.values()), key=_place)


def _place(group: Group) -> tuple[bool, float, str]:
    """Return what sorts groups: expected ones first, then by time and policy."""
    if group.expected:
        return False, group.expected.opens.after, group.policy
    opened = min(incident.opened for incident in group.incidents)
    return True, opened, group.policy


def _sentence(group: Group) -> str:
    """Return what was expected and what happened, to follow the policy's name."""
    expected = group.expected
    incidents = group.incidents
    text = f"{_subject(group)}: "
    if expected and not incidents:
        expected_range = _range(expected.opens)
        if group.outcome is AlertOutcome.RIGHT:
            return f"{text}did not open (optional, {expected_range})"
        return f"{text}did not open (expected {expected_range}){_in_phases(group)}"
    text += f"opened {_first_to_last([incident.opened for incident in incidents])}"
    if expected:
        text += f" (expected {_range(expected.opens)})"
    closed = [incident.closed for incident in incidents if incident.closed is not None]
    if closed:
        text += f", closed {_first_to_last(closed)}"
    if len(closed) < len(incidents):
        text += " or open at the end" if closed else ", open at the end"
    if expected and expected.closes:
        text += f" (expected {_range(expected.closes)})"
    if expected and expected.stays and closed:
        text += " (expected to stay open)"
    if not expected:
        text += ", not expected"
    return text + _in_phases(group)


def _in_phases(group: Group) -> str:
    """Return in how many evaluation phases something is wrong, if not in all."""
    wrong = {result.phase for result in group.results}
    phases = group.results[0].phases
    if group.outcome is AlertOutcome.RIGHT or None in wrong or len(wrong) == phases:
        return ""
    return f", in {len(wrong)} of {phases} evaluation phases"


def _subject(group: Group) -> str:
    """Return what the alert is about: short names if it is right, else full ones."""
    expected = group.expected
    about = {incident.about for incident in group.incidents} - {""}
    if group.outcome is not AlertOutcome.RIGHT and group.incidents:
        return f" of {min(about)}" if about else ""
    if expected and not group.incidents:
        subject = "" if expected.of == "*" else f" of {expected.of}"
        if expected.count > 1:
            # In the worst phase
            phases = [result.phase for result in group.results]
            missing = max(map(phases.count, phases))
            subject += f" ({missing:,} of {expected.count:,})"
        return subject
    if expected and is_literal(expected.of):
        return f" of {expected.of.rpartition('/')[2]}"
    names = sorted(name.rpartition("/")[2] for name in about)
    return f" of {name_first(names)}" if names else ""


def _range(times: TimeRange) -> str:
    return f"{format_duration(times.after)} to {format_duration(times.by)}"


def _first_to_last(times: Sequence[float]) -> str:
    first = format_duration(min(times))
    last = format_duration(max(times))
    return first if first == last else f"{first} to {last}"
