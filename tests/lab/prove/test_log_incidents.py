"""Log policies: one incident for each set of extracted labels, and when it closes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.prove.evaluation import log_incidents
from lab.simulate.simulation import simulate
from tests.lab.conftest import START

if TYPE_CHECKING:
    from lab.policies.files import Policy
    from tests.lab.conftest import MakeScenario


def error(at: int, stream: str) -> dict[str, object]:
    """Return an event that logs an error."""
    return {"at": at, "stream": stream, "do": "log", "log": "stream_activity", "severity": "ERROR"}


def test_each_stream_has_one_incident_for_consecutive_entries(
    make_scenario: MakeScenario, by_name: dict[str, Policy]
) -> None:
    """It opens a second after the first entry and closes an hour after the last one."""
    scenario = make_scenario(
        error(60, "orders"),
        error(120, "orders"),
        error(90, "stock"),
        error(3900, "orders"),
        lasts="2h",
        exporters=[{"ends": "1m"}],
    )
    found = log_incidents(by_name["stream-activity-errors"], simulate(scenario, START))
    assert sorted((each.about[-6:], each.opened, each.closed) for each in found) == [
        ("/stock", 91, 3691),
        ("orders", 61, 3721),
        ("orders", 3901, None),
    ]
    assert {each.labels["stream"] for each in found} == {"orders", "stock"}


def test_an_entry_within_the_auto_close_time_keeps_it_open(
    make_scenario: MakeScenario, by_name: dict[str, Policy]
) -> None:
    """The auto-close time starts again with each entry."""
    scenario = make_scenario(
        error(60, "orders"), error(3000, "orders"), lasts="2h", exporters=[{"ends": "1m"}]
    )
    (found,) = log_incidents(by_name["stream-activity-errors"], simulate(scenario, START))
    assert (found.opened, found.closed) == (61, 6601)


def test_each_project_has_the_policy_for_its_own_log(
    make_scenario: MakeScenario, by_name: dict[str, Policy]
) -> None:
    """Streams of one id in one region of two projects are two incidents."""
    location = {"id": "europe-west1", "streams": [{"id": "orders"}]}
    projects = [
        {"id": name, "number": number, "locations": [location]}
        for number, name in enumerate(("shop-prod", "shop-test"), start=1)
    ]
    scenario = make_scenario(
        error(60, "orders"), world={"projects": projects}, exporters=[{"ends": "1m"}]
    )
    found = log_incidents(by_name["stream-activity-errors"], simulate(scenario, START))
    assert [each.about.split("/")[1] for each in found] == ["shop-prod", "shop-test"]
