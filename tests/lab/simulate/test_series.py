"""What a query can see of points that come late."""

import re

import pytest

from lab.policies.files import Policy
from lab.simulate.series import VisibilityDelay, adjust_for_delay


@pytest.mark.parametrize(
    ("query", "seen"),
    [
        (
            'custom_googleapis_com:a{x="y"}[1h]',
            'custom_googleapis_com:a{x="y"}[3595000ms]',
        ),
        ("custom_googleapis_com:a[90s]", "custom_googleapis_com:a[85000ms]"),
        ("custom_googleapis_com:a[90]", "custom_googleapis_com:a[85000ms]"),
        ("custom_googleapis_com:a [ 1h30m ]", "custom_googleapis_com:a[5395000ms]"),
        ("run_googleapis_com:a[3m]", "run_googleapis_com:a[1ms] @ 0"),
        ("custom_googleapis_com:a", "custom_googleapis_com:a"),
        (
            'custom_googleapis_com:a{x="[9h] }"}[1h] offset 30s',
            'custom_googleapis_com:a_own_time{x="[9h] }"}[1h] offset 30s',
        ),
        ("custom_googleapis_com:a[1h] offset 5s", "custom_googleapis_com:a[3595000ms]"),
        ("rate(up[5m])", "rate(up[5m])"),
        (
            "custom_googleapis_com:a[1h] and datastream_googleapis_com:b[10m]",
            (
                "custom_googleapis_com:a[3595000ms] and"
                " datastream_googleapis_com:b[360000ms]"
            ),
        ),
    ],
)
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
