"""SIGINT and SIGTERM while scenarios are played: soon over, and nothing is left behind."""

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
def test_what_is_played_side_by_side_ends_at_once(
    scenarios: Path, tmp_path: Path, number: int, code: int
) -> None:
    """The other processes end their engines, and remove what these held."""
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
def test_it_ends_soon_at_any_moment(scenarios: Path, tmp_path: Path, seed: int) -> None:
    """Whatever each of the processes is doing, and whatever its engine is."""
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


def test_nothing_outlives_a_process_that_is_killed(scenarios: Path, tmp_path: Path) -> None:
    """Where no handler can run, the other processes notice, and end with their engines."""
    for index in range(20):
        (scenarios / f"another-{index}.yaml").write_text(SCENARIO)
    engines = tmp_path / "engines"
    ended = _interrupted(scenarios, engines, signal.SIGKILL)
    assert ended.returncode == -signal.SIGKILL
    until = time.monotonic() + LONGEST
    while _playing(engines) and time.monotonic() < until:
        time.sleep(0.01)
    assert _playing(engines) == []


def test_a_single_scenario_is_played_to_its_end(scenarios: Path, tmp_path: Path) -> None:
    """What is under way alone is finished, told, and its engine gone."""
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
    """Play scenarios, and send a signal once it has begun; that is, an engine is to start."""
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
    """Say whether an engine has its folder: of this process, or of one of the others."""
    held = (*engines.glob("prometheus-*"), *engines.glob("policies-*/prometheus-*"))
    return any((folder / "log").exists() for folder in held)


def _held(engines: Path) -> bool:
    """Say whether there is anything yet that has to be removed."""
    return any(engines.iterdir())


def _playing(engines: Path) -> list[str]:
    """Return the command lines of the engines that run."""
    told = subprocess.run(["ps", "-ww", "-eo", "args"], capture_output=True, text=True, check=True)
    return [
        line
        for line in told.stdout.splitlines()
        if line.startswith("prometheus ") and str(engines) in line
    ]
