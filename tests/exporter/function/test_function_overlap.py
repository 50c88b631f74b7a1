"""Callers that come together, callers that come too often, and two instances at once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from exporter.function import Answer, Function
from lab.emulator.world import Fault
from tests.exporter.function.conftest import CONFIG, on_clock, written_twice
from tests.outputs import Printed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.emulator.emulator import Emulator
    from tests.exporter.function.conftest import Clock, Start


@pytest.fixture
def function(cloud_at: Emulator, clock: Clock) -> Iterator[Function]:
    """Return the function in this process, on the clock."""
    with on_clock(clock, cloud_at.environ) as running:
        yield running


@pytest.mark.parametrize(("path", "status"), [("/", 200), ("/log", 429)])
def test_two_callers_at_once_are_one_run(
    start: Start, cloud: Emulator, path: str, status: int
) -> None:
    """While a run is under way, / answers 200 and says so; /log answers 429 and comes again."""
    cloud.add_fault(Fault(method="CreateTimeSeries", latency=1, times=1))
    server = start()
    with ThreadPoolExecutor() as pool:
        first = pool.submit(server.request)
        server.wait_for(lambda: cloud.calls["CreateTimeSeries"] > 0)
        second = server.request(path)
        assert second.status == status
        assert "A run " in second.body["skipped"]
        assert first.result().body["written"] == len(cloud.points())
    assert cloud.calls["ListStreams"] == 2


def test_twenty_callers_at_once_are_one_run(start: Start, cloud: Emulator) -> None:
    """More callers than the server has threads wait their turn, and none is refused."""
    server = start()
    with ThreadPoolExecutor(20) as pool:
        responses = list(pool.map(lambda _: server.request(), range(20)))
    assert {response.status for response in responses} == {200}
    assert sum("skipped" in response.body for response in responses) == 19
    assert cloud.calls["ListStreams"] == 2


def test_two_instances_at_once_write_nothing_twice(start: Start, cloud: Emulator) -> None:
    """Each series gets one point; the other instance's counts as superseded or as lost."""
    servers = [start(), start()]
    with ThreadPoolExecutor() as pool:
        bodies = [each.body for each in pool.map(lambda server: server.request(), servers)]
    points = cloud.points()
    assert not written_twice(points)
    assert sum(body["written"] for body in bodies) == len(points)
    assert len(points) >= 25


def test_a_caller_every_second_for_a_minute(
    function: Function, cloud_at: Emulator, clock: Clock
) -> None:
    """A run begins every ten seconds; every other call is answered that it began just now."""
    answers = []
    for _ in range(60):
        answers.append(function.answer("POST", "/"))
        clock.now += 1
    runs = [second for second, answer in enumerate(answers) if "skipped" not in answer.body]
    assert runs == [0, 10, 20, 30, 40, 50]
    assert {answer.status for answer in answers} == {200}
    assert all(answers[second].body["complete"] is True for second in runs)
    assert answers[7] == Answer(200, {"skipped": "A run began 7 s ago."})
    points = cloud_at.points()
    assert not written_twice(points)
    assert len(points) == 6 * 25


def test_a_log_every_second_for_a_minute(function: Function, clock: Clock) -> None:
    """A triggered run begins every twenty seconds; in between it is to come again."""
    answers = []
    for _ in range(60):
        answers.append(function.answer("POST", "/log"))
        clock.now += 1
    runs = [second for second, answer in enumerate(answers) if "skipped" not in answer.body]
    assert runs == [0, 20, 40]
    assert {answer.status for answer in answers if "skipped" in answer.body} == {429}


def test_a_log_right_after_a_scheduled_run_waits_ten_seconds(
    function: Function, clock: Clock
) -> None:
    """What the run before it just missed is seen soon; only triggered runs are twenty apart."""
    answers = {}
    for path, after in (("/", 0), ("/log", 5), ("/log", 5), ("/log", 10), ("/", 1), ("/log", 9)):
        clock.now += after
        answers[clock.now, path] = function.answer("POST", path).status
    assert list(answers.values()) == [200, 429, 200, 429, 200, 429]


def test_what_was_prepared_survives(function: Function, cloud_at: Emulator, clock: Clock) -> None:
    """Later runs discover nothing for ten minutes, and connect and load nothing again."""
    for _ in range(10):
        assert function.answer("POST", "/").status == 200
        clock.now += 60
    assert cloud_at.calls["ListLocations"] == 1
    function.answer("POST", "/")
    assert cloud_at.calls["ListLocations"] == 2


def test_a_run_that_never_ends_is_given_up(cloud_at: Emulator, clock: Clock) -> None:
    """A run long past its deadline costs one request; then the process starts again."""
    came, release, restarted = threading.Event(), threading.Event(), threading.Event()

    def hang(_request: object) -> bytes:
        came.set()
        release.wait()
        return b""

    cloud_at.answer("ListLocations", hang)
    log = Printed()
    function = Function(
        {"DATASTREAM_EXPORTER_CONFIG": CONFIG, **cloud_at.environ},
        log,
        monotonic=clock,
        now=clock,
        patience=0,
        restart=restarted.set,
    )
    with ThreadPoolExecutor() as pool:
        first = pool.submit(function.answer, "POST", "/")
        came.wait()
        clock.now += 54
        assert "is under way" in str(function.answer("POST", "/").body)
        clock.now += 2
        assert function.answer("POST", "/").status == 500
        assert restarted.is_set()
        assert "did not end at its deadline" in log.getvalue()
        release.set()
        first.result()
