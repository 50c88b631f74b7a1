"""Mutants of the project's policies, and the reasons for which some may survive."""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import TYPE_CHECKING

import pytest

from exporter.inputs.documents import InputError
from lab.mutate import survivors
from lab.mutate.changing import Mutant, mutants
from lab.mutate.survivors import FILE, Reason, idle, verdict
from lab.policies.files import Policy, read_policies
from tests.lab.conftest import POLICIES

if TYPE_CHECKING:
    from pathlib import Path

REASONS = (Reason(reason="No matter.", mutants=("a: [1h] *", "b: x")),)


@cache
def made() -> dict[Policy, tuple[Mutant, ...]]:
    """Return the mutants of each policy of the project's own."""
    return {policy: mutants(policy) for policy in read_policies(POLICIES)}


def words(name: str) -> list[str]:
    """Return what is changed in the mutants of a policy."""
    return [each.words for policy, held in made().items() if policy.name == name for each in held]


def test_every_policy_has_mutants_with_words_of_their_own() -> None:
    """A reason names one of them and no other."""
    for policy, held in made().items():
        assert len(held) > 10
        assert max(Counter(each.words for each in held).values()) == 1
        assert all(each.policy.name == policy.name for each in held)


def test_a_mutant_is_never_the_policy_itself() -> None:
    """Something that decides when it pages is another; of a policy on a query, just one thing."""
    for policy, held in made().items():
        for each in held:
            changed = each.policy
            if policy.is_log:
                same = changed.proto == policy.proto
                parts = (changed.filter != policy.filter, changed.extractors != policy.extractors)
                assert sum((*parts, not same)) == 1
            else:
                assert (changed.retest_window != policy.retest_window) != (
                    changed.query != policy.query
                )


def test_no_two_mutants_of_a_policy_are_the_same() -> None:
    """Each is looked for once."""
    for held in made().values():
        seen = [
            (each.policy.query, each.policy.retest_window) for each in held if each.policy.query
        ]
        assert len(set(seen)) == len(seen)


def test_a_hold_is_left_out_halved_and_doubled() -> None:
    """A policy without one gets a minute."""
    incidents = [each for each in words("stream-failed") if each.startswith("hold")]
    assert incidents == ["hold 60s → 0s", "hold 60s → 30s", "hold 60s → 120s"]
    incidents = [each for each in words("stream-failed-permanently") if each.startswith("hold")]
    assert incidents == ["hold 0s → 60s"]


def test_a_part_that_stands_twice_is_numbered() -> None:
    """In the order of the query."""
    halved = "location_failed_streams[1h] → [30m]"
    assert [each for each in words("stream-failed") if each.startswith(halved)] == [
        halved,
        f"{halved} #2",
    ]


def test_the_time_after_which_a_log_page_closes_is_changed() -> None:
    """It decides which entries are one incident."""
    closes = [each for each in words("stream-changed") if each.startswith("auto-close")]
    assert closes == ["auto-close 1800s → 900s", "auto-close 1800s → 3600s"]


def test_the_file_of_survivors_names_mutants_that_there_are() -> None:
    """Each pattern some, none twice; a policy that is changed takes its reasons along."""
    names = [f"{policy.name}: {each.words}" for policy, held in made().items() for each in held]
    assert idle(survivors.read(), names) == []


def test_a_survivor_without_a_reason_is_wrong() -> None:
    """One with a reason is not, and is counted."""
    found = verdict("a", {"[1h] → [30m]": None, "hold": None, "y": "logs"}, REASONS)
    assert (found.count, found.caught, found.survive) == (3, 1, 2)
    assert found.excused == {"No matter.": ["[1h] → [30m]"]}
    assert found.wrong == ["a: hold: survives"]


def test_a_reason_for_what_does_not_survive_is_wrong() -> None:
    """It would hide that the mutant survives one day."""
    found = verdict("b", {"x": "logs"}, REASONS)
    assert found.caught == 1
    assert found.wrong == [f"b: x: is caught by logs; take it out of {FILE.name}"]


def test_a_pattern_that_names_nothing_or_what_another_names_is_told() -> None:
    """A star is any text, all else is itself."""
    assert idle(REASONS, ["a: [1h] → 2", "b: x"]) == []
    (told,) = idle(REASONS, ["a: 1 → 2", "b: x"])
    assert told.startswith("a: [1h] *: ")
    twice = (*REASONS, Reason(reason="The same.", mutants=("b: *",)))
    (told,) = idle(twice, ["a: [1h] → 2", "b: x"])
    assert told == f"b: x: {FILE.name} names it by b: x and by b: *"


def test_a_file_that_gives_no_reason_is_refused(tmp_path: Path) -> None:
    """With its line."""
    file = tmp_path / "survivors.yaml"
    file.write_text("survivors:\n  - mutants: ['a: x']\n    reason: ''\n", "utf-8")
    with pytest.raises(InputError, match=r"survivors\.yaml:3: survivors\[0\]\.reason"):
        survivors.read(file)
