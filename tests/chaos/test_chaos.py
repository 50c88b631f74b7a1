"""One case of each kind that ``make chaos`` plays."""

import random

import pytest

from tests.chaos.cases import Case, interrupted, matrix, overlap
from tests.chaos.judge import judge

DRAWN = random.Random(1)  # noqa: S311 - the same cases each time
CASES = [*matrix(), interrupted(DRAWN), overlap(2)]
DRAWN.shuffle(CASES)
KINDS = {case.kind: case for case in CASES}


@pytest.mark.parametrize("case", KINDS.values(), ids=KINDS.keys())
def test_a_run_is_truthful_complete_and_clear_whatever_goes_wrong(case: Case) -> None:
    """A run says nothing false, loses no point to a passing fault, and names places."""
    assert judge(case).broken == []
