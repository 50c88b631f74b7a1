"""A function that is stopped, killed or cut off: no run is lost, nothing false is written."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Event
from typing import TYPE_CHECKING, Any

import pytest

from exporter.function import Function
from lab.emulator.world import Fault
from tests.exporter.function.conftest import on_clock, written_twice
from tests.exporter.function.proxy import Proxy
from tests.outputs import Printed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lab.emulator.emulator import Emulator
    from tests.exporter.function.conftest import Clock, Start

POINTS = 25
"""What a complete run writes."""


@pytest.fixture
def proxies(cloud: Emulator) -> Iterator[tuple[list[Proxy], Mapping[str, str]]]:
    """Return a proxy before each service, and the environment that leads through them."""
    with ExitStack() as running:
        each = {
            name: running.enter_context(Proxy(address)) for name, address in cloud.environ.items()
        }
        yield list(each.values()), {name: proxy.address for name, proxy in each.items()}


def values(cloud: Emulator, metric: str) -> dict[tuple[str, str], int]:
    """Return the last value of each series of a metric, by location and node."""
    points = cloud.points(f"custom.googleapis.com/datastream/{metric}")
    return {
        (point.resource_labels["location"], point.resource_labels["node_id"]): point.value
        for point in points
    }


def test_a_run_ends_before_the_requests_timeout(start: Start, cloud: Emulator) -> None:
    """A location that hangs costs its own series only, and the caller gets its answer in time."""
    cloud.add_fault(Fault(method="ListStreams", location="us-east1", latency=60))
    response = start({"CLOUD_RUN_TIMEOUT_SECONDS": "8"}).request()
    assert response.status == 200
    assert (response.body["unreadable"], response.body["streams"]) == (1, 2)
    assert response.body["seconds"] < 8
    assert values(cloud, "location/up")["us-east1", "datastream"] == 0


def test_an_instance_killed_in_a_run_leaves_nothing_false(start: Start, cloud: Emulator) -> None:
    """No last_read stands over a missing last_seen; the next run accounts for all of its points."""
    cloud.add_fault(Fault(method="CreateTimeSeries", latency=1))
    killed = start()
    with ThreadPoolExecutor() as pool:
        request = pool.submit(killed.request)
        killed.wait_for(lambda: cloud.calls["CreateTimeSeries"] > 1)
        killed.close()
        with pytest.raises(ConnectionError):
            request.result()
    assert not cloud.points("custom.googleapis.com/datastream/exporter/last_run")
    assert values(cloud, "location/last_read").keys() <= {
        (location, "datastream") for location, _ in values(cloud, "stream/last_seen")
    }
    body = start().request().body
    assert body["written"] + body["superseded"] + body["lost"] + body["held_back"] == POINTS
    assert not written_twice(cloud.points())


def test_a_worker_that_ends_is_replaced(start: Start) -> None:
    """The server starts another worker, as after a run that never ended or used up the memory."""
    server = start()
    os.kill(server.worker, signal.SIGKILL)
    assert server.request().body["written"] == POINTS


@pytest.mark.parametrize("whole_group", [True, False], ids=["the group", "the server"])
def test_sigterm_lets_the_run_end(start: Start, cloud: Emulator, *, whole_group: bool) -> None:
    """The run under way writes all of its points and is answered; then the server ends well."""
    cloud.add_fault(Fault(method="CreateTimeSeries", latency=1, times=1))
    server = start()
    with ThreadPoolExecutor() as pool:
        request = pool.submit(server.request)
        server.wait_for(lambda: cloud.calls["CreateTimeSeries"] > 0)
        if whole_group:
            server.signal(signal.SIGTERM)
        else:
            server.process.terminate()
        assert request.result().body["written"] == POINTS
    assert server.process.wait(60) == 0
    assert len(cloud.points()) == POINTS
    assert "Traceback" not in server.log_text


def test_a_pause_in_a_run_costs_retries_only(
    start: Start, cloud: Emulator, proxies: tuple[list[Proxy], Mapping[str, str]]
) -> None:
    """A process that stands still in a run, and finds its connections closed, completes the run."""
    between, environ = proxies
    cloud.add_fault(Fault(method="ListStreams", latency=1, times=2))
    server = start(environ)
    with ThreadPoolExecutor() as pool:
        request = pool.submit(server.request)
        server.wait_for(lambda: cloud.calls["ListStreams"] == 2)
        server.signal(signal.SIGSTOP)
        for proxy in between:
            proxy.cut()
        server.signal(signal.SIGCONT)
        assert request.result().body["written"] == POINTS
    assert "Traceback" not in server.log_text


def test_a_pause_longer_than_the_timeout_keeps_the_worker(start: Start) -> None:
    """Gunicorn does not take a worker that stood still for one that hangs, and kill it."""
    server = start({"CLOUD_RUN_TIMEOUT_SECONDS": "1"})
    worker = server.worker
    server.signal(signal.SIGSTOP)
    time.sleep(2.5)
    server.signal(signal.SIGCONT)
    assert server.request().status == 200
    assert server.worker == worker
    assert "WORKER" not in server.log_text


@pytest.mark.parametrize("death", ["cut", "silence"])
def test_a_long_pause_loses_no_run(cloud_at: Emulator, clock: Clock, death: str) -> None:
    """Ten minutes later, each connection is closed, or open and dead: the run is complete."""
    with ExitStack() as running:
        between = {
            name: running.enter_context(Proxy(address))
            for name, address in cloud_at.environ.items()
        }
        function = running.enter_context(
            on_clock(clock, {name: proxy.address for name, proxy in between.items()})
        )
        assert function.answer("POST", "/").body["written"] == POINTS
        clock.now += 600
        for proxy in between.values():
            getattr(proxy, death)()
        answer = function.answer("POST", "/")
        assert (answer.status, answer.body["written"]) == (200, POINTS)


def test_a_run_that_stood_still_is_followed_by_another(cloud_at: Emulator, clock: Clock) -> None:
    """The request that finds a run past its deadline waits for its end, and is then a run."""
    came, release = Event(), Event()

    def hang(_request: object) -> bytes:
        came.set()
        release.wait()
        return b""

    cloud_at.answer("ListLocations", hang)
    with on_clock(clock, cloud_at.environ) as function, ThreadPoolExecutor() as pool:
        stood_still = pool.submit(function.answer, "POST", "/")
        came.wait()
        clock.now += 600
        cloud_at.answer("ListLocations", lambda _request: b"")
        next_one = pool.submit(function.answer, "POST", "/")
        release.set()
        assert "skipped" not in stood_still.result().body
        assert "skipped" not in next_one.result().body


class Stuck(dict[str, str]):
    """An environment that can't be read until it is released."""

    def __init__(self) -> None:
        """Hold a config that lacks everything."""
        super().__init__({"DATASTREAM_EXPORTER_CONFIG": "{}"})
        self.came, self.released = Event(), Event()

    def get(self, key: str, default: Any = None) -> Any:
        """Wait before an answer."""
        self.came.set()
        self.released.wait()
        return super().get(key, default)


@pytest.mark.parametrize(
    ("seconds", "restarts"), [(29.0, 0), (35.0, 0), (35.1, 1)], ids=["soon", "in time", "too late"]
)
def test_a_worker_that_is_stuck_before_its_run_is_restarted(
    clock: Clock, seconds: float, restarts: int
) -> None:
    """Config and credentials have 30 s, and 5 more: then the next request ends the worker."""
    stuck, restarted = Stuck(), list[None]()
    function = Function(
        stuck, Printed(), monotonic=clock, patience=0, restart=lambda: restarted.append(None)
    )
    with ThreadPoolExecutor() as pool, function:
        first = pool.submit(function.answer, "POST", "/")
        stuck.came.wait()
        clock.now += seconds
        answer = function.answer("POST", "/")
        stuck.released.set()
        first.result()
    assert len(restarted) == restarts
    if restarts:
        assert answer == (
            500,
            {"errors": ("A run did not end at its deadline. The function starts again.",)},
        )
    else:
        assert answer == (200, {"skipped": f"A run is under way; it began {seconds:.0f} s ago."})


RESTARTS = """
import sys, threading
from exporter.function import Function
from tests.exporter.function.test_function_interrupts import Stuck
stuck, now = Stuck(), [0.0]
function = Function(stuck, sys.stderr, monotonic=lambda: now[0], patience=0)
threading.Thread(target=function.answer, args=("POST", "/"), daemon=True).start()
stuck.came.wait()
now[0] = 60
function.answer("POST", "/")
print("still here", flush=True)
"""


def test_a_restart_ends_the_process_at_once() -> None:
    """Gunicorn starts another worker for one that ended with an error; nothing is waited for."""
    ended = subprocess.run(
        [sys.executable, "-c", RESTARTS], capture_output=True, text=True, timeout=60, check=False
    )
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "A run did not end at its deadline. The function starts again." in ended.stderr
