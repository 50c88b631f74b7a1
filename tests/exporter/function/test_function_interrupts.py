"""A function whose CPU stands still, or that gets stuck: no run is lost, none lasts for ever."""

import io
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from threading import Event

import pytest

from exporter.function import Function
from lab.emulator.emulator import Emulator
from tests.exporter.function.conftest import CONFIG, PLENTY, POINTS, Clock, on_clock
from tests.exporter.function.proxy import Proxy


@pytest.fixture
def proxies(cloud_at: Emulator) -> Iterator[dict[str, Proxy]]:
    """Return a proxy before each service, by the variable that leads to it."""
    with ExitStack() as running:
        yield {
            name: running.enter_context(Proxy(address))
            for name, address in cloud_at.environ.items()
        }


@pytest.fixture
def function(clock: Clock, log: io.StringIO, proxies: dict[str, Proxy]) -> Iterator[Function]:
    """Return the function, which is led through the proxies."""
    environ = {name: proxy.address for name, proxy in proxies.items()}
    with closing(on_clock(clock, environ, log)) as running:
        yield running


@pytest.mark.parametrize("death", ["cut", "silence"])
def test_a_long_pause_loses_no_run(
    function: Function, clock: Clock, proxies: dict[str, Proxy], death: str
) -> None:
    """Ten minutes later, each connection is closed, or open and dead: the run is complete."""
    assert function.answer("POST", "/").body["written"] == POINTS
    clock.now += 600
    for proxy in proxies.values():
        getattr(proxy, death)()
    answer = function.answer("POST", "/")
    assert (answer.status, answer.body["written"]) == (200, POINTS)


def test_a_pause_in_a_run_costs_retries_only(
    function: Function, cloud_at: Emulator, proxies: dict[str, Proxy]
) -> None:
    """A run that finds its connections closed, with calls under way, is complete all the same."""
    came, released = Event(), Event()

    def hold(_request: object) -> bytes:
        came.set()
        released.wait(PLENTY)
        return b""

    cloud_at.answer("ListLocations", hold)
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(function.answer, "POST", "/")
        came.wait(PLENTY)
        for proxy in proxies.values():
            proxy.cut()
        released.set()
        assert (answer.result().status, answer.result().body["unreadable"]) == (200, 0)
    assert cloud_at.calls["ListLocations"] == 2


# A run that never ends, as its clock does not answer; the limit after its deadline is shortened
STUCK = """
import sys, threading
from exporter import function
function._GRACE_SECONDS = 0.0
environ = {"DATASTREAM_EXPORTER_CONFIG": CONFIG, "CLOUD_RUN_TIMEOUT_SECONDS": "1", **EMULATORS}
stuck = function.Function(environ, sys.stderr, now=lambda: threading.Event().wait())
stuck.answer("POST", "/")
"""


def test_a_run_that_overstays_its_deadline_ends_the_process(cloud: Emulator) -> None:
    """The log says so, and gunicorn starts another worker for one that ended with an error."""
    code = f"CONFIG, EMULATORS = {CONFIG!r}, {cloud.environ!r}\n{STUCK}"
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=PLENTY, check=False
    )
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "A run did not end at its deadline. The function starts again." in ended.stderr
    assert "Traceback" not in ended.stderr
