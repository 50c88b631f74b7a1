"""SIGINT and SIGTERM at any moment: the write under way is finished, nothing new is begun."""

import signal
import sys
import time
from collections.abc import Callable

import pytest

from lab.emulator.emulator import Emulator
from tests.conftest import SignalWhen
from tests.exporter.cli.conftest import DISCOVERING, Command, ServeShop, World, start

SLOW = 30.0  # seconds that no test waits for: what is still slow then hangs


def called(cloud: Emulator, method: str, times: int = 1) -> Callable[[], bool]:
    """Return whether a method has been called at least that many times."""
    return lambda: cloud.calls[method] >= times


@pytest.mark.parametrize(
    ("argv", "number", "code"),
    [
        (["run"], signal.SIGINT, 130),
        (["run"], signal.SIGTERM, 143),
        (["run", "--dry-run"], signal.SIGINT, 130),
        (["watch"], signal.SIGTERM, 143),
    ],
)
def test_a_run_that_reads_ends_at_once(
    command: Command,
    served: ServeShop,
    shop: World,
    signal_when: SignalWhen,
    argv: list[str],
    number: int,
    code: int,
) -> None:
    """What was not read is not waited for; nothing is written, and that is said."""
    shop["faults"] = [{"method": "ListStreams", "latency": SLOW}]
    cloud, environ = served(shop)
    signal_when(number, called(cloud, "ListStreams", 2))
    began = time.monotonic()
    ended = command(*argv, environ=environ)
    assert ended.code == code
    assert time.monotonic() - began < SLOW / 3
    assert f"{signal.Signals(number).name}: finishing the work under way" in ended.err
    dry = "--dry-run" in argv
    assert ("Interrupted: 2 locations not read." in ended.err) is not dry
    assert "o locations read; " in ended.err.splitlines()[-1]
    assert not cloud.calls["CreateTimeSeries"]


def test_a_run_that_discovers_ends_at_once(
    command: Command, served: ServeShop, shop: World, signal_when: SignalWhen
) -> None:
    """The same, where not even the locations are known."""
    shop["faults"] = [{"method": "ListLocations", "latency": SLOW}]
    cloud, environ = served(shop)
    environ["DATASTREAM_EXPORTER_CONFIG"] = DISCOVERING
    signal_when(signal.SIGTERM, called(cloud, "ListLocations"))
    code, _, err = command("run", environ=environ)
    assert code == 143
    assert "warning: Interrupted" in err
    assert not cloud.calls["CreateTimeSeries"]


@pytest.mark.parametrize(
    ("argv", "number", "code"),
    [(["run"], signal.SIGINT, 130), (["watch"], signal.SIGTERM, 143)],
)
def test_a_run_that_writes_finishes_the_write(
    command: Command,
    served: ServeShop,
    shop: World,
    signal_when: SignalWhen,
    argv: list[str],
    number: int,
    code: int,
) -> None:
    """The requests that were sent are waited for; nothing else is sent, and no run begins."""
    shop["faults"] = [{"method": "CreateTimeSeries", "latency": 0.3}]
    cloud, environ = served(shop)
    signal_when(number, called(cloud, "CreateTimeSeries", 2))
    code_, _, err = command(*argv, environ=environ)
    assert code_ == code
    assert (cloud.calls["ListStreams"], cloud.calls["CreateTimeSeries"]) == (2, 2)
    assert len(cloud.points()) == 8, "the counts of both locations"
    assert "Interrupted: 12 points not written." in err
    assert "; 8 points written, 12 left out; " in err


def test_a_check_is_interrupted_too(
    command: Command, served: ServeShop, shop: World, signal_when: SignalWhen
) -> None:
    """What was not checked is not called ok, and no point is written."""
    shop["faults"] = [{"method": "ListStreams", "latency": SLOW}]
    cloud, environ = served(shop)
    signal_when(signal.SIGINT, called(cloud, "ListStreams", 2))
    code, out, err = command("check", environ=environ)
    assert code == 130
    assert out.splitlines()[-1].startswith("ok       credentials")
    assert "warning: Interrupted: not everything was checked." in err
    assert not cloud.calls["CreateTimeSeries"]


def until(case: Callable[[], bool]) -> None:
    """Wait until a condition is true."""
    ends = time.monotonic() + SLOW
    while not case():
        assert time.monotonic() < ends
        time.sleep(0.005)


@pytest.mark.parametrize(
    ("method", "numbers", "codes"),
    [
        ("ListStreams", [signal.SIGINT], {130}),
        ("CreateTimeSeries", [signal.SIGINT, signal.SIGTERM], {130, 143}),
    ],
    ids=["once", "twice"],
)
def test_a_process_ends_without_a_traceback(
    served: ServeShop, shop: World, method: str, numbers: list[int], codes: set[int]
) -> None:
    """Who cannot wait for a write that hangs asks twice; stderr has sentences only."""
    shop["faults"] = [{"method": method, "latency": SLOW}]
    cloud, environ = served(shop)
    with start(environ, "run") as process:
        until(called(cloud, method, 2))
        began = time.monotonic()
        for number in numbers:
            process.send_signal(number)
        err = process.communicate(timeout=SLOW)[1]
    assert process.returncode in codes
    assert time.monotonic() - began < SLOW / 3
    assert "finishing the work under way" in err
    assert "Traceback" not in err


IMPORTING = """
import os, signal, sys

class Interrupt:
    def find_spec(self, name, path=None, target=None):
        if name == "google.cloud.monitoring_v3":
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupt())
sys.argv[1:] = ["run"]
from exporter.__main__ import entry
entry()
"""


def test_ctrl_c_while_google_s_clients_are_imported_is_no_traceback(
    served: ServeShop, shop: World
) -> None:
    """It takes seconds, in which a person changes their mind."""
    _, environ = served(shop)
    with start(environ, sys.executable, "-c", IMPORTING) as process:
        out, err = process.communicate(timeout=SLOW)
    assert (process.returncode, out, err) == (130, "", "")
