"""Work in processes that end in the middle: nothing hangs, nothing is left."""

import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lab.side_by_side import WorkerEndedError, side_by_side
from tests.lab.conftest import assert_nothing_running

ITEMS = [bytes([number]) * 300_000 for number in range(40)]
"""Each is more than a pipe holds."""


def work(item: bytes) -> bytes:
    """Start a program, write a file, and return more than a pipe holds."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(item)
        with subprocess.Popen(
            ["tail", "-f", file.name], stdout=subprocess.DEVNULL
        ) as program:
            program.terminate()
    return item * 10


def refuse(item: bytes) -> bytes:
    """Work, but raise an error for one of the items."""
    if item == ITEMS[3]:
        raise ValueError("this one is not for me")
    return work(item)


class Killed:
    """Ends its process when it is pickled, after a part of the answer was written."""

    def __reduce__(self) -> Any:
        """End."""
        os.kill(os.getpid(), signal.SIGKILL)


def die_at_work(item: bytes) -> bytes:
    """Work, but end without an answer, and leave a program behind."""
    if item == ITEMS[3]:
        with tempfile.NamedTemporaryFile() as file:
            subprocess.Popen(["tail", "-f", file.name], stdout=subprocess.DEVNULL)
            os.kill(os.getpid(), signal.SIGKILL)
    return work(item)


def die_in_the_answer(item: bytes) -> Any:
    """Work, but end in the middle of the answer."""
    return [work(item), Killed()] if item == ITEMS[3] else work(item)


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of temporary files."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("count", [0, 1, 3, 40])
def test_results_come_in_order(temporary: Path, count: int) -> None:
    """Results come in order, however big, with workers and without."""
    results = side_by_side(work, ITEMS[:count], threading.Event(), 3)
    assert list(results) == [item * 10 for item in ITEMS[:count]]
    assert_nothing_left(temporary)


@pytest.mark.parametrize(
    ("broken", "error", "sentence"),
    [
        (refuse, ValueError, "this one is not for me"),
        (die_at_work, WorkerEndedError, "a worker process was killed from outside"),
        (die_in_the_answer, WorkerEndedError, "is there too little memory?"),
    ],
)
def test_an_error_is_raised_in_order(
    temporary: Path,
    broken: Callable[[bytes], bytes],
    error: type[Exception],
    sentence: str,
) -> None:
    """An item's error, or its worker's end, is raised after the results before it."""
    results = side_by_side(broken, ITEMS, threading.Event(), 3)
    assert [next(results) for _ in range(3)] == [item * 10 for item in ITEMS[:3]]
    with pytest.raises(error, match=sentence):
        next(results)
    assert_nothing_left(temporary)


def assert_nothing_left(temporary: Path) -> None:
    """Fail if a file or a process is left."""
    assert list(temporary.iterdir()) == []
    assert_nothing_running(temporary)
