"""What a query can see of points that come late."""

import re

from lab.policies.files import Policy
from lab.simulate.series import VisibilityDelay, adjust_for_delay
from tests.tables import rows


@rows
def test_ranges_are_shorter_by_how_late_points_come(query: str, seen: str) -> None:
    """A range is shorter by the delay of its points; a long offset sees them all."""
    assert adjust_for_delay(query, VisibilityDelay(5, 8)) == seen


def test_every_policy_says_how_far_it_looks_back(policies: tuple[Policy, ...]) -> None:
    """No selector leaves it to the engine, whose five minutes would then count."""
    for policy in policies:
        selected = re.findall(
            r"_googleapis_com:\w+(?:\{[^}]*\})?(.?)", policy.query or ""
        )
        assert set(selected) <= {"["}, policy.name
