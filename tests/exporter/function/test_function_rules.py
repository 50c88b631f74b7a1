"""When a request is a run, whose result a caller gets, and what the function remembers."""

import io
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from exporter.function import Answer, Function
from lab.emulator.emulator import Emulator
from lab.emulator.world import Fault, World
from tests.exporter.function.conftest import CONFIG, PLENTY, POINTS, WORLD, Clock, on_clock, values


def begun(cloud: Emulator, clock: Clock) -> list[float]:
    """Return when the runs so far began, as their points say, in seconds of the test."""
    points = cloud.points("custom.googleapis.com/datastream/exporter/last_run")
    return [point.time - clock.start for point in points]


def test_runs_begin_ten_seconds_apart(function: Function, cloud_at: Emulator, clock: Clock) -> None:
    """A call that comes sooner waits, so that Cloud Monitoring takes every point of its run."""
    for _ in range(5):
        answer = function.answer("POST", "/")
        assert (answer.status, answer.body["lost"]) == (200, 0)
        clock.now += 1
    assert begun(cloud_at, clock) == [0, 10, 20, 30, 40]


def test_what_was_prepared_survives(function: Function, cloud_at: Emulator, clock: Clock) -> None:
    """Later runs discover nothing for ten minutes, and write what stays the same seldom."""
    written = []
    for _ in range(10):
        written.append(function.answer("POST", "/").body["written"])
        clock.now += 60
    assert cloud_at.calls["ListLocations"] == 1
    assert written[:5] == [POINTS, POINTS, 4, 4, 4]
    function.answer("POST", "/")
    assert cloud_at.calls["ListLocations"] == 2


def test_callers_that_wait_share_the_next_run(
    function: Function, cloud_at: Emulator, clock: Clock
) -> None:
    """None gets the result of the run that began before its call; one run answers them all."""
    came, release = Event(), Event()

    def hold(_request: object) -> bytes:
        came.set()
        release.wait(PLENTY)
        return b""

    cloud_at.answer("ListLocations", hold)
    with ThreadPoolExecutor(20, thread_name_prefix="caller") as pool:
        first = pool.submit(function.answer, "POST", "/")
        came.wait(PLENTY)
        clock.now += 1
        others = [pool.submit(function.answer, "POST", path) for path in ("/", "/log") * 9]
        clock.wait_for_callers(19)
        release.set()
    assert begun(cloud_at, clock) == [0, 10]
    answers = [other.result() for other in others]
    assert answers == [answers[0]] * 18
    assert (first.result().status, answers[0].status) == (200, 200)
    assert answers[0] is not first.result()


FAILS = {"at": "15s", "stream": "stock", "do": "fail", "reason": "GONE"}
LOST = {"method": "CreateTimeSeries", "code": "PERMISSION_DENIED", "from": "50s", "until": "65s"}
QUIET = [(0, "/", 200), (10, "/log", 200), (12, "/log", 204)]


@pytest.mark.parametrize(
    ("world", "calls", "runs"),
    [
        pytest.param({}, [(0, "/log", 200), (5, "/log", 200)], [0, 10], id="the first finds all"),
        pytest.param(
            {},
            [*QUIET, (60, "/", 200), (69, "/log", 204), (71, "/log", 200), (72, "/log", 204)],
            [0, 10, 60, 71],
            id="nothing changes",
        ),
        pytest.param(
            {"events": [FAILS]},
            [(0, "/", 200), (16, "/log", 200), (17, "/log", 200), (30, "/log", 204)],
            [0, 16, 26],
            id="something changed",
        ),
        pytest.param(
            {"faults": [LOST]},
            [*QUIET, (60, "/", 500), (66, "/log", 200)],
            [0, 10, 70],
            id="the last run failed",
        ),
        pytest.param(
            {"faults": [LOST]},
            [
                (0, "/", 200),
                (60, "/log", 500),
                (66, "/log", 200),
                (71, "/log", 200),
                (81, "/log", 204),
            ],
            [0, 70, 80],
            id="the last run of a log failed",
        ),
    ],
)
def test_a_log_starts_a_run_where_something_may_be_new(
    clock: Clock,
    log: io.StringIO,
    world: dict[str, Any],
    calls: list[tuple[int, str, int]],
    runs: list[float],
) -> None:
    """A stream that logs an error every second costs a run a minute, as long as nothing changes."""
    with (
        Emulator(World.model_validate(WORLD | world), clock=clock) as cloud,
        closing(on_clock(clock, cloud.environ, log)) as function,
    ):
        for at, path, status in calls:
            clock.now = max(clock.now, clock.start + at)
            answer = function.answer("POST", path)
            assert answer.status == status, at
            assert (answer == Answer(204, {})) == (status == 204)
        assert begun(cloud, clock) == runs


def test_a_change_is_logged_once(clock: Clock, log: io.StringIO) -> None:
    """The function remembers what it saw: a failure is one entry, said again after ten minutes."""
    with (
        Emulator(World.model_validate(WORLD | {"events": [FAILS]}), clock=clock) as cloud,
        closing(on_clock(clock, cloud.environ, log)) as function,
    ):
        for _ in range(12):
            function.answer("POST", "/")
            clock.now += 60
    about = [line for line in log.getvalue().splitlines() if "streams/stock" in line]
    assert len(about) == 2
    assert "was RUNNING and failed; Datastream keeps retrying: GONE" in about[0]


def test_what_is_lost_is_a_500(
    function: Function, cloud_at: Emulator, clock: Clock, log: io.StringIO
) -> None:
    """A run that loses points answers with its numbers; the log says why; the next one is whole."""
    cloud_at.add_fault(Fault(method="CreateTimeSeries", code="PERMISSION_DENIED", until=1))
    answer = function.answer("POST", "/")
    assert answer.status == 500
    assert (answer.body["complete"], answer.body["written"]) == (False, 0)
    assert answer.body["lost"] > 0
    assert "roles/monitoring.metricWriter" in log.getvalue()
    clock.now += 60
    answer = function.answer("POST", "/")
    assert (answer.status, answer.body["written"]) == (200, POINTS)


def test_what_can_not_be_read_is_an_observation(
    function: Function, cloud_at: Emulator, log: io.StringIO
) -> None:
    """Where nothing may be read, that is written, and the log names the permission."""
    cloud_at.add_fault(Fault(method="List*", code="PERMISSION_DENIED"))
    answer = function.answer("POST", "/")
    assert (answer.status, answer.body["unreadable"], answer.body["streams"]) == (200, 1, 0)
    assert values(cloud_at, "location/up") == {("global", "datastream"): 0}
    assert "datastream.locations.list" in log.getvalue()
    assert "Nothing could be read: " in log.getvalue()


def test_a_location_that_hangs_costs_itself_alone(cloud: Emulator, log: io.StringIO) -> None:
    """The run ends before the request's timeout, after which Cloud Run would stop the CPU."""
    cloud.add_fault(Fault(method="ListStreams", location="us-east1", latency=PLENTY))
    environ = {"CLOUD_RUN_TIMEOUT_SECONDS": "7", **cloud.environ}
    with closing(Function({"DATASTREAM_EXPORTER_CONFIG": CONFIG, **environ}, log)) as function:
        answer = function.answer("POST", "/")
    assert (answer.status, answer.body["unreadable"], answer.body["streams"]) == (200, 1, 2)
    assert float(str(answer.body["seconds"])) < 7
    assert values(cloud, "location/up")["us-east1", "datastream"] == 0


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Name a credentials file that is not there, in a folder without a config."""
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "gone.json"))
    monkeypatch.chdir(tmp_path)
    return


@pytest.mark.usefixtures("nobody")
def test_no_credentials(clock: Clock, log: io.StringIO) -> None:
    """Each request tries again, and says that there are none and how to get some."""
    with closing(on_clock(clock, {}, log)) as function:
        answers = [function.answer("POST", "/") for _ in range(2)]
    assert [answer.status for answer in answers] == [500, 500]
    (sentence,) = answers[0].body["errors"]
    assert "gone.json" in sentence
    assert "gcloud auth application-default login" in sentence
    assert log.getvalue() == f"error: {sentence}\n" * 2


@pytest.mark.usefixtures("nobody")
def test_a_mistake_in_config(
    cloud_at: Emulator, clock: Clock, log: io.StringIO, tmp_path: Path
) -> None:
    """Response and log have all mistakes at once; the next request reads the corrected file."""
    file = tmp_path / "config.yaml"
    file.write_text("sources: [{project: shop-prod, locations: [mars]}]\nrun: {deadline: soon}\n")
    environ = {"DATASTREAM_EXPORTER_CONFIG": "", **cloud_at.environ}
    with closing(on_clock(clock, environ, log)) as function:
        answer = function.answer("POST", "/")
        errors: Any = answer.body["errors"]
        assert (answer.status, len(errors)) == (500, 3)
        assert all(each.startswith("config.yaml:") for each in errors)
        assert log.getvalue() == "".join(f"error: {each}\n" for each in errors)
        file.write_text(CONFIG)
        assert function.answer("POST", "/").body["streams"] == 3


def test_an_unexpected_error(cloud_at: Emulator, clock: Clock, log: io.StringIO) -> None:
    """The log has one entry with its traceback, the response has none, and the next run is well."""
    environ = {"DATASTREAM_EXPORTER_CONFIG": CONFIG, "K_SERVICE": "exporter", **cloud_at.environ}
    times: list[float] = []
    function = Function(environ, log, monotonic=clock, now=times.pop, sleep=clock.sleep)
    with closing(function):
        sentence = "the exporter failed unexpectedly; its log says where"
        assert function.answer("POST", "/") == (500, {"errors": (sentence,)})
        *_, entry = map(json.loads, log.getvalue().splitlines())
        assert entry["severity"] == "ERROR"
        assert entry["message"].endswith("IndexError: pop from empty list")
        clock.now += 1
        times.append(clock.now + 9)
        assert function.answer("POST", "/").status == 200
