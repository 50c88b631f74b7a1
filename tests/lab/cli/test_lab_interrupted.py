"""SIGINT and SIGTERM while scenarios are played: it ends soon and leaves nothing behind."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest

from tests.deletion import SCENARIO
from tests.lab.cli.conftest import PASSING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LONGEST = 60
"""Seconds after which a test that waits has failed."""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_parallel_scenarios(
    scenarios: Path, tmp_path: Path, number: int, code: int
) -> None:
    """Worker processes end their Prometheus and remove its files."""
    for index in range(20):
        (scenarios / f"another-{index}.yaml").write_text(SCENARIO)
    engines = tmp_path / "engines"
    ended = _interrupted(scenarios, engines, number)
    assert ended.returncode == code
    assert f"{signal.Signals(number).name}: finishing the work under way" in ended.stderr
    assert " of 22 scenarios were played." in ended.stderr
    assert "Traceback" not in ended.stderr
    assert list(engines.iterdir()) == []
    assert _playing(engines) == []


@pytest.mark.parametrize("seed", range(10))
def test_a_signal_at_any_moment_ends_it_soon(scenarios: Path, tmp_path: Path, seed: int) -> None:
    """It doesn't matter what each worker and its Prometheus are doing."""
    for index in range(60):
        (scenarios / f"another-{index}.yaml").write_text(SCENARIO)
    engines = tmp_path / "engines"
    moment = random.Random(seed).uniform(0, 1.5)  # noqa: S311 - a moment, no secret
    ended = _interrupted(scenarios, engines, signal.SIGTERM, begun=_held, delay=moment)
    assert ended.returncode == 143
    assert " of 62 scenarios were played." in ended.stderr
    assert "Traceback" not in ended.stderr
    assert list(engines.iterdir()) == []
    until = time.monotonic() + LONGEST
    while _playing(engines) and time.monotonic() < until:
        time.sleep(0.01)
    assert _playing(engines) == []


def test_workers_end_when_the_command_is_killed(scenarios: Path, tmp_path: Path) -> None:
    """After SIGKILL no handler runs; the workers notice and end their Prometheus."""
    for index in range(20):
        (scenarios / f"another-{index}.yaml").write_text(SCENARIO)
    engines = tmp_path / "engines"
    ended = _interrupted(scenarios, engines, signal.SIGKILL)
    assert ended.returncode == -signal.SIGKILL
    until = time.monotonic() + LONGEST
    while _playing(engines) and time.monotonic() < until:
        time.sleep(0.01)
    assert _playing(engines) == []


def test_a_single_scenario_is_finished(scenarios: Path, tmp_path: Path) -> None:
    """A scenario that is played alone is finished and printed."""
    engines = tmp_path / "engines"
    ended = _interrupted(scenarios, engines, signal.SIGINT, PASSING)
    assert ended.returncode == 130
    assert ended.stdout.startswith("PASS  deleted: ")
    assert "Traceback" not in ended.stderr
    assert list(engines.iterdir()) == []


def _interrupted(
    scenarios: Path,
    engines: Path,
    number: int,
    *names: str,
    begun: Callable[[Path], bool] | None = None,
    delay: float = 0,
) -> subprocess.CompletedProcess[str]:
    """Play scenarios and send a signal once a Prometheus is about to start."""
    has_begun = begun or _begun
    engines.mkdir()
    argv = [sys.executable, "-m", "lab", "test", *names]
    with subprocess.Popen(
        argv,
        cwd=scenarios.parent.parent,
        env={**os.environ, "TMPDIR": str(engines)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        over = threading.Event()

        def wait() -> None:
            until = time.monotonic() + LONGEST
            while not has_begun(engines) and time.monotonic() < until:
                if over.wait(0.005):
                    return
            over.wait(delay)
            process.send_signal(number)

        waiting = threading.Thread(target=wait)
        waiting.start()
        out, err = process.communicate(timeout=2 * LONGEST)
        over.set()
        waiting.join()
    return subprocess.CompletedProcess(argv, process.returncode, out, err)


def _begun(engines: Path) -> bool:
    """Return whether a Prometheus of any process has its folder."""
    folders = (*engines.glob("prometheus-*"), *engines.glob("policies-*/prometheus-*"))
    return any((folder / "log").exists() for folder in folders)


def _held(engines: Path) -> bool:
    """Return whether there are files to remove."""
    return any(engines.iterdir())


def _playing(engines: Path) -> list[str]:
    """Return the command lines of running Prometheus servers."""
    listed = subprocess.run(
        ["ps", "-ww", "-eo", "args"], capture_output=True, text=True, check=True
    )
    return [
        line
        for line in listed.stdout.splitlines()
        if line.startswith("prometheus ") and str(engines) in line
    ]
