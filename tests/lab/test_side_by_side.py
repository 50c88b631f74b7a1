"""Work in processes that end in the middle: nothing hangs, nothing is left."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from threading import Event

import pytest

from lab.side_by_side import WorkerEndedError, side_by_side
from tests.lab.conftest import assert_nothing_running
from tests.lab.side_work import (
    ITEMS,
    die_at_work,
    die_in_the_answer,
    refuse,
    work,
)


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of temporary files."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("count", [0, 1, 3, 40])
def test_results_come_in_order(temporary: Path, count: int) -> None:
    """Results come in order, however big, with workers and without."""
    results = side_by_side(work, ITEMS[:count], Event(), 3)
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
    results = side_by_side(broken, ITEMS, Event(), 3)
    assert [next(results) for _ in range(3)] == [item * 10 for item in ITEMS[:3]]
    with pytest.raises(error, match=sentence):
        next(results)
    assert_nothing_left(temporary)


def assert_nothing_left(temporary: Path) -> None:
    """Fail if a file or a process is left."""
    assert list(temporary.iterdir()) == []
    assert_nothing_running(temporary)
