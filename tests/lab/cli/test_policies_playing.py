"""Work in several processes: in order, ended early, and where one of them dies."""

from __future__ import annotations

import os
from threading import Event

import pytest

from lab.side_by_side import WorkerEndedError, side_by_side


def test_what_is_made_comes_in_order() -> None:
    """However the processes share the work, the first item's is the first."""
    assert list(side_by_side(str.upper, ["a", "b", "c"], Event())) == ["A", "B", "C"]
    assert list(side_by_side(str.upper, ["a"], Event())) == ["A"]
    assert list(side_by_side(str.upper, [], Event())) == []


@pytest.mark.parametrize("items", [["a"], ["a", "b", "c"]])
def test_nothing_is_begun_once_it_is_to_stop(items: list[str]) -> None:
    """Whoever asked before it began gets nothing."""
    stop = Event()
    stop.set()
    assert list(side_by_side(str.upper, items, stop)) == []


def test_what_is_done_stays_when_it_is_to_stop() -> None:
    """The first is kept; what else is under way is ended."""
    stop = Event()
    made = side_by_side(str.upper, ["a", "b", "c"], stop)
    assert next(made) == "A"
    stop.set()
    assert list(made) == []


def test_a_process_that_dies_is_told() -> None:
    """A worker that the system ends, for want of memory say, is a sentence and no endless wait."""
    with pytest.raises(WorkerEndedError, match="killed from outside; is there too little memory"):
        list(side_by_side(os._exit, [1, 1, 1], Event()))
