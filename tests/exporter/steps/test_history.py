"""What the points that earlier runs wrote say of a stream's problem."""

from typing import Any

from exporter.steps.history import ProblemHistory, earlier_problems
from exporter.steps.problems import Group, Key, Problem
from tests.tables import rows

NOW = 3000
KEY = Key("orders", "failed")


@rows
def test_a_group_and_the_earliest_beginning_of_the_newest_stretch_are_right(
    states: dict[str, dict[int, int]], since: dict[int, int], expected: list[Any] | None
) -> None:
    """A run may have written less than it knew, as it could not see the run before."""
    written = {Group(*words.split(": ")): values for words, values in states.items()}
    found = earlier_problems({KEY: ProblemHistory(written, since)}, NOW)
    if expected is None:
        assert found.current == {}
        return
    value, begun, *more = expected
    fine = more.pop() if abs(value) == 2 else None
    group = Group(*"".join(more).split(": "))
    assert found.current == {KEY: Problem(begun, value > 0, fine, group)}
    assert found.current[KEY].value == value


@rows
def test_what_contract_6_wrote_goes_on(
    kind: str, streams: str, value: int, since: int, current: dict[str, list[int]]
) -> None:
    """What was failing is told, with its beginning; what nobody was told is pending."""
    key, group = Key("orders", kind), Group(streams, "GONE")
    history = ProblemHistory({group: {2900: value}}, {2900: since})
    found = earlier_problems({key: history}, NOW)
    assert found.ended == {(key, group)}
    assert {
        key.kind: [problem.value, problem.since]
        for key, problem in found.current.items()
    } == current
