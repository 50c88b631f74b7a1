"""Work in processes that are killed in the middle of it: nothing hangs, nothing is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lab.side_by_side import WorkerEndedError, side_by_side
from tests.lab import side_work
from tests.lab.side_work import ITEMS

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
LONGEST = 60
"""Seconds after which a test that waits has failed."""


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of temporary files; two workers run on any machine."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    return tmp_path


def test_work_can_be_interrupted_at_any_moment(tmp_path: Path) -> None:
    """Ninety times, while workers start, write or wait: it ends soon and leaves nothing."""
    ended = subprocess.run(
        [sys.executable, "-c", f"from {side_work.__name__} import interrupt; interrupt(1, 90)"],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=2 * LONGEST,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert float(ended.stdout) < 10
    assert_nothing_left(tmp_path)


@pytest.mark.parametrize("count", [0, 1, 5])
def test_results_come_in_order(temporary: Path, count: int) -> None:
    """However big they are, with workers and without."""
    results = side_by_side(side_work.work, ITEMS[:count], threading.Event())
    assert list(results) == [item * 10 for item in ITEMS[:count]]
    assert_nothing_left(temporary)


@pytest.mark.parametrize("count", [1, 3])
def test_nothing_starts_after_stop(temporary: Path, count: int) -> None:
    """With workers and without."""
    stop = threading.Event()
    stop.set()
    assert list(side_by_side(side_work.work, ITEMS[:count], stop)) == []
    assert_nothing_left(temporary)


def test_results_before_stop_are_kept(temporary: Path) -> None:
    """The rest is not waited for."""
    stop = threading.Event()
    results = side_by_side(side_work.work, ITEMS, stop)
    assert next(results) == ITEMS[0] * 10
    stop.set()
    assert list(results) == []
    assert_nothing_left(temporary)


def test_an_error_is_raised_in_order(temporary: Path) -> None:
    """After the results before it, with a note about where it was raised."""
    results = side_by_side(side_work.refuse, ITEMS, threading.Event())
    assert [next(results) for _ in range(3)] == [item * 10 for item in ITEMS[:3]]
    with pytest.raises(ValueError, match="this one is not for me") as caught:
        next(results)
    assert "in refuse" in caught.value.__notes__[0]
    assert_nothing_left(temporary)


def test_an_error_that_can_not_be_unpickled_keeps_its_message(temporary: Path) -> None:
    """It becomes a RuntimeError with the original message."""
    results = side_by_side(side_work.be_picky, ITEMS, threading.Event())
    with pytest.raises(RuntimeError, match="PickyError: this is number 0"):
        next(results)
    assert_nothing_left(temporary)


def test_a_caller_may_stop_iterating(temporary: Path) -> None:
    """The workers are killed then."""
    results = side_by_side(side_work.work, ITEMS, threading.Event())
    next(results)
    del results
    assert_nothing_left(temporary)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_worker_is_an_error(temporary: Path, number: int) -> None:
    """The other workers are killed, too, and nothing waits for ever."""
    sending = threading.Thread(target=signal_the_first, args=(temporary, number))
    sending.start()
    with pytest.raises(WorkerEndedError, match="killed from outside; is there too little memory"):
        list(side_by_side(side_work.wait_long, ITEMS, threading.Event()))
    sending.join()
    assert_nothing_left(temporary)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGSTOP])
def test_a_killed_worker_does_not_matter_after_stop(temporary: Path, number: int) -> None:
    """A service manager may kill the workers first; a suspended worker is killed, too."""
    stop = threading.Event()
    sending = threading.Thread(target=signal_the_first, args=(temporary, number, stop.set))
    sending.start()
    assert list(side_by_side(side_work.wait_long, ITEMS, stop)) == []
    sending.join()
    assert_nothing_left(temporary)


def signal_the_first(temporary: Path, number: int, then: Callable[[], None] = lambda: None) -> None:
    """Send a signal to the first worker that has begun."""
    begun = partial(temporary.glob, "policies-*/*.begun")
    until = time.monotonic() + LONGEST
    while not any(begun()) and time.monotonic() < until:
        time.sleep(0.005)
    os.kill(int(next(begun()).stem), number)
    then()


def assert_nothing_left(temporary: Path) -> None:
    """Fail if a file or a process is left; a killed process may take a moment to disappear."""
    assert list(temporary.iterdir()) == []
    until = time.monotonic() + LONGEST
    while running(temporary) and time.monotonic() < until:
        time.sleep(0.01)
    assert running(temporary) == []


def running(temporary: Path) -> list[str]:
    """Return the command lines that contain a folder."""
    listed = subprocess.run(
        ["ps", "-ww", "-eo", "args"], capture_output=True, text=True, check=True
    )
    return [line for line in listed.stdout.splitlines() if str(temporary) in line]
