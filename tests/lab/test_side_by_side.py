"""Work in processes that are ended in the middle of it: nothing hangs, nothing is left."""

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
def held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of temporary files; several processes work, on any machine."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    return tmp_path


def test_work_is_interrupted_at_ninety_different_moments(tmp_path: Path) -> None:
    """While processes start, write or wait, it ends soon, with all that was started and held."""
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


def test_what_is_big_gets_there_and_back(held: Path) -> None:
    """In its order, and with nothing left behind."""
    made = side_by_side(side_work.work, ITEMS[:5], threading.Event())
    assert list(made) == [item * 10 for item in ITEMS[:5]]
    assert_nothing_left(held)


def test_what_is_raised_is_raised_in_its_turn(held: Path) -> None:
    """What comes before it is there, and it says where it comes from."""
    made = side_by_side(side_work.refuse, ITEMS, threading.Event())
    assert [next(made) for _ in range(3)] == [item * 10 for item in ITEMS[:3]]
    with pytest.raises(ValueError, match="this one is not for me") as caught:
        next(made)
    assert "in refuse" in caught.value.__notes__[0]
    assert_nothing_left(held)


def test_an_error_that_no_other_process_can_read_is_told_all_the_same(held: Path) -> None:
    """With the words that it has."""
    made = side_by_side(side_work.be_picky, ITEMS, threading.Event())
    with pytest.raises(RuntimeError, match="PickyError: this is number 0"):
        next(made)
    assert_nothing_left(held)


def test_whoever_wants_no_more_leaves_nothing_behind(held: Path) -> None:
    """The rest is ended as soon as nobody asks for it."""
    made = side_by_side(side_work.work, ITEMS, threading.Event())
    next(made)
    del made
    assert_nothing_left(held)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_process_that_is_ended_ends_the_others(held: Path, number: int) -> None:
    """It is an error, and no endless wait."""
    sending = threading.Thread(target=signal_the_first, args=(held, number))
    sending.start()
    with pytest.raises(WorkerEndedError):
        list(side_by_side(side_work.wait_long, ITEMS, threading.Event()))
    sending.join()
    assert_nothing_left(held)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGSTOP])
def test_what_came_of_a_process_does_not_matter_when_it_is_to_stop(held: Path, number: int) -> None:
    """Whoever ends a whole service ends the processes too; one that stands still ends as well."""
    stop = threading.Event()
    sending = threading.Thread(target=signal_the_first, args=(held, number, stop.set))
    sending.start()
    assert list(side_by_side(side_work.wait_long, ITEMS, stop)) == []
    sending.join()
    assert_nothing_left(held)


def signal_the_first(held: Path, number: int, then: Callable[[], None] = lambda: None) -> None:
    """Send a signal to the first process that has begun."""
    begun = partial(held.glob, "policies-*/*.begun")
    until = time.monotonic() + LONGEST
    while not any(begun()) and time.monotonic() < until:
        time.sleep(0.005)
    os.kill(int(next(begun()).stem), number)
    then()


def assert_nothing_left(held: Path) -> None:
    """Fail if there is a file left, or a process; one that was killed may take its time to go."""
    assert list(held.iterdir()) == []
    until = time.monotonic() + LONGEST
    while playing(held) and time.monotonic() < until:
        time.sleep(0.01)
    assert playing(held) == []


def playing(held: Path) -> list[str]:
    """Return the command lines of the processes that have to do with a folder."""
    told = subprocess.run(["ps", "-ww", "-eo", "args"], capture_output=True, text=True, check=True)
    return [line for line in told.stdout.splitlines() if str(held) in line]
