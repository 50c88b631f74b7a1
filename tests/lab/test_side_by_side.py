"""Work in processes that are killed in the middle: nothing hangs, nothing is left."""

import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from lab.side_by_side import side_by_side
from tests.lab import side_work
from tests.lab.conftest import assert_nothing_running
from tests.lab.side_work import ITEMS

ROOT = Path(__file__).parents[2]


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of temporary files."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("count", [0, 1, 5])
def test_results_come_in_order(temporary: Path, count: int) -> None:
    """Results come in order, however big, with workers and without."""
    results = side_by_side(
        side_work.work,
        ITEMS[:count],
        threading.Event(),
        2,
    )
    assert list(results) == [item * 10 for item in ITEMS[:count]]
    assert_nothing_left(temporary)


def test_an_error_is_raised_in_order(temporary: Path) -> None:
    """An item's error is raised after the results before it."""
    results = side_by_side(
        side_work.refuse,
        ITEMS,
        threading.Event(),
        2,
    )
    assert [next(results) for _ in range(3)] == [item * 10 for item in ITEMS[:3]]
    with pytest.raises(ValueError, match="this one is not for me"):
        next(results)
    assert_nothing_left(temporary)


def test_a_killed_worker_is_an_error_and_nothing_hangs(tmp_path: Path) -> None:
    """It ends with a sentence, though Debian 12's pool hangs with big items."""
    ended = subprocess.run(
        [sys.executable, "-c", f"from {side_work.__name__} import *; kill_workers(1)"],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    sentence = "a worker process was killed from outside; is there too little"
    assert ended.stdout.count(sentence) == 3
    assert_nothing_left(tmp_path)


def assert_nothing_left(temporary: Path) -> None:
    """Fail if a file or a process is left."""
    assert list(temporary.iterdir()) == []
    assert_nothing_running(temporary)
