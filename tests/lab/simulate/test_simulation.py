"""The exporter on a simulated clock: what it leaves in Cloud Monitoring, and when."""

from copy import deepcopy
from typing import Any

import pytest

from lab.simulate.series import EXECUTIONS, FRESHNESS, REQUESTS, UNSUPPORTED, Series
from lab.simulate.simulation import Recording, simulate
from tests.lab.conftest import START, WORLD, MakeScenario

DATASTREAM = "custom_googleapis_com:datastream_"
STATE, UP = f"{DATASTREAM}stream_state", f"{DATASTREAM}location_up"
LAST_RUN = f"{DATASTREAM}exporter_last_run"
FAIL = {"at": 300, "stream": "orders", "do": "fail", "reason": "DOWN"}
UNREACHABLE = {"at": 300, "location": "*", "do": "unreachable"}


def of(recording: Recording, name: str, **labels: str) -> Series:
    """Return the only series of a name and some labels."""
    (found,) = [
        each
        for each in recording.series
        if each.name == name and labels.items() <= dict(each.labels).items()
    ]
    return found


def points(series: Series) -> list[tuple[float, float]]:
    """Return a series' values, each with its time in seconds after the start."""
    return [(one.time - START, one.value) for one in series.samples]


def test_points_are_the_exporters_and_become_visible_seconds_later(
    make_scenario: MakeScenario,
) -> None:
    """Each carries its run's second, is seen 3 to 8 s after it, and has all of its labels."""
    recording = simulate(make_scenario(FAIL, exporters=[{"delay": 0}]), START)
    state = of(recording, STATE, stream_id="orders")
    assert points(state)[:7] == [
        (60 * minute, 2 if minute < 5 else 5) for minute in range(7)
    ]
    late = [one.visible_at - one.time for one in state.samples]
    assert 3 < min(late) < 5 < max(late) <= 8
    assert dict(state.labels) == {
        "monitored_resource": "generic_node",
        "project_id": "shop-prod",
        "location": "europe-west1",
        "namespace": "shop-prod",
        "node_id": "orders",
        "stream_id": "orders",
    }
    assert len(recording.runs) == 20
    assert all(run.complete for run in recording.runs)


def test_a_run_writes_in_its_order(make_scenario: MakeScenario) -> None:
    """Counts of the location first, then its streams, its last_read, and its own series last."""
    scenario = make_scenario(exporters=[{"takes": 20, "delay": 0}])
    recording = simulate(scenario, START, (0, 0))
    late = {
        each.name.removeprefix(DATASTREAM): (
            each.samples[0].visible_at - each.samples[0].time
        )
        for each in recording.series
        if each.name.startswith(DATASTREAM)
    }
    assert late["location_failed_streams"] == late["location_unexpected_streams"] == 4
    assert 6 <= late["stream_state"] <= 16
    assert late["location_last_read"] == 18
    assert late["exporter_last_run"] == 20


def test_a_simulation_is_the_same_each_time(make_scenario: MakeScenario) -> None:
    """Late starts and late points are drawn by names, not by chance."""
    scenario = make_scenario(FAIL, UNREACHABLE, lasts="10m")
    one, other = (simulate(scenario, START) for _ in range(2))
    steady = [each for each in one.series if not each.name.endswith("run_seconds")]
    assert steady == [
        each for each in other.series if not each.name.endswith("run_seconds")
    ]
    assert one.runs == other.runs


def test_a_location_without_an_answer_delays_no_other_ones_points(
    make_scenario: MakeScenario,
) -> None:
    """Retries take no time here, but the run ends later, and ``up`` comes when all have failed."""
    world = deepcopy(WORLD)
    world["config"]["sources"][0]["locations"].append("us-east1")
    world["projects"][0]["locations"].append(
        {"id": "us-east1", "streams": [{"id": "users"}]}
    )
    down = UNREACHABLE | {"location": "us-east1"}
    recording = simulate(make_scenario(down, world=world, lasts="10m"), START)
    ended = [round(run.ended - run.scheduled.at, 3) for run in recording.runs]
    assert (set(ended[:5]), set(ended[6:])) == ({1}, {31})
    up = {
        region: of(recording, UP, location=region)
        for region in ("us-east1", "europe-west1")
    }
    assert [one.value for one in up["us-east1"].samples] == [1] * 5 + [0] * 5
    late = {
        key: max(one.visible_at - one.time for one in up[key].samples) for key in up
    }
    assert late["europe-west1"] < 1 + 7 + 1 < 30 < late["us-east1"]
    own = of(recording, LAST_RUN).samples[-1]
    assert own.visible_at - own.time > 30


def test_the_points_of_a_last_run_become_visible_together(
    make_scenario: MakeScenario,
) -> None:
    """They carry one time, and a look-back ends for all of them at once."""
    recording = simulate(make_scenario(exporters=[{"ends": "5m"}]), START)
    last = {
        each.samples[-1].visible_at
        for each in recording.series
        if each.name.startswith(DATASTREAM)
    }
    assert len(last) == 1


def test_tasks_share_the_locations(make_scenario: MakeScenario) -> None:
    """Each writes its own, and the execution succeeds when all of them do."""
    regions = ["europe-west1", "us-east1", "asia-east1"]
    project = {
        "id": "shop-prod",
        "number": 1,
        "locations": [{"id": region, "streams": [{"id": "a"}]} for region in regions],
    }
    source = {"project": "shop-prod", "locations": regions}
    world = {"config": WORLD["config"] | {"sources": [source]}, "projects": [project]}
    silent = [{"from": 300, "until": 600, "task": 1}]
    scenario = make_scenario(world=world, exporters=[{"tasks": 2, "silent": silent}])
    recording = simulate(scenario, START)
    assert [len(of(recording, LAST_RUN, node_id=task).samples) for task in "01"] == [
        20,
        15,
    ]
    assert of(recording, EXECUTIONS, result="succeeded").samples[-1].value == 15
    assert of(recording, EXECUTIONS, result="failed").samples[-1].value == 5


def test_requests_that_start_no_run_are_no_successful_runs(
    make_scenario: MakeScenario,
) -> None:
    """While each run fails, a flood of logs is answered 204: that is 2xx, but it isn't 200."""
    entry = {
        "stream": "orders",
        "do": "log",
        "log": "stream_activity",
        "severity": "ERROR",
    }
    lost = {"at": 600, "project": "shop-prod", "do": "revoke"}
    lost["permission"] = "monitoring.timeSeries.create"
    flood = [entry | {"at": at} for at in range(0, 1200, 2)]
    function = {"mode": "function", "log_triggers": True}
    recording = simulate(make_scenario(*flood, lost, exporters=[function]), START)
    last = {
        (
            dict(each.labels)["response_code"],
            dict(each.labels)["response_code_class"],
        ): points(each)
        for each in recording.series
        if each.name == REQUESTS
    }
    assert last.keys() == {("200", "2xx"), ("204", "2xx"), ("500", "5xx")}
    times = {code: samples[-1][0] for (code, _), samples in last.items()}
    assert times == {"200": 600, "204": 1200, "500": 1200}
    # A run a minute by the schedule and one by the log, and a run in ten seconds at
    # first
    assert 20 <= last["200", "2xx"][-1][1] <= 25
    assert last["500", "5xx"][-1][1] <= 60


@pytest.mark.parametrize(
    ("mode", "events"),
    [
        ("job", ["stream_bad"] * 15),
        ("function", ["stream_changed", "stream_bad"]),
        ("worker_pool", ["stream_changed", "stream_bad"]),
    ],
)
def test_the_exporters_own_entries_are_logged(
    make_scenario: MakeScenario, mode: str, events: list[str]
) -> None:
    """As Cloud Logging has them: who remembers logs a change once, and again after ten minutes."""
    recording = simulate(
        make_scenario(FAIL, exporters=[{"mode": mode, "delay": 0}]), START
    )
    stdout = "logs/run.googleapis.com%2Fstdout"
    entries = [
        each.fields for each in recording.entries if stdout in each.fields["logName"]
    ]
    assert [each["jsonPayload"]["event"] for each in entries] == events
    assert {each["severity"] for each in entries} == {"ERROR"}
    assert entries[0]["jsonPayload"]["stream_id"] == "orders"
    assert entries[0]["resource"]["type"].startswith("cloud_run_")


def test_freshness_is_measured_while_a_stream_runs(make_scenario: MakeScenario) -> None:
    """Once a minute, four minutes late; it grows while the stream lags, and stops with it."""
    lag = {
        "at": 120,
        "stream": "orders",
        "do": "lag",
        "freshness": 100,
        "growing": True,
    }
    stall = {"at": 120, "stream": "stock", "do": "stall"}
    catch_up = {"at": 900, "stream": "stock", "do": "catch_up"}
    recording = simulate(make_scenario(lag, FAIL, stall, catch_up), START)
    orders = of(recording, FRESHNESS, stream_id="orders", project_id="shop-prod")
    assert points(orders) == [(0, 5), (60, 5), (120, 100), (180, 160), (240, 220)]
    assert {one.visible_at - one.time for one in orders.samples} == {240}
    stock = of(recording, FRESHNESS, stream_id="stock", resource_container="1")
    assert [at for at, _ in points(stock)] == [0, 60, *range(900, 1201, 60)]


def test_dropped_events_are_counted(make_scenario: MakeScenario) -> None:
    """It is absent while all is well; each minute's events are a rise in that minute."""
    drop = {"stream": "orders", "do": "drop_events"}
    dropped = [
        drop | {"at": at, "events": n}
        for at, n in ((130, 3), (170, 1), (190, 2), (610, 1))
    ]
    recording = simulate(make_scenario(*dropped), START)
    counted = points(of(recording, UNSUPPORTED))
    assert counted == [(120, 0), (180, 4), (240, 6), (600, 6), (660, 7)]


def test_who_changes_a_stream_is_logged_twice(make_scenario: MakeScenario) -> None:
    """When the operation begins and when it ends; what the service does is no audit entry."""
    changes: list[dict[str, Any]] = [
        {"at": 60, "stream": "orders", "do": "pause", "draining": 30},
        {"at": 120, "stream": "stock", "do": "recover"},
        {"at": 180, "stream": "stock", "do": "delete"},
        {"at": 200, "stream": "stock", "do": "heal"},
    ]
    recording = simulate(make_scenario(*changes, FAIL, lasts="6m"), START)
    audit = [
        (
            each.at,
            each.stream.rpartition("/")[2],
            each.fields["protoPayload"]["methodName"].rpartition(".")[2],
            *each.fields["operation"],
        )
        for each in recording.entries
        if "protoPayload" in each.fields
    ]
    assert audit == [
        (60, "orders", "UpdateStream", "producer", "first"),
        (90, "orders", "UpdateStream", "producer", "last"),
        (120, "stock", "RunStream", "producer", "first"),
        (121, "stock", "RunStream", "producer", "last"),
        (180, "stock", "DeleteStream", "producer", "first"),
        (181, "stock", "DeleteStream", "producer", "last"),
    ]
    (failed,) = [
        each
        for each in recording.entries
        if "stream_activity" in each.fields["logName"]
    ]
    assert failed.fields["severity"] == "ERROR"
    assert failed.fields["resource"]["labels"]["stream_id"] == "orders"
