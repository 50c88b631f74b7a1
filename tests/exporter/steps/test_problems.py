"""What a problem's series say: its value, and what was written of it before."""

from typing import Any

from exporter.steps.problems import Problem, ProblemHistory, last_problem
from tests.tables import rows


@rows
def test_a_state_of_the_future_has_a_value(state: int, value: int) -> None:
    """A state of 0 doesn't look as if the problem were over."""
    assert Problem(state, 0).value == value


@rows
def test_a_group_and_the_earliest_beginning_of_the_newest_stretch_are_right(
    states: dict[str, dict[int, int]], since: dict[int, int], expected: list[Any] | None
) -> None:
    """A run may have written less than it knew, as it could not see the run before."""
    written = {(streams, ""): values for streams, values in states.items()}
    found = last_problem(ProblemHistory(written, since))
    assert found == (expected and Problem(*expected))
