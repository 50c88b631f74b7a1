"""Looking for the scenario that catches a mutant, with the real engine."""

from __future__ import annotations

import pytest

from exporter.cli import USAGE
from lab.mutate.__main__ import main
from lab.mutate.catching import WrongScenarioError, catching, play
from lab.mutate.mutants import mutants
from lab.policies.files import read_policies
from lab.simulate.scenario_files import parse_scenario
from tests.lab.conftest import POLICIES

SCENARIO = """
title: A stream is lost
what: It pages.
lasts: 8m
exporters: [{delay: 0s}]
world:
  config:
    metrics: {project: shop-prod}
    sources: [{project: shop-prod, locations: [europe-west1]}]
  projects:
    - {id: shop-prod, number: 1, locations: [{id: europe-west1, streams: [{id: orders}]}]}
  events:
    - {at: 4m, stream: orders, do: fail_permanently, reason: LOST}
expect:
  - policy: stream-failed-permanently
    of: orders
    opens: {after: 4m3s, by: 4m41s}
    stays: true
  - policy: stream-changed
    of: orders
    opens: {after: 4m, by: 5m}
"""
PERMANENTLY, CHANGED = "stream-failed-permanently", "stream-changed"


def test_a_mutant_is_caught_by_the_scenario_in_which_it_pages_otherwise() -> None:
    """One that pages as the policy does survives; a scenario that is not right catches nothing."""
    by_name = {policy.name: policy for policy in read_policies(POLICIES)}
    scenario = parse_scenario(SCENARIO, "lost.yaml", by_name, name="lost")
    policy = by_name[PERMANENTLY]
    wanted = {
        "retest window 0s → 60s": "lost",
        "stream_state[1h] == 6 → 5": "lost",
        "stream_state[1h] → [2h]": None,
        "unless location_failed_streams[1h] left out": None,
    }
    made = {each.description: each for each in mutants(policy)}
    with catching([scenario], [*play([scenario])]) as catch:
        found = catch([(policy, made[description]) for description in wanted])
        assert dict(zip(wanted, found, strict=True)) == wanted
        changed = [(by_name[CHANGED], mutant) for mutant in mutants(by_name[CHANGED])]
        with pytest.raises(WrongScenarioError) as raised:
            list(catch(changed))
    # Nobody changed it, though the scenario says so.
    assert str(raised.value).startswith(f"lost is wrong with {CHANGED} unchanged; fix it first")


def test_a_policy_that_is_not_there_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """With the nearest name that there is."""
    assert main(["--policy", "stream-faild"]) == USAGE
    assert capsys.readouterr().err == '"stream-faild" is no policy; did you mean stream-failed?\n'
