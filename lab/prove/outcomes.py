"""A scenario's expected alerts and incidents in sentences, merged over all phases."""

from collections import Counter
from collections.abc import Iterator, Sequence

from exporter.log.summary import name_first
from exporter.text import printable
from lab.promql_durations import format_duration
from lab.prove.comparison import AlertOutcome, AlertResult


def lines(results: Sequence[AlertResult]) -> Iterator[tuple[AlertOutcome, str]]:
    """Yield each line about a scenario: an outcome and a sentence.

    What is right about an expected alert is one line. What is wrong has one for each
    resource.
    """
    found: dict[tuple[object, ...], list[AlertResult]] = {}
    for result in sorted(results, key=_place):
        about = ""
        if result.incident and not result.passed:
            about = result.incident.about
        key = id(result.expected), result.outcome, result.policy, about
        found.setdefault(key, []).append(result)
    for merged in found.values():
        text = f"{merged[0].policy}{_subject(merged)}: {_story(merged)}"
        yield merged[0].outcome, printable(text)
    if not results:
        yield AlertOutcome.RIGHT, "no alert is expected, and none fired"


def _place(result: AlertResult) -> tuple[bool, float]:
    """Return what sorts results: by time, the incidents that were not expected last."""
    if result.expected:
        return False, result.expected.opens.after
    return True, result.incident.opened if result.incident else 0.0


def _subject(merged: Sequence[AlertResult]) -> str:
    """Return what an alert is about: in short where it is right, else the full name."""
    names = {each.incident.about for each in merged if each.incident} - {""}
    if merged[0].passed:
        names = {name.rpartition("/")[2] for name in names}
    expected = merged[0].expected
    if expected and not names and expected.of != "*":
        names = {expected.of}
    return f" of {name_first(sorted(names))}" if names else ""


def _story(merged: Sequence[AlertResult]) -> str:
    """Return what happened to an alert, and what was expected."""
    expected = merged[0].expected
    incidents = [each.incident for each in merged if each.incident]
    closed = [each.closed for each in incidents if each.closed is not None]
    text = "did not open"
    if incidents:
        times = max(Counter(each.phase for each in incidents).values())
        often = f"{times} times, " if times > 1 and not expected else ""
        text = f"opened {often}{_range(*(each.opened for each in incidents))}"
    elif expected and expected.count > 1:
        text += f" for all {expected.count:,}"
    if expected:
        word = "optional," if expected.may else "expected"
        text += f" ({word} {_range(expected.opens.after, expected.opens.by)})"
    if closed:
        text += f", closed {_range(*closed)}"
    if len(closed) < len(incidents):
        text += " or open at the end" if closed else ", open at the end"
    if expected and expected.closes and incidents:
        text += f" (expected {_range(expected.closes.after, expected.closes.by)})"
    if expected and expected.stays and closed:
        text += " (expected to stay open)"
    phases = {each.phase for each in merged}
    if len(phases) < merged[0].phases:
        text += f", in {len(phases)} of {merged[0].phases} evaluation phases"
    return text


def _range(*times: float) -> str:
    first = format_duration(min(times))
    last = format_duration(max(times))
    return first if first == last else f"{first} to {last}"
