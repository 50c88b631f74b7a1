"""SIGINT and SIGTERM at any moment: the write under way is finished, nothing new is begun."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab.emulator.emulator import Emulator
    from tests.conftest import SignalWhen
    from tests.exporter.cli.conftest import Command, Serve, World

ROOT = Path(__file__).parents[3]
SLOW = 30
"""Seconds that no test waits for: what is still slow then hangs."""


def slow(world: World, method: str, **more: object) -> World:
    """Return a world in which a method takes its time."""
    return {**world, "faults": [{"method": method, "latency": SLOW, **more}]}


def called(cloud: Emulator, method: str, times: int = 1) -> Callable[[], bool]:
    """Return whether a method has been called at least that many times."""
    return lambda: cloud.calls[method] >= times


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_run_that_reads_ends_at_once(
    command: Command, serve: Serve, shop: World, signal_when: SignalWhen, number: int, code: int
) -> None:
    """What was not read is not waited for; nothing is written, and a summary says so."""
    cloud, environ = serve(slow(shop, "ListStreams"))
    signal_when(number, called(cloud, "ListStreams", 2))
    began = time.monotonic()
    ended = command("run", environ=environ)
    assert ended.code == code
    assert time.monotonic() - began < SLOW / 3
    assert f"{signal.Signals(number).name}: finishing the work under way" in ended.err
    assert "Interrupted while reading: 2 locations not read, nothing written." in ended.err
    assert ended.err.splitlines()[-1].startswith("error: No locations read; no points written")
    assert not cloud.calls["CreateTimeSeries"]


def test_a_run_that_discovers_ends_at_once(
    command: Command, serve: Serve, shop: World, signal_when: SignalWhen
) -> None:
    """The same, where not even the locations are known."""
    cloud, environ = serve(slow(shop, "ListLocations"))
    environ["DATASTREAM_EXPORTER_CONFIG"] = (
        "metrics: {project: metrics-prod}\nsources: [{project: shop-prod}]\n"
    )
    signal_when(signal.SIGTERM, called(cloud, "ListLocations"))
    code, _, err = command("run", environ=environ)
    assert code == 143
    assert "warning: Interrupted" in err
    assert not cloud.calls["CreateTimeSeries"]


def test_a_run_that_writes_finishes_the_write(
    command: Command, serve: Serve, shop: World, signal_when: SignalWhen
) -> None:
    """The batch that was sent is waited for; what was not sent is counted as left out."""
    shop["faults"] = [{"method": "CreateTimeSeries", "latency": 0.3, "times": 1}]
    cloud, environ = serve(shop)
    signal_when(signal.SIGINT, called(cloud, "CreateTimeSeries"))
    code, _, err = command("run", environ=environ)
    assert code == 130
    assert cloud.calls["CreateTimeSeries"] == 1
    assert len(cloud.points()) == 6
    assert "Interrupted while writing: what was under way is finished, 18 points left out." in err
    assert "; 6 points written, 18 left out; " in err


def test_a_dry_run_is_interrupted_too(
    command: Command, serve: Serve, shop: World, signal_when: SignalWhen
) -> None:
    """Half a picture is not passed off as a whole one."""
    cloud, environ = serve(slow(shop, "ListStreams", location="us-east1"))
    signal_when(signal.SIGINT, called(cloud, "ListStreams", 2))
    code, _, err = command("run", "--dry-run", environ=environ)
    assert code == 130
    assert "warning: Interrupted while reading: 1 location not read." in err


def test_a_check_is_interrupted_too(
    command: Command, serve: Serve, shop: World, signal_when: SignalWhen
) -> None:
    """What was not checked is not called ok, and no point is written."""
    cloud, environ = serve(slow(shop, "ListStreams"))
    signal_when(signal.SIGINT, called(cloud, "ListStreams", 2))
    code, out, err = command("check", environ=environ)
    assert code == 130
    assert out.splitlines()[-1].startswith("ok       credentials")
    assert "warning: Interrupted: not everything was checked." in err
    assert not cloud.calls["CreateTimeSeries"]


def test_watch_ends_after_the_work_under_way(
    command: Command, serve: Serve, shop: World, signal_when: SignalWhen
) -> None:
    """Between two runs and during one: the write is finished, no run begins."""
    shop["faults"] = [{"method": "CreateTimeSeries", "latency": 0.3, "times": 1}]
    cloud, environ = serve(shop)
    signal_when(signal.SIGTERM, called(cloud, "CreateTimeSeries"))
    code, _, err = command("watch", environ=environ)
    assert code == 143
    assert (cloud.calls["ListStreams"], len(cloud.points())) == (2, 6)
    assert "18 points left out." in err


class Process:
    """The command line as a process of its own."""

    def __init__(self, *argv: str, environ: dict[str, str]) -> None:
        """Start it."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "exporter", *argv],
            cwd=ROOT,
            env={**os.environ, **environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def send(self, number: int) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def ended(self) -> tuple[int, str]:
        """Return its exit code and its stderr."""
        _, err = self._process.communicate(timeout=SLOW)
        return self._process.returncode, err


def until(case: Callable[[], bool]) -> None:
    """Wait until a condition is true."""
    passing = threading.Event()
    ends = time.monotonic() + SLOW
    while not case():
        assert time.monotonic() < ends
        passing.wait(0.005)


@pytest.mark.parametrize(
    ("argv", "number", "code"),
    [
        (["run"], signal.SIGINT, 130),
        (["run"], signal.SIGTERM, 143),
        (["watch"], signal.SIGTERM, 143),
    ],
)
def test_a_process_ends_without_a_traceback(
    serve: Serve, shop: World, argv: list[str], number: int, code: int
) -> None:
    """The code is the shell's for the signal, and stderr has sentences only."""
    cloud, environ = serve(slow(shop, "ListStreams"))
    process = Process(*argv, environ=environ)
    until(called(cloud, "ListStreams", 2))
    process.send(number)
    ended, err = process.ended()
    assert ended == code
    assert "Interrupted while reading: 2 locations not read, nothing written." in err
    assert "Traceback" not in err


def test_a_second_signal_ends_a_process_at_once(serve: Serve, shop: World) -> None:
    """Who cannot wait for the write under way asks twice."""
    cloud, environ = serve(slow(shop, "CreateTimeSeries"))
    process = Process("run", environ=environ)
    until(called(cloud, "CreateTimeSeries"))
    began = time.monotonic()
    process.send(signal.SIGINT)
    process.send(signal.SIGTERM)
    code, err = process.ended()
    assert code in {130, 143}
    assert time.monotonic() - began < SLOW / 3
    assert "Traceback" not in err
