"""Incidents of evaluations and of log entries."""

from lab.policies.files import Policy
from lab.prove.incidents import Incident, firing_intervals, log_incidents
from lab.simulate.simulation import simulate
from tests.lab.conftest import START, MakeScenario
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


def error(at: int, stream: str) -> dict[str, object]:
    """Return an event that logs an error."""
    return {
        "at": at,
        "stream": stream,
        "do": "log",
        "log": "stream_activity",
        "severity": "ERROR",
    }


def logged(
    make_scenario: MakeScenario, policy: Policy, *events: object
) -> list[Incident]:
    """Return the incidents of a log policy in the two hours of some events."""
    location = {"id": "europe-west1", "streams": [{"id": "orders"}, {"id": "stock"}]}
    projects = [
        {"id": name, "number": number, "locations": [location]}
        for number, name in enumerate(("shop-prod", "shop-test"), start=1)
    ]
    scenario = make_scenario(
        *events, world={"projects": projects}, lasts="2h", exporters=[{"ends": "1m"}]
    )
    return sorted(
        log_incidents(policy, simulate(scenario, START)), key=lambda each: each.about
    )


def test_each_stream_has_one_incident_for_consecutive_entries(
    make_scenario: MakeScenario, by_name: dict[str, Policy]
) -> None:
    """An incident opens a second after its first entry, and closes after its last."""
    # Each project has the policy for its own log, so one id may have two incidents.
    name = "projects/shop-prod/locations/europe-west1/streams/"
    found = logged(
        make_scenario,
        by_name["stream-activity-errors"],
        error(60, f"{name}orders"),
        error(3000, f"{name}orders"),
        error(6900, f"{name}orders"),
        error(90, "stock"),
    )
    assert [(each.about.split("/")[1], each.opened, each.closed) for each in found] == [
        ("shop-prod", 61, 6601),
        ("shop-prod", 6901, None),
        ("shop-prod", 91, 3691),
        ("shop-test", 91, 3691),
    ]
    assert {each.labels["stream"] for each in found} == {"orders", "stock"}
