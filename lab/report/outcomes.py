"""What was expected and what happened, as a table has it: all phases of the evaluations in one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.prove.comparison import Outcome
from lab.report.moments import between, short
from lab.report.things import named

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lab.prove.comparison import AlertResult
    from lab.prove.scenarios import ScenarioResult
    from lab.simulate.scenario import ExpectedIncident, TimeRange


@dataclass(frozen=True, slots=True)
class OutcomeRow:
    """A row of the table.

    Attributes:
        policy: The policy's name.
        of: What the page is for.
        opens: When it is expected to open; empty where none is expected.
        opened: When it did, the first and the last of all phases; empty where it did not.
        closes: When it is expected to close.
        closed: When it did.
        wrong: What is wrong; empty where nothing is.
    """

    policy: str
    of: str
    opens: str
    opened: str
    closes: str
    closed: str
    wrong: str

    @property
    def right(self) -> bool:
        """Whether it is as expected."""
        return not self.wrong


def outcomes(proof: ScenarioResult) -> tuple[OutcomeRow, ...]:
    """Return a row for each page that was expected, then one for each that was not."""
    expected: dict[int, list[AlertResult]] = {}
    extra: dict[tuple[str, str], list[AlertResult]] = {}
    for finding in proof.results:
        if finding.expected is not None:
            expected.setdefault(id(finding.expected), []).append(finding)
        elif finding.incident is not None:
            about = finding.incident.policy, finding.incident.about
            extra.setdefault(about, []).append(finding)
    in_order = [id(each) for each in proof.scenario.expect]
    rows = [expected[key] for key in in_order if key in expected]
    return tuple(_row(findings, proof.results) for findings in [*rows, *extra.values()])


def _row(findings: Sequence[AlertResult], every: Iterable[AlertResult]) -> OutcomeRow:
    expected = findings[0].expected
    incidents = [finding.incident for finding in findings if finding.incident]
    phases = len({finding.phase for finding in every if finding.phase is not None})
    closed = [incident.closed for incident in incidents if incident.closed is not None]
    texts = [between(closed)] if closed else []
    texts += ["stays open"] * (len(closed) < len(incidents))
    return OutcomeRow(
        policy=expected.policy if expected else incidents[0].policy,
        of=_of(expected) if expected else named(incidents[0].about).short,
        opens=_span(expected.opens) + " or not" * expected.may if expected else "",
        opened=between(incident.opened for incident in incidents) if incidents else "",
        closes=_closes(expected) if expected else "",
        closed=", ".join(texts),
        wrong=_wrong(findings, phases),
    )


def _of(expected: ExpectedIncident) -> str:
    if expected.of == "*":
        return f"any {expected.count}" if expected.count > 1 else "any"
    many = f"{expected.count} of " if expected.count > 1 else ""
    return many + named(expected.of).short


def _span(span: TimeRange) -> str:
    return f"{short(span.after)} to {short(span.by)}"


def _closes(expected: ExpectedIncident) -> str:
    if expected.stays:
        return "stays open"
    return _span(expected.closes) if expected.closes else "at any time"


def _wrong(findings: Sequence[AlertResult], phases: int) -> str:
    """Return what is wrong and, where that is not so in all of them, in how many phases."""
    told = []
    for outcome in dict.fromkeys(finding.outcome for finding in findings):
        if outcome is not Outcome.RIGHT:
            wrong = {finding.phase for finding in findings if finding.outcome is outcome}
            part = wrong != {None} and len(wrong) < phases
            told.append(f"{outcome}, in {len(wrong)} of {phases} phases" if part else str(outcome))
    return "; ".join(told)
