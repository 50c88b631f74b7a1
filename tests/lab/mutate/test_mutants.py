"""Mutants of the project's policies, and the reasons for which some may survive."""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import TYPE_CHECKING

import pytest

from exporter.documents import InputError
from lab.mutate import survivors
from lab.mutate.mutants import Mutant, mutants
from lab.mutate.survivors import FILE, Reason, stale_patterns, summarize
from lab.policies.files import Policy, read_policies
from tests.lab.conftest import POLICIES

if TYPE_CHECKING:
    from pathlib import Path

REASONS = (Reason(reason="No matter.", mutants=("a: [1h] *", "b: x")),)


@cache
def made() -> dict[Policy, tuple[Mutant, ...]]:
    """Return the mutants of each of the project's policies."""
    return {policy: mutants(policy) for policy in read_policies(POLICIES)}


def test_each_mutant_differs_from_its_policy_and_the_others_in_one_thing() -> None:
    """Descriptions are unique, so that a reason fits one mutant and no other."""
    for policy, changes in made().items():
        assert len(changes) >= 10
        assert max(Counter(mutant.description for mutant in changes).values()) == 1
        queries = [(each.policy.query, each.policy.retest_window) for each in changes]
        assert policy.is_log or len(set(queries)) == len(queries)
        for changed in (mutant.policy for mutant in changes):
            assert changed.name == policy.name
            assert [
                changed.filter != policy.filter,
                changed.extractors != policy.extractors,
                changed.proto != policy.proto,
                changed.retest_window != policy.retest_window,
                changed.query != policy.query,
            ].count(True) == 1


@pytest.mark.parametrize(
    ("name", "beginning", "descriptions"),
    [
        pytest.param(
            "stream-failed",
            "retest window",
            [
                "retest window 60s → 0s",
                "retest window 60s → 30s",
                "retest window 60s → 120s",
            ],
            id="a retest window is removed, halved and doubled",
        ),
        pytest.param(
            "stream-failed-permanently",
            "retest window",
            ["retest window 0s → 60s"],
            id="a policy without a retest window gets a minute",
        ),
        pytest.param(
            "stream-failed",
            "location_failed_streams[1h] → [30m]",
            ["location_failed_streams[1h] → [30m]", "location_failed_streams[1h] → [30m] #2"],
            id="a part that appears twice is numbered in the order of the query",
        ),
        pytest.param(
            "stream-changed",
            "auto-close",
            ["auto-close 1800s → 900s", "auto-close 1800s → 3600s"],
            id="auto-close decides which log entries are one incident",
        ),
    ],
)
def test_windows_are_changed(name: str, beginning: str, descriptions: list[str]) -> None:
    """Every window that decides when a policy fires has shorter and longer mutants."""
    (changes,) = [changes for policy, changes in made().items() if policy.name == name]
    found = [mutant.description for mutant in changes]
    assert [each for each in found if each.startswith(beginning)] == descriptions


def test_the_file_of_survivors_fits_the_mutants() -> None:
    """Each pattern fits some mutant, and no mutant fits two."""
    names = [f"{policy.name}: {each.description}" for policy in made() for each in made()[policy]]
    assert stale_patterns(survivors.read(), names) == []


def test_a_survivor_needs_a_reason() -> None:
    """One with a reason is counted and excused; one without is wrong."""
    found = summarize("a", {"[1h] → [30m]": None, "x": None, "y": "logs"}, REASONS)
    assert (found.count, found.caught, found.survive) == (3, 1, 2)
    assert found.excused == {"No matter.": ["[1h] → [30m]"]}
    assert found.wrong == ["a: x: survives"]


def test_a_reason_needs_a_survivor() -> None:
    """A reason for a caught mutant would hide that it survives one day."""
    found = summarize("b", {"x": "logs"}, REASONS)
    assert found.caught == 1
    assert found.wrong == [f"b: x: is caught by logs; remove it from {FILE.name}"]


def test_a_pattern_fits_something_and_nothing_twice() -> None:
    """A star is any text, everything else is literal."""
    assert stale_patterns(REASONS, ["a: [1h] → 2", "b: x"]) == []
    assert stale_patterns(REASONS, ["a: 1 → 2", "b: x"]) == [
        f"a: [1h] *: fits no mutant; remove it from {FILE.name}"
    ]
    twice = (*REASONS, Reason(reason="The same.", mutants=("b: *",)))
    assert stale_patterns(twice, ["a: [1h] → 2", "b: x"]) == [
        f"b: x: fits two patterns, b: x and b: *; keep one in {FILE.name}"
    ]


def test_a_file_without_a_reason_is_refused(tmp_path: Path) -> None:
    """The error names the line."""
    file = tmp_path / "survivors.yaml"
    file.write_text("survivors:\n  - mutants: ['a: x']\n    reason: ''\n", "utf-8")
    with pytest.raises(InputError, match=r"survivors\.yaml:3: survivors\[0\]\.reason"):
        survivors.read(file)
