"""How a scenario came out, in words and as data: what was due, and what happened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

from rich.padding import Padding
from rich.text import Text

from exporter.cli.terminal import console
from exporter.inputs.durations import format_duration
from exporter.inputs.globs import is_literal
from exporter.text import printable
from lab.prove.comparison import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from lab.prove.comparison import AlertResult
    from lab.prove.incidents import Incident
    from lab.prove.scenarios import ScenarioResult
    from lab.simulate.scenario import ExpectedIncident

_MOST_NAMED = 3
_MOST_LINES = 10
_APART_SECONDS = 60.0
_RIGHT, _WRONG = "green", "bold red"
_INDENT = len("right  ")


class Group(NamedTuple):
    """Findings that say the same: of one page in all phases, or of what is right.

    Attributes:
        outcome: What they say.
        expected: What was due; None where nothing was.
        results: Which.
    """

    outcome: Outcome
    expected: ExpectedIncident | None
    results: tuple[AlertResult, ...]

    @property
    def incidents(self) -> list[Incident]:
        """What opened."""
        return [each.incident for each in self.results if each.incident]


def print_proof(proof: ScenarioResult, stream: TextIO) -> None:
    """Print a scenario: what is right in one line each, what is wrong page by page."""
    out = console(stream)
    verdict = "right" if proof.passed else "WRONG"
    title = Text().append(f"{verdict}  ", _RIGHT if proof.passed else _WRONG)
    title.append(proof.scenario.name, "bold").append(f": {printable(proof.scenario.title)}")
    out.print(title)
    for outcome, text in lines(proof.results):
        line = Text() if outcome is Outcome.RIGHT else Text().append(f"{outcome.upper()}: ", _WRONG)
        out.print(Padding(line.append(text), (0, 0, 0, _INDENT), expand=False))


def lines(findings: Sequence[AlertResult]) -> Iterator[tuple[Outcome, str]]:
    """Yield what each line about a scenario says: an outcome, and its sentence."""
    phases = len({each.phase for each in findings if each.phase is not None})
    told: dict[tuple[Outcome, str], int] = {}
    for group in groups(findings):
        policy = _policy(group)
        key = group.outcome, policy
        told[key] = told.get(key, 0) + 1
        if group.outcome is Outcome.RIGHT or told[key] <= _MOST_LINES:
            yield group.outcome, printable(f"{policy}{_words(group, phases)}")
    for (outcome, policy), count in told.items():
        if outcome is not Outcome.RIGHT and count > _MOST_LINES:
            yield outcome, f"{policy}: {count - _MOST_LINES:,} more"
    if not findings:
        yield Outcome.RIGHT, "nothing is due, and nothing opened"


def groups(findings: Iterable[AlertResult]) -> list[Group]:
    """Return the findings of each page that was due, then those of the pages that were not.

    What is right of one page that was due is one group, however many things it is about; what
    is wrong is one a thing.
    """
    found: dict[tuple[int, Outcome, str], list[AlertResult]] = {}
    for each in findings:
        about = "" if each.passed or not each.incident else each.incident.about
        policy = each.incident.policy if each.incident and not each.expected else ""
        key = id(each.expected), each.outcome, f"{policy} {about}"
        found.setdefault(key, []).append(each)
    made = [
        Group(part[0].outcome, part[0].expected, tuple(part))
        for held in found.values()
        for part in _apart(held)
    ]
    return sorted(made, key=lambda group: (group.expected is None, _due(group), _policy(group)))


def _apart(held: list[AlertResult]) -> Iterator[list[AlertResult]]:
    """Yield what is wrong apart by time: what a thing does in each phase is close together."""
    if held[0].passed or not held[0].incident:
        yield held
        return
    held.sort(key=lambda each: each.incident.opened if each.incident else 0.0)
    part: list[AlertResult] = []
    for each in held:
        last = part[-1].incident if part else None
        if last and each.incident and each.incident.opened - last.opened > _APART_SECONDS:
            yield part
            part = []
        part.append(each)
    yield part


def _due(group: Group) -> float:
    if group.expected:
        return group.expected.opens.after
    return min(incident.opened for incident in group.incidents)


def _policy(group: Group) -> str:
    return group.expected.policy if group.expected else group.incidents[0].policy


def _words(group: Group, phases: int) -> str:
    """Return what was due and what happened, after the policy's name."""
    expected, incidents = group.expected, group.incidents
    text = f"{_subject(group)}: "
    if not incidents:
        due = _span(expected.opens.after, expected.opens.by) if expected else ""
        if group.outcome is Outcome.RIGHT:
            return f"{text}did not open, and need not (may {due})"
        return f"{text}did not open (due {due}){_phases(group, phases)}"
    text += f"opened {_range([incident.opened for incident in incidents])}"
    text += f" (due {_span(expected.opens.after, expected.opens.by)})" if expected else ""
    closed = [incident.closed for incident in incidents]
    ended = [at for at in closed if at is not None]
    if ended:
        text += f", closed {_range(ended)}"
    if None in closed:
        text += ", open at the end" if not ended else " or open at the end"
    if expected and expected.closes:
        text += f" (due {_span(expected.closes.after, expected.closes.by)})"
    if expected and expected.stays and ended:
        text += " (due to stay open)"
    text += "" if expected else ", though nothing was due"
    return text + _phases(group, phases)


def _phases(group: Group, phases: int) -> str:
    """Return in how many of the evaluations' phases it is so, where that is not all."""
    held = {each.phase for each in group.results}
    if group.outcome is Outcome.RIGHT or None in held or len(held) == phases:
        return ""
    return f", in {len(held)} of {phases} phases of the evaluations"


def _subject(group: Group) -> str:
    """Return what the pages are about, by the short name where all is right."""
    expected = group.expected
    about = {incident.about for incident in group.incidents} - {""}
    if group.outcome is not Outcome.RIGHT and group.incidents:
        return f" of {min(about)}" if about else ""
    if expected and not group.incidents:
        of = "" if expected.of == "*" else f" of {expected.of}"
        return of + _some_of(group)
    if expected and is_literal(expected.of):
        return f" of {expected.of.rpartition('/')[2]}"
    names = sorted(name.rpartition("/")[2] for name in about)
    more = len(names) - _MOST_NAMED
    text = ", ".join(names[:_MOST_NAMED]) + (f" and {more:,} more" if more > 0 else "")
    return f" of {text}" if text else ""


def _some_of(group: Group) -> str:
    """Return how many of several did not open, at most in one phase."""
    if not group.expected or group.expected.count == 1:
        return ""
    phases = [each.phase for each in group.results]
    return f" ({max(map(phases.count, phases)):,} of {group.expected.count:,})"


def _span(after: float, by: float) -> str:
    return f"{format_duration(after)} to {format_duration(by)}"


def _range(moments: Sequence[float]) -> str:
    """Return from when to when, or when where that is one moment."""
    first, last = format_duration(min(moments)), format_duration(max(moments))
    return first if first == last else f"{first} to {last}"


def document(proof: ScenarioResult) -> dict[str, Any]:
    """Return a scenario as data; moments are seconds after its start."""
    scenario = proof.scenario
    return {
        "name": proof.scenario.name,
        "title": scenario.title,
        "what": scenario.what,
        "lasts": scenario.lasts,
        "right": proof.passed,
        "expected": [
            {
                "policy": each.policy,
                "of": each.of,
                "count": each.count,
                "opens": {"after": each.opens.after, "by": each.opens.by},
                "closes": {"after": each.closes.after, "by": each.closes.by}
                if each.closes
                else None,
                "stays": each.stays,
                "may": each.may,
                "found": [_found(one) for one in proof.results if one.expected is each],
            }
            for each in scenario.expect
        ],
        "unexpected": [_found(one) for one in proof.results if one.expected is None],
    }


def _found(finding: AlertResult) -> dict[str, Any]:
    incident = finding.incident
    return {
        "outcome": finding.outcome,
        "phase": finding.phase,
        "incident": {
            "policy": incident.policy,
            "about": incident.about,
            "labels": dict(incident.labels),
            "opened": round(incident.opened, 3),
            "closed": None if incident.closed is None else round(incident.closed, 3),
        }
        if incident
        else None,
    }
