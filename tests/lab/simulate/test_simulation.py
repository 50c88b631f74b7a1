"""The exporter on a simulated clock: what it leaves in Cloud Monitoring, and when."""

from contextlib import ExitStack
from copy import deepcopy

import pytest

from exporter.config import Endpoints
from exporter.google.clients import Clients
from lab.emulator.emulator import Emulator
from lab.simulate import simulation
from lab.simulate.scenario import Scenario
from lab.simulate.series import CHECKPOINTS, Series
from lab.simulate.simulation import Recording, simulate
from tests.lab.conftest import START, WORLD, MakeScenario
from tests.tables import rows

DATASTREAM = "custom_googleapis_com:datastream_"
STATE = f"{DATASTREAM}stream_state"
UP = f"{DATASTREAM}location_up"
LAST_RUN = f"{DATASTREAM}exporter_last_run"
FAIL = {"at": 300, "stream": "orders", "do": "fail", "reason": "DOWN"}
UNREACHABLE = {"at": 300, "location": "*", "do": "unreachable"}


def of(recording: Recording, name: str, **labels: str) -> Series:
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


@rows
def test_the_log_metric_counts_positions_in_plain_numbers(
    make_scenario: MakeScenario, message: str, digits: str
) -> None:
    """An entry is counted by the last digits of its position and of its time."""
    text = f"CDC. Latest fetched log sequence number: {message}"
    entry = {"at": 300, "do": "log", "log": "stream_activity", "severity": "INFO"}
    event = entry | {"stream": "orders", "message": text}
    recording = simulate(make_scenario(event), START)
    counted = []
    for series in recording.series:
        if series.name == CHECKPOINTS:
            labels = dict(series.labels)
            counted.append(f"{labels['position']} {labels['time']}")
            assert points(series) == [(300, 0), (360, 1)]
    assert counted == ([digits] if digits else [])


@pytest.mark.parametrize("mode", ["job", "function"])
@rows
def test_an_exporter_runs_at_the_interval_of_its_config(
    make_scenario: MakeScenario, mode: str, own: dict[str, str], seconds: int
) -> None:
    """Config says the interval unless the deployment does; next_run follows."""
    config = WORLD["config"] | {"run": {"interval": "5m"}}
    exporter = {"mode": mode, "delay": 0, **own}
    scenario = make_scenario(world={"config": config}, exporters=[exporter])
    recording = simulate(scenario, START)
    times = [time for time, _ in points(of(recording, LAST_RUN))]
    assert times[:3] == [0, seconds, 2 * seconds]
    due = of(recording, f"{DATASTREAM}exporter_next_run").samples[0].value
    assert due - START == 2 * seconds


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


@pytest.mark.parametrize("name", ["points-lost-in-many-places", "region-unavailable"])
def test_sockets_change_no_point(
    name: str, project_scenarios: dict[str, Scenario], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A scenario is the same through real servers, errors and refusals included."""

    def played() -> list[str]:
        series = simulate(project_scenarios[name], START).series
        # How long a run takes is measured, and never the same.
        return sorted(str(each) for each in series if "run_seconds" not in each.name)

    here = played()
    with ExitStack() as running:

        def connect(emulator: Emulator) -> Clients:
            running.enter_context(emulator)
            return running.enter_context(Clients(Endpoints(), emulator.environ))

        monkeypatch.setattr(simulation, "LocalClients", connect)
        assert played() == here
