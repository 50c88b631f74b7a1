"""Mutants: what is changed in a policy, and whether a scenario notices."""

from dataclasses import replace

import pytest

from lab.mutate.__main__ import fits, known_survivors
from lab.mutate.mutants import changed_texts, mutants
from lab.mutate.noticing import noticed_by, play
from lab.policies.files import Policy
from lab.prove.scenarios import engine_for
from tests.lab.conftest import MakeScenario


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (
            "a[1h] offset 10s",
            ["a[1800s] offset 10s", "a[7200s] offset 10s", "a[1h] offset 5s"],
        ),
        ("a >= (5)", ["a > (5)", "a >= (4)", "a >= (6)"]),
        ("a != 5", ["a == 5", "a != 4", "a != 6"]),
        ("a and on (b, c) d", ["a and on (c) d", "a and on (b) d"]),
        (
            'a{b=~"c>d", monitored_resource="e"}',
            ['a{b!~"c>d", monitored_resource="e"}'],
        ),
        (
            "severity>=ERROR\nNOT x!=y",
            ["severity>ERROR\nNOT x!=y", "severity>=ERROR\nNOT x=y"],
        ),
    ],
)
def test_a_text_is_changed_in_one_place(text: str, lines: list[str]) -> None:
    """Durations are halved or doubled, comparisons turned, labels left out."""
    assert [changed for _, changed in changed_texts(text)][: len(lines)] == lines


def test_known_survivors_are_mutants(policies: tuple[Policy, ...]) -> None:
    """Each known survivor is a mutant, and mutants have unique descriptions."""
    names = []
    for policy in policies:
        names += [f"{policy.name}: {each.description}" for each in mutants(policy)]
    assert len(set(names)) == len(names)
    for pattern in known_survivors():
        assert any(fits(pattern, name) for name in names), pattern


def test_a_scenario_notices_a_change(
    make_scenario: MakeScenario, by_name: dict[str, Policy]
) -> None:
    """A policy that pages late is noticed, one that pages as expected isn't."""
    policy = by_name["stream-failed-permanently"]
    page = {
        "policy": policy.name,
        "of": "orders",
        "opens": {"after": "4m3s", "by": "4m41s"},
    }
    fails = {
        "at": "4m",
        "stream": "orders",
        "do": "fail_permanently",
        "reason": "LOST",
    }
    expect = [page | {"stays": True}]
    runs = [{"delay": "0s"}]
    scenario = make_scenario(
        fails,
        lasts="8m",
        exporters=runs,
        expect=expect,
    )
    (recording,) = play([scenario])
    played = [(scenario, recording)]
    late = replace(policy, retest_window=60)
    with engine_for([recording]) as engine:
        assert noticed_by(policy, played, engine) is None
        assert noticed_by(late, played, engine) == "trial"
