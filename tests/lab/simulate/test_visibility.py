"""What a query can see of points that come late."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lab.simulate.visibility import VisibilityDelay, adjust_for_delay, without_range

if TYPE_CHECKING:
    from lab.policies.files import Policy

LATE = VisibilityDelay(5, 8)


@pytest.mark.parametrize(
    ("query", "seen"),
    [
        ('custom_googleapis_com:a{x="y"}[1h]', 'custom_googleapis_com:a{x="y"}[3595000ms]'),
        ("custom_googleapis_com:a[90s]", "custom_googleapis_com:a[85000ms]"),
        ("custom_googleapis_com:a [ 1h30m ]", "custom_googleapis_com:a[5395000ms]"),
        ("run_googleapis_com:a[7m]", "run_googleapis_com:a[240000ms]"),
        ("datastream_googleapis_com:a[18m]", "datastream_googleapis_com:a[840000ms]"),
        ("run_googleapis_com:a[3m]", "run_googleapis_com:a[1ms] @ 0"),
        ("custom_googleapis_com:a", "custom_googleapis_com:a"),
        (
            'custom_googleapis_com:a{x="[9h] }"}[1h] offset 30s',
            'custom_googleapis_com:a_own_time{x="[9h] }"}[1h] offset 30s',
        ),
        ("custom_googleapis_com:a[1h] offset 5s", "custom_googleapis_com:a[3595000ms]"),
        ("rate(up[5m])", "rate(up[5m])"),
    ],
)
def test_ranges_are_shorter_by_how_late_points_come(query: str, seen: str) -> None:
    """What is left of a range is what Cloud Monitoring's would see; an earlier time sees all."""
    assert adjust_for_delay(query, LATE) == seen


def test_all_selectors_of_a_query_are_found() -> None:
    """Each gets the range that its own metric's points call for."""
    query = "count(custom_googleapis_com:a[1h] unless on (x) run_googleapis_com:b[10m]) > 0"
    assert adjust_for_delay(query, LATE) == (
        "count(custom_googleapis_com:a[3595000ms] unless on (x) run_googleapis_com:b[420000ms]) > 0"
    )


def test_every_policy_says_how_far_it_looks_back(policies: tuple[Policy, ...]) -> None:
    """No selector leaves it to the engine, whose five minutes would then count."""
    assert [*without_range("a:b > 0 and c:d[5m]")] == ["a:b"]
    assert [name for policy in policies for name in without_range(policy.query or "")] == []
