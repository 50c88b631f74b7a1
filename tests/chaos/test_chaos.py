"""A part of the cases that ``make chaos`` plays as a whole."""

import random

import pytest

from tests.chaos.cases import Case, interrupted, matrix, overlap
from tests.chaos.judge import judge


def _sample() -> list[Case]:
    """Return three cases of each kind, but one of each that waits for seconds."""
    drawn = random.Random(1)  # noqa: S311 - the same cases each time
    kinds: dict[str, list[Case]] = {}
    for case in matrix():
        kinds.setdefault(case.kind, []).append(case)
    kinds["a signal"] = [interrupted(drawn) for _ in range(3)]
    kinds["runs at the same time"] = [overlap(2)]
    sample = []
    for kind, cases in kinds.items():
        waits = "always" in kind or "no answer" in kind
        sample += drawn.sample(cases, 1 if waits else min(len(cases), 3))
    return sample


@pytest.mark.parametrize("case", _sample(), ids=lambda case: case.kind)
def test_a_run_is_truthful_complete_and_clear_whatever_goes_wrong(case: Case) -> None:
    """A run says nothing false, loses no point to a passing fault, and names places."""
    assert judge(case).broken == []
