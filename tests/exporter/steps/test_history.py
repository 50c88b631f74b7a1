"""What the points that earlier runs wrote say of a stream's problem."""

from typing import Any

from exporter.steps.history import ProblemHistory, earlier_problems
from exporter.steps.problems import Key, Problem, Words
from tests.tables import rows

KEY = Key("orders", "failed")


@rows
def test_a_group_and_the_earliest_beginning_of_the_newest_stretch_are_right(
    states: dict[str, dict[int, int]], since: dict[int, int], expected: list[Any] | None
) -> None:
    """A run may have written less than it knew, as it could not see the run before."""
    written = {Words(*words.split(": ")): values for words, values in states.items()}
    found = earlier_problems({KEY: ProblemHistory(written, since)})
    if expected is None:
        assert found.current == {}
        return
    value, begun, *more = expected
    fine = more.pop() if abs(value) == 2 else None
    group = Words(*"".join(more).split(": "))
    assert found.current == {KEY: Problem(begun, value > 0, fine, group)}
    assert found.current[KEY].value == value
