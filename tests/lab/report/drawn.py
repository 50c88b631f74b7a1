"""Timelines of scenarios with given incidents, drawn without playing anything."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from exporter.measure import samples
from exporter.states import StreamState
from lab.policies.files import read_policies
from lab.policies.promql import promql_name
from lab.prove.comparison import compare
from lab.prove.incidents import Incident
from lab.prove.scenarios import ScenarioResult
from lab.prove.time_to_page import CHANGES, TimeToPage
from lab.report.conditions import Condition
from lab.report.marks import TrueInterval
from lab.report.page import Report, render
from lab.report.subjects import incident_subject, subject_named
from lab.report.timeline import draw
from lab.simulate import log_entries
from lab.simulate.scenario_files import parse_scenario
from lab.simulate.schedule import scheduled_runs
from lab.simulate.series import Series
from lab.simulate.simulation import CompletedRun, Recording
from lab.simulate.visibility import VisibilityDelay

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from exporter.measure.definitions import Metric
    from lab.report.marks import Timeline
    from lab.simulate.scenario import Scenario

POLICIES = {
    policy.name: policy for policy in read_policies(Path(__file__).parents[3] / "alerting_policies")
}
MADE = datetime(2026, 8, 3, 14, 5, tzinfo=UTC)
START = 1_767_571_200.0
AT = "projects/shop-prod/locations/europe-west1"
ORDERS = f"{AT}/streams/orders"
HOSTILE = """</h3></summary><script>document.title='owned'</script><img src="//x.y/" alt='1'>&lt;"""

Paged = tuple[str, str, float, float | None]
"""An incident: policy, resource, when it opened, when it closed."""


def scenario(
    *events: dict[str, Any], name: str = "trial", streams: int = 0, **keys: Any
) -> Scenario:
    """Return a scenario with two streams, or with many that are named orders-1 and so on."""
    many = [{"id": "orders-{}", "count": streams}] if streams else []
    world = {
        "config": {
            "metrics": {"project": "shop-prod"},
            "sources": [{"project": "shop-prod", "locations": ["europe-west1"]}],
        },
        "projects": [
            {
                "id": "shop-prod",
                "number": 1,
                "locations": [
                    {
                        "id": "europe-west1",
                        "streams": many or [{"id": "orders"}, {"id": "stock"}],
                    }
                ],
            }
        ],
        "events": list(events),
    }
    written = {"title": "A trial", "what": "To try.", "lasts": "20m", "world": world} | keys
    return parse_scenario(yaml.safe_dump(written), f"{name}.yaml", POLICIES, name=name)


def points(metric: Metric, about: str, values: Mapping[int, float]) -> Series:
    """Return the series of an exporter metric; values by seconds after the start."""
    parts = about.split("/")
    series = Series(
        promql_name(metric.type),
        (("location", parts[3]), ("namespace", parts[1]), ("node_id", parts[-1])),
    )
    for at, value in values.items():
        series.add(START + at + 5, START + at, value)
    return series


def recorded(of: Scenario, series: Iterable[Series] = ()) -> Recording:
    """Return a scenario's recording: its scheduled runs, its log and these series."""
    runs = tuple(
        CompletedRun(each, round(START + each.at), each.at + 1, complete=True)
        for each in scheduled_runs(of.exporters, of.lasts, of.name)
    )
    entries = log_entries.entries(of.world)
    return Recording(of.name, START, of.lasts, tuple(series), VisibilityDelay(5, 8), entries, runs)


def scenario_result(
    of: Scenario,
    paged: Iterable[Paged] = (),
    series: Iterable[Series] = (),
    phases: Sequence[float] = (0.0,),
) -> ScenarioResult:
    """Return a scenario's result with these incidents in each phase."""
    logs = {name for name, policy in POLICIES.items() if policy.is_log}
    expected = of.expect
    pages = [*paged]
    on_logs = [Incident(*_incident(each), 0.0) for each in pages if each[0] in logs]
    findings = [*compare([each for each in expected if each.policy in logs], on_logs, None)]
    incidents = on_logs
    for phase in phases:
        found = [Incident(*_incident(each), phase) for each in pages if each[0] not in logs]
        of_metrics = [each for each in expected if each.policy not in logs]
        findings += compare(of_metrics, found, phase, len(phases))
        incidents = [*incidents, *found]
    return ScenarioResult(of, recorded(of, series), tuple(incidents), tuple(findings))


def _incident(paged: Paged) -> tuple[str, str, dict[str, str], float, float | None]:
    policy, about, opened, closed = paged
    return policy, about, {}, opened, closed


def true_condition(policy: str, about: str, *spans: tuple[float, float]) -> Condition:
    """Return a condition that is true in these intervals."""
    retest_window = POLICIES[policy].retest_window
    of = incident_subject(about, POLICIES[policy])
    truths = (TrueInterval(begin, min(begin + retest_window, end), end) for begin, end in spans)
    return Condition(policy, of, tuple(truths), ())


def timeline(of: ScenarioResult, *conditions: Condition) -> Timeline:
    """Return a scenario's timeline."""
    return draw(of, POLICIES.values(), conditions)


def heals() -> tuple[ScenarioResult, Timeline]:
    """Return a stream that fails and recovers: the alert fires as expected."""
    expect = {
        "policy": "stream-failed",
        "of": "orders",
        "opens": {"after": "6m", "by": "8m"},
        "closes": {"after": "12m", "by": "15m"},
    }
    of = scenario(
        {"at": "5m", "stream": "orders", "do": "fail", "reason": "<i>DOWN</i>"},
        {"at": "12m", "stream": "orders", "do": "heal"},
        name="heals",
        title="A stream fails and heals",
        expect=[expect],
    )
    states = {
        at: StreamState.FAILED if 300 <= at < 720 else StreamState.RUNNING
        for at in range(10, 1200, 60)
    }
    result = scenario_result(
        of,
        [("stream-failed", ORDERS, 390.0, 750.0)],
        [points(samples.STATE, ORDERS, states)],
    )
    return result, timeline(result, true_condition("stream-failed", ORDERS, (330, 750)))


def hostile() -> tuple[ScenarioResult, Timeline]:
    """Return a failed scenario with a missed and an extra alert; its title looks like HTML."""
    expect = {"policy": "stream-missing", "of": "stock", "opens": {"after": 0, "by": "10m"}}
    of = scenario(name="hostile", title=HOSTILE, what=HOSTILE, expect=[expect])
    result = scenario_result(of, [("stream-lagging", ORDERS, 600.0, None)], phases=(0.0, 15.0))
    return result, timeline(result, true_condition("stream-lagging", ORDERS, (0, 1200)))


def quiet() -> tuple[ScenarioResult, Timeline]:
    """Return a scenario in which nothing happens."""
    result = scenario_result(scenario(name="quiet", title="All is well", lasts="10m"))
    return result, timeline(result)


def out_of_reach() -> tuple[ScenarioResult, Timeline]:
    """Return an unreachable location, and an exporter that stops meanwhile."""
    of = scenario(
        {"at": "2m", "location": "europe-west1", "do": "unreachable"},
        name="out-of-reach",
        title="A location does not answer, and the exporter dies",
        lasts="40m",
        exporters=[{"silent": [{"from": "20m", "until": "30m"}]}],
        expect=[
            {"policy": "location-unreadable", "opens": {"after": "12m", "by": "15m"}},
            {"policy": "exporter-silent", "opens": {"after": "24m", "by": "26m"}},
        ],
    )
    up = {at: float(at < 120) for at in range(10, 2400, 60) if not 1200 <= at < 1800}
    result = scenario_result(
        of,
        [
            ("location-unreadable", "projects/shop-prod", 810.0, None),
            ("exporter-silent", "", 1500.0, 1830.0),
        ],
        [points(samples.UP, f"{AT}/datastream", up)],
    )
    return result, timeline(
        result,
        true_condition("location-unreadable", "projects/shop-prod", (180, 2400)),
        true_condition("exporter-silent", "", (1320, 1830)),
    )


def many() -> tuple[ScenarioResult, Timeline]:
    """Return forty streams; twelve fail together: one incident, and a log entry each."""
    of = scenario(
        {"at": "5m", "stream": "orders-[1-9]", "do": "fail", "reason": "DOWN"},
        {"at": "5m", "stream": "orders-1[0-2]", "do": "fail", "reason": "DOWN"},
        name="many",
        title="Twelve of forty fail",
        streams=40,
        expect=[
            {"policy": "streams-failing-together", "opens": {"after": "6m", "by": "8m"}},
            {
                "policy": "stream-activity-errors",
                "count": 12,
                "opens": {"after": "5m", "by": "5m2s"},
            },
        ],
    )
    logged = [
        ("stream-activity-errors", f"{AT}/streams/orders-{number}", 301.0, None)
        for number in range(1, 13)
    ]
    result = scenario_result(of, [("streams-failing-together", AT, 390.0, None), *logged])
    entries = [
        Condition(policy, subject_named(about), (), (300.0,)) for policy, about, _, _ in logged
    ]
    return result, timeline(
        result, true_condition("streams-failing-together", AT, (330, 1200)), *entries
    )


_BY_TITLE = {change.title: change for change in CHANGES}
TIMES = (
    TimeToPage(_BY_TITLE["FAILED"], "job", 186.2, 116, 1000),
    TimeToPage(_BY_TITLE["exporter dead"], "job", 400, 270, 1000),
    TimeToPage(_BY_TITLE["FAILED"], "worker_pool", 107, 87, 1000),
)


def shown() -> list[tuple[ScenarioResult, Timeline]]:
    """Return each of the scenarios above."""
    return [heals(), hostile(), quiet(), out_of_reach(), many()]


def page(
    *scenarios: tuple[ScenarioResult, Timeline],
    complete: bool = True,
    times: tuple[TimeToPage, ...] = TIMES,
) -> str:
    """Return the page of these scenarios, or of all of the above."""
    policies = tuple(POLICIES.values())
    return render(Report(policies, scenarios or shown(), times, complete, "0.1.0", MADE))
