"""Incidents of evaluations and of log entries."""

from pathlib import Path

from lab.policies.files import Policy
from lab.prove.incidents import firing_intervals, log_incidents
from lab.simulate.scenario_files import parse_scenario
from lab.simulate.simulation import simulate
from tests.lab.conftest import START
from tests.tables import rows

INTERVAL = 30


@rows
def test_an_incident_opens_after_the_retest_window(
    true_at: list[float], retest_window: float, intervals: list[list[float | None]]
) -> None:
    """An incident opens after the retest window, and closes when no longer true."""
    found = firing_intervals(
        true_at, retest_window=retest_window, interval=INTERVAL, last=600
    )
    assert [list(each) for each in found] == intervals


def test_each_stream_has_one_incident_for_consecutive_entries(
    by_name: dict[str, Policy],
) -> None:
    """An incident opens a second after its first entry, and closes after its last."""
    text = Path(__file__).with_name("logged_errors.yaml").read_text("utf-8")
    scenario = parse_scenario(text, "logged_errors.yaml", by_name, name="errors")
    policy = by_name["stream-activity-errors"]
    incidents = log_incidents(policy, simulate(scenario, START))
    found = sorted(incidents, key=lambda each: each.about)
    assert [(each.about.split("/")[1], each.opened, each.closed) for each in found] == [
        ("shop-prod", 61, 6601),
        ("shop-prod", 6901, None),
        ("shop-prod", 91, 3691),
        ("shop-test", 91, 3691),
    ]
    assert {each.labels["stream"] for each in found} == {"orders", "stock"}
