"""The line about a page: what was due, what happened, and to what."""

from __future__ import annotations

from typing import Any

from lab.cli.verdicts import lines
from lab.prove.comparison import AlertResult, Outcome, compare
from lab.prove.incidents import Incident
from lab.simulate.scenario import ExpectedIncident

AT = "projects/shop-prod/locations/europe-west1/streams"
OPENED = "opened 1m30s (due 1m to 2m)"
CLOSES = "(due 5m to 6m40s)"
EXTRA = "though nothing was due, in 1 of 2 phases of the evaluations"


def due(of: str = "orders", **keys: Any) -> ExpectedIncident:
    """Return a page that is due from one minute to two, of a policy that is called p."""
    opens = {"after": 60, "by": 120}
    return ExpectedIncident.model_validate({"policy": "p", "of": of, "opens": opens, **keys})


def opened(stream: str, at: float, closed: float | None = None, policy: str = "p") -> Incident:
    """Return a page about a stream."""
    about = f"{AT}/{stream}" if stream else ""
    return Incident(policy, about, {}, at, closed)


def told(expected: list[ExpectedIncident], *phases: list[Incident]) -> list[str]:
    """Return the lines about some incidents, phase by phase."""
    findings: list[AlertResult] = []
    for phase, incidents in enumerate(phases):
        findings += compare(expected, incidents, float(phase))
    return [
        text if outcome is Outcome.RIGHT else f"{outcome.upper()} {text}"
        for outcome, text in lines(findings)
    ]


def test_a_page_in_all_phases_is_one_line() -> None:
    """Its moments are a range; what it is about is said by its short name."""
    expected = [due(closes={"after": 300, "by": 400})]
    phases = [[opened("orders", 60.0 + at, 330.0 + at)] for at in (0, 10, 20)]
    assert told(expected, *phases) == [
        "p of orders: opened 1m to 1m20s (due 1m to 2m), closed 5m30s to 5m50s (due 5m to 6m40s)"
    ]


def test_many_things_are_one_line_where_all_is_right() -> None:
    """Three are named, the others counted."""
    names = [f"orders-{number}" for number in range(5)]
    phase = [opened(name, 90.0) for name in names]
    assert told([due("orders-*", count=5)], phase) == [
        "p of orders-0, orders-1, orders-2 and 2 more: opened 1m30s (due 1m to 2m), open at the end"
    ]


def test_a_page_about_nothing_named_has_no_name() -> None:
    """The exporter's own page, for instance."""
    assert told([due("*")], [opened("", 90.0)]) == [
        "p: opened 1m30s (due 1m to 2m), open at the end"
    ]
    assert told([due("*")], [opened("", 150.0)]) == [
        "LATE p: opened 2m30s (due 1m to 2m), open at the end"
    ]


def test_what_need_not_come_may_be_missing() -> None:
    """In one phase, or in all of them."""
    assert told([due(may=True)], [], []) == [
        "p of orders: did not open, and need not (may 1m to 2m)"
    ]
    assert told([due(may=True)], [], [opened("orders", 90.0)]) == [
        "p of orders: opened 1m30s (due 1m to 2m), open at the end"
    ]


def test_what_is_missed_says_how_many() -> None:
    """Of several that one line expects, as many as did not come; and in how many phases."""
    some = [opened("orders-1", 90.0)]
    assert told([due("orders-*", count=3)], some, some) == [
        "p of orders-1: opened 1m30s (due 1m to 2m), open at the end",
        "MISSED p of orders-* (2 of 3): did not open (due 1m to 2m)",
    ]
    assert told([due("*", count=2)], some)[1:] == ["MISSED p (1 of 2): did not open (due 1m to 2m)"]
    assert told([due()], [], [opened("orders", 90.0)]) == [
        "MISSED p of orders: did not open (due 1m to 2m), in 1 of 2 phases of the evaluations",
        "p of orders: opened 1m30s (due 1m to 2m), open at the end",
    ]


def test_what_closes_when_it_should_not_is_told() -> None:
    """Too early, too late, and though it should stay."""
    closes = {"after": 300, "by": 400}
    assert told([due(closes=closes)], [opened("orders", 90.0, 200.0)]) == [
        f"CLOSED EARLY p of {AT}/orders: {OPENED}, closed 3m20s {CLOSES}"
    ]
    assert told(
        [due(closes=closes)], [opened("orders", 90.0, 500.0)], [opened("orders", 90.0)]
    ) == [f"CLOSED LATE p of {AT}/orders: {OPENED}, closed 8m20s or open at the end {CLOSES}"]
    assert told([due(stays=True)], [opened("orders", 90.0, 200.0)]) == [
        f"CLOSED EARLY p of {AT}/orders: {OPENED}, closed 3m20s (due to stay open)"
    ]


def test_what_nobody_expects_is_apart_by_time() -> None:
    """Two pages of one stream, an hour apart, are no range of an hour."""
    phases = [[opened("stock", 600.0, 630.0)], [opened("stock", 4200.0, 4260.0)]]
    assert told([], *phases) == [
        f"EXTRA p of {AT}/stock: opened 10m, closed 10m30s, {EXTRA}",
        f"EXTRA p of {AT}/stock: opened 1h10m, closed 1h11m, {EXTRA}",
    ]


def test_of_many_the_first_are_told_and_the_others_counted() -> None:
    """Forty pages that nobody expects fill no screen; --json has them all."""
    phase = [opened(f"orders-{number:02}", 90.0) for number in range(40)]
    phase.append(opened("stock", 90.0, policy="q"))
    lines_told = told([], phase)
    assert len(lines_told) == 12
    assert lines_told[-2].startswith(f"EXTRA q of {AT}/stock: ")
    assert lines_told[-1] == "EXTRA p: 30 more"
