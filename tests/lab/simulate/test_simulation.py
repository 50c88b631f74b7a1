"""The exporter on a simulated clock: what it leaves in Cloud Monitoring, and when."""

from copy import deepcopy

from lab.simulate.series import FRESHNESS, UNSUPPORTED, Series
from lab.simulate.simulation import Recording, simulate
from tests.lab.conftest import START, WORLD, MakeScenario

DATASTREAM = "custom_googleapis_com:datastream_"
STATE, UP = f"{DATASTREAM}stream_state", f"{DATASTREAM}location_up"
LAST_RUN = f"{DATASTREAM}exporter_last_run"
FAIL = {
    "at": 300,
    "stream": "orders",
    "do": "fail",
    "reason": "DOWN",
}
UNREACHABLE = {
    "at": 300,
    "location": "*",
    "do": "unreachable",
}


def of(
    recording: Recording,
    name: str,
    **labels: str,
) -> Series:
    """Return the only series of a name and some labels."""
    named = [each for each in recording.series if each.name == name]
    (found,) = [each for each in named if labels.items() <= dict(each.labels).items()]
    return found


def points(series: Series) -> list[tuple[float, float]]:
    """Return a series' values, each with its time in seconds after the start."""
    return [(one.time - START, one.value) for one in series.samples]


def latest(series: Series) -> float:
    """Return the most seconds after which a point of a series is visible."""
    return max(one.visible_at - one.time for one in series.samples)


def test_points_are_the_exporters_and_become_visible_seconds_later(
    make_scenario: MakeScenario,
) -> None:
    """Each point has its run's second and labels, and is seen 3 to 8 s later."""
    recording = simulate(make_scenario(FAIL, exporters=[{"delay": 0}]), START)
    state = of(recording, STATE, stream_id="orders")
    values = [value for _, value in points(state)]
    assert values[:7] == [2, 2, 2, 2, 2, 5, 5]
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
    """A run writes counts of a location, its streams, last_read, its own series."""
    scenario = make_scenario(exporters=[{"takes": 20, "delay": 0}])
    recording = simulate(scenario, START, (0, 0))
    late = {}
    for each in recording.series:
        first = each.samples[0]
        late[each.name.removeprefix(DATASTREAM)] = first.visible_at - first.time
    assert late["location_streams"] == 4
    assert 6 <= late["stream_state"] <= 16
    assert late["location_last_read"] == 18
    assert late["exporter_last_run"] == 20


def test_a_location_without_an_answer_delays_no_other_ones_points(
    make_scenario: MakeScenario,
) -> None:
    """A run ends later where retries fail; ``up`` of that location comes last."""
    world = deepcopy(WORLD)
    world["config"]["sources"][0]["locations"].append("us-east1")
    world["projects"][0]["locations"].append(
        {"id": "us-east1", "streams": [{"id": "users"}]}
    )
    down = UNREACHABLE | {"location": "us-east1"}
    recording = simulate(make_scenario(down, world=world, lasts="10m"), START)
    ended = [round(run.ended - run.scheduled.at, 3) for run in recording.runs]
    assert set(ended[:5]) == {1}
    assert set(ended[6:]) == {31}
    lost = of(recording, UP, location="us-east1")
    assert [value for _, value in points(lost)] == [1, 1, 1, 1, 1, 0, 0, 0, 0, 0]
    assert latest(lost) > 30
    assert latest(of(recording, UP, location="europe-west1")) < 9
    assert latest(of(recording, LAST_RUN)) > 30


def test_freshness_is_measured_while_a_stream_runs(make_scenario: MakeScenario) -> None:
    """Freshness comes once a minute, four minutes late, and grows during a lag."""
    lag = {
        "at": 120,
        "stream": "orders",
        "do": "lag",
        "freshness": 100,
    }
    lag["growing"] = True
    stall = {
        "at": 120,
        "stream": "stock",
        "do": "stall",
    }
    catch_up = {
        "at": 900,
        "stream": "stock",
        "do": "catch_up",
    }
    recording = simulate(make_scenario(lag, FAIL, stall, catch_up), START)
    orders = of(recording, FRESHNESS, stream_id="orders")
    assert points(orders) == [
        (0, 5),
        (60, 5),
        (120, 100),
        (180, 160),
        (240, 220),
    ]
    assert {one.visible_at - one.time for one in orders.samples} == {240}
    stock = of(recording, FRESHNESS, stream_id="stock", resource_container="shop-prod")
    assert "project_id" not in dict(stock.labels)
    assert [at for at, _ in points(stock)] == [0, 60, *range(900, 1201, 60)]


def test_dropped_events_are_counted(make_scenario: MakeScenario) -> None:
    """A minute's dropped events are a rise in that minute."""
    drop = {"stream": "orders", "do": "drop_events"}
    dropped = [
        drop | {"at": 130, "events": 3},
        drop | {"at": 170, "events": 1},
        drop | {"at": 190, "events": 2},
        drop | {"at": 610, "events": 1},
    ]
    recording = simulate(make_scenario(*dropped), START)
    counted = points(of(recording, UNSUPPORTED))
    assert counted == [
        (120, 0),
        (180, 4),
        (240, 6),
        (600, 6),
        (660, 7),
    ]
