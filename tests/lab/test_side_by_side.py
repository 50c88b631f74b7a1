"""Work in processes that end in the middle: nothing hangs, nothing is left."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from threading import Event

import pytest

from lab.side_by_side import WorkerEndedError, side_by_side
from tests.lab.conftest import assert_nothing_running
from tests.lab.side_work import ITEMS, die, refuse


@pytest.mark.parametrize(
    ("broken", "error", "sentence"),
    [
        (refuse, ValueError, "this one is not for me"),
        (die, WorkerEndedError, "a worker process was killed from outside"),
    ],
)
def test_an_error_is_raised_in_order(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    broken: Callable[[bytes], bytes],
    error: type[Exception],
    sentence: str,
) -> None:
    """A worker's error or death follows the results before it, and leaves nothing."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    results = side_by_side(broken, ITEMS, Event(), 3)
    assert [next(results) for _ in range(3)] == [item * 10 for item in ITEMS[:3]]
    with pytest.raises(error, match=sentence):
        next(results)
    assert list(tmp_path.iterdir()) == []
    assert_nothing_running(tmp_path)
