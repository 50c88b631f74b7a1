"""The lines about a scenario: what was expected, what happened, and to what."""

from typing import Any

from lab.prove.comparison import AlertOutcome, AlertResult, compare
from lab.prove.incidents import Incident
from lab.prove.outcomes import lines
from lab.simulate.scenario import ExpectedIncident

AT = "projects/shop-prod/locations/europe-west1/streams"
OPENED = "opened 1m30s (expected 1m to 2m)"
CLOSES = "(expected 5m to 6m40s)"


def expected_alert(of: str = "orders", **keys: Any) -> ExpectedIncident:
    """Return an alert of policy p that is expected from 1m to 2m."""
    opens = {"after": 60, "by": 120}
    return ExpectedIncident.model_validate(
        {"policy": "p", "of": of, "opens": opens, **keys}
    )


def opened(
    stream: str, at: float, closed: float | None = None, policy: str = "p"
) -> Incident:
    """Return an incident about a stream."""
    about = f"{AT}/{stream}" if stream else ""
    return Incident(policy, about, {}, at, closed)


def printed(expected: list[ExpectedIncident], *phases: list[Incident]) -> list[str]:
    """Return the lines about the incidents of some phases."""
    findings: list[AlertResult] = []
    for phase, incidents in enumerate(phases):
        findings += compare(expected, incidents, float(phase), len(phases))
    found = []
    for outcome, text in lines(findings):
        mark = "" if outcome is AlertOutcome.RIGHT else f"{outcome.upper()} "
        found.append(mark + text)
    return found


def test_many_right_resources_are_one_line() -> None:
    """Of many resources that are right, three are named and the others counted."""
    names = [f"orders-{number}" for number in range(5)]
    phase = [opened(name, 90.0) for name in names]
    assert printed([expected_alert("orders-*", count=5)], phase) == [
        (
            "p of orders-0, orders-1, orders-2 and 2 more: opened 1m30s (expected 1m to"
            " 2m), open at the end"
        )
    ]


def test_a_missed_alert_says_how_many_are_expected() -> None:
    """A missed alert has the number of expected incidents, and of phases."""
    some = [opened("orders-1", 90.0)]
    assert printed([expected_alert("orders-*", count=3)], some, some) == [
        "p of orders-1: opened 1m30s (expected 1m to 2m), open at the end",
        "MISSED p of orders-*: did not open for all 3 (expected 1m to 2m)",
    ]
    assert printed([expected_alert("*", count=2)], some)[1:] == [
        "MISSED p: did not open for all 2 (expected 1m to 2m)"
    ]
    assert printed([expected_alert()], [], [opened("orders", 90.0)]) == [
        (
            "MISSED p of orders: did not open (expected 1m to 2m), in 1 of 2 evaluation"
            " phases"
        ),
        (
            "p of orders: opened 1m30s (expected 1m to 2m), open at the end, in 1 of 2"
            " evaluation phases"
        ),
    ]


def test_several_incidents_of_one_stream_are_counted() -> None:
    """Incidents of a stream that nobody expects are one line, with their number."""
    flaky = [opened("orders", at, at + 120.0) for at in (60.0, 660.0, 1260.0)]
    assert printed([], flaky) == [
        f"EXTRA p of {AT}/orders: opened 3 times, 1m to 21m, closed 3m to 23m"
    ]


def test_a_wrong_close_is_reported() -> None:
    """A line says that an incident closed early, late, or should have stayed."""
    closes = {"after": 300, "by": 400}
    assert printed(
        [expected_alert(closes=closes)], [opened("orders", 90.0, 200.0)]
    ) == [f"CLOSED EARLY p of {AT}/orders: {OPENED}, closed 3m20s {CLOSES}"]
    assert printed(
        [expected_alert(closes=closes)],
        [opened("orders", 90.0, 500.0)],
        [opened("orders", 90.0)],
    ) == [
        (
            f"CLOSED LATE p of {AT}/orders: {OPENED}, closed 8m20s or open at the end"
            f" {CLOSES}"
        )
    ]
    assert printed([expected_alert(stays=True)], [opened("orders", 90.0, 200.0)]) == [
        f"CLOSED EARLY p of {AT}/orders: {OPENED}, closed 3m20s (expected to stay open)"
    ]
