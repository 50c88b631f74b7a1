"""The project's scenarios with its policies: exactly the expected alerts fire."""

from datetime import UTC, datetime
from threading import Event

import pytest
import yaml

from exporter.gcp.clients import DATASTREAM_EMULATOR, MONITORING_EMULATOR
from lab.policies.files import Policy
from lab.prove.comparison import AlertResult
from lab.prove.scenarios import engine_for, evaluate, play_all, start_times
from lab.simulate.scenario import Scenario
from lab.simulate.simulation import SimulationError, simulate
from tests.lab.conftest import SCENARIOS, MakeScenario, Played

LOST = {"at": 300, "stream": "orders", "do": "fail_permanently", "reason": "LOST"}
MISSING = {"policy": "stream-missing", "of": "stock", "opens": {"after": 0, "by": 600}}


def wrong(alert: AlertResult) -> str:
    """Describe a wrong alert in one line."""
    expected, incident = alert.expected, alert.incident
    name = expected.policy if expected else incident.policy if incident else ""
    return f"{alert.outcome}: {name} in phase {alert.phase}: {expected} {incident}"


@pytest.mark.parametrize("name", sorted(path.stem for path in SCENARIOS.glob("*.yaml")))
def test_exactly_the_expected_alerts_fire(name: str, played: Played) -> None:
    """In every evaluation phase, with the real exporter's points and the real engine."""
    result = played(name)
    assert [wrong(alert) for alert in result.results if not alert.passed] == []
    assert result.passed


def test_every_policy_fires_in_some_scenario(
    policies: tuple[Policy, ...], project_scenarios: dict[str, Scenario]
) -> None:
    """No policy could be removed unnoticed."""
    paging = {
        each.policy for one in project_scenarios.values() for each in one.expect if not each.may
    }
    assert {policy.name for policy in policies} == paging


def test_every_scenario_says_what_it_shows() -> None:
    """Each has a title of its own and at least one sentence."""
    written = [yaml.safe_load(path.read_text("utf-8")) for path in SCENARIOS.glob("*.yaml")]
    assert len({each["title"] for each in written}) == len(written)
    assert all(each["what"].strip().endswith(".") for each in written)


def test_a_wrong_scenario_lists_missed_and_extra_alerts(
    make_scenario: MakeScenario, policies: tuple[Policy, ...]
) -> None:
    """They are results; a policy that is switched off neither fires nor has to."""
    wrong_one = make_scenario(LOST, expect=[MISSING], lasts="10m")
    switched_off = make_scenario(LOST, lasts="10m", switched_off=["stream-failed-permanently"])
    first, second = play_all([wrong_one, switched_off], policies, Event())
    assert not first.passed
    found = {(each.outcome, each.incident and each.incident.policy) for each in first.results}
    assert found == {("missed", None), ("extra", "stream-failed-permanently")}
    assert second.results == ()


def test_an_expected_alert_is_missed_where_no_policy_applies(
    make_scenario: MakeScenario, policies: tuple[Policy, ...]
) -> None:
    """Without a metric policy there is no evaluation, but the alert is still expected."""
    scenario = make_scenario(expect=[MISSING], lasts="10m")
    logs = [policy for policy in policies if policy.is_log]
    (result,) = play_all([scenario], logs, Event())
    assert [each.outcome for each in result.results] == ["missed"]


def test_scenarios_in_one_engine_do_not_affect_each_other(
    policies: tuple[Policy, ...], project_scenarios: dict[str, Scenario]
) -> None:
    """They are days apart: none sees another's series."""
    names = ("exporter-dead-3m", "new-stream", "first-apply")
    chosen = [project_scenarios[name] for name in names]
    recordings = [
        simulate(scenario, start.timestamp())
        for scenario, start in zip(chosen, start_times(chosen), strict=True)
    ]
    with engine_for(recordings) as engine:
        for scenario, recording in zip(chosen, recordings, strict=True):
            assert evaluate(scenario, recording, policies, engine).passed


def test_an_unreachable_emulator_is_an_error_and_not_a_wrong_result(
    make_scenario: MakeScenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The exporter loses its points on this machine: that says nothing about the policies."""
    nowhere = {DATASTREAM_EMULATOR: "127.0.0.1:1", MONITORING_EMULATOR: "127.0.0.1:1"}
    monkeypatch.setattr("lab.emulator.emulator.Emulator.environ", nowhere)
    with pytest.raises(SimulationError, match="reached the emulator, so nothing was evaluated"):
        simulate(make_scenario(lasts="1m"), 0)


def test_scenarios_start_days_apart(make_scenario: MakeScenario) -> None:
    """The others start around one with a fixed start; two fixed starts too close are an error."""
    fixed = make_scenario(starts=datetime(2026, 1, 9, tzinfo=UTC).isoformat())
    free = make_scenario()
    first = datetime(2026, 1, 5, tzinfo=UTC)
    assert [(each - first).days for each in start_times([free, fixed, free])] == [0, 4, 9]
    close = make_scenario(starts=datetime(2026, 1, 11, tzinfo=UTC).isoformat())
    with pytest.raises(ValueError, match="start within 3 days of each other"):
        start_times([fixed, close])
