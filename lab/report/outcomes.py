"""The table of a scenario's expected alerts and incidents, one row for all evaluation phases."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from exporter.inputs.durations import format_duration
from lab.report.subjects import subject_named

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lab.prove.comparison import AlertResult
    from lab.prove.scenarios import ScenarioResult
    from lab.simulate.scenario import ExpectedIncident, TimeRange


class OutcomeRow(NamedTuple):
    """An expected alert, or an extra incident.

    Attributes:
        policy: The policy's name.
        subject: What it is about.
        opens: When it is expected to open; empty for an extra incident.
        opened: When it opened, first to last of all phases; empty where it did not.
        closes: When it is expected to close.
        closed: When it closed.
        wrong: What is wrong; empty where nothing is.
    """

    policy: str
    subject: str
    opens: str
    opened: str
    closes: str
    closed: str
    wrong: str


def outcomes(result: ScenarioResult) -> tuple[OutcomeRow, ...]:
    """Return the expected alerts in the order of the scenario, then the extra incidents."""
    expected: dict[int, list[AlertResult]] = {id(each): [] for each in result.scenario.expect}
    extra: dict[tuple[str, str], list[AlertResult]] = {}
    for each in result.results:
        if each.expected is not None:
            expected[id(each.expected)].append(each)
        elif each.incident is not None:
            extra.setdefault((each.incident.policy, each.incident.about), []).append(each)
    phases = len({each.phase for each in result.results if each.phase is not None})
    groups = [*expected.values(), *extra.values()]
    return tuple(_row(group, phases) for group in groups if group)


def short(seconds: float) -> str:
    """Return whole seconds as scenario files write them, such as ``1h12m10s``."""
    return format_duration(round(seconds))


def _row(results: Sequence[AlertResult], phases: int) -> OutcomeRow:
    expected = results[0].expected
    incidents = [each.incident for each in results if each.incident]
    closed = [incident.closed for incident in incidents if incident.closed is not None]
    ends = [_first_to_last(closed)] if closed else []
    ends += ["stays open"] * (len(closed) < len(incidents))
    return OutcomeRow(
        policy=expected.policy if expected else incidents[0].policy,
        subject=_subject(expected) if expected else subject_named(incidents[0].about).short,
        opens=_range(expected.opens) + ", optional" * expected.may if expected else "",
        opened=_first_to_last(incident.opened for incident in incidents) if incidents else "",
        closes=_closes(expected) if expected else "",
        closed=", ".join(ends),
        wrong=_wrong(results, phases),
    )


def _subject(expected: ExpectedIncident) -> str:
    if expected.of == "*":
        return f"any {expected.count}" if expected.count > 1 else "any"
    count = f"{expected.count} of " if expected.count > 1 else ""
    return count + subject_named(expected.of).short


def _closes(expected: ExpectedIncident) -> str:
    if expected.stays:
        return "stays open"
    return _range(expected.closes) if expected.closes else "at any time"


def _range(times: TimeRange) -> str:
    return f"{short(times.after)} to {short(times.by)}"


def _first_to_last(times: Iterable[float]) -> str:
    texts = list(dict.fromkeys(short(time) for time in sorted(times)))
    return texts[0] if len(texts) == 1 else f"{texts[0]} to {texts[-1]}"


def _wrong(results: Sequence[AlertResult], phases: int) -> str:
    """Return what is wrong, and in how many phases unless it is so in all of them."""
    texts = []
    for outcome in dict.fromkeys(each.outcome for each in results if not each.passed):
        wrong = {each.phase for each in results if each.outcome is outcome}
        partly = wrong != {None} and len(wrong) < phases
        texts.append(f"{outcome} in {len(wrong)} of {phases} phases" if partly else str(outcome))
    return "; ".join(texts)
