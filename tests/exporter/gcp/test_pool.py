"""Work in threads: how much at once, who is waited for, and what an error becomes."""

from __future__ import annotations

from threading import Event
from typing import TYPE_CHECKING

import pytest

from exporter.google.calls import Deadline
from exporter.gcp.pool import Pool
from tests.exporter.read.worlds import PLENTY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from exporter.gcp.pool import Work


@pytest.fixture
def released() -> Iterator[Event]:
    """Return what hanging work waits for, at the latest until the test ends."""
    event = Event()
    yield event
    event.set()


def work(name: str, done: list[str], until: Event | None = None) -> Work:
    """Return work that adds its name to a list, once an event is set."""

    def do() -> Callable[[], None]:
        if until:
            until.wait(PLENTY)
        return lambda: done.append(name)

    return do


def test_work_that_hangs_gives_its_place_to_other_work(released: Event) -> None:
    """With one place, three pieces hang, and the fourth is done; they are waited for later."""
    done: list[str] = []
    pool = Pool(1, Deadline.after(2))
    pool.add([*(work(f"hangs-{number}", done, released) for number in range(3)), work("b", done)])
    pool.wait(0.5)
    assert done == ["b"]
    released.set()
    pool.wait()
    assert sorted(done) == ["b", "hangs-0", "hangs-1", "hangs-2"]


def test_work_is_taken_as_its_turn_comes_and_can_add_work() -> None:
    """Nothing is built before there is a place for it, and what a result adds is done too."""
    done: list[str] = []
    pool = Pool(1, Deadline.after(PLENTY))
    built: list[int] = []

    def pieces() -> Iterator[Work]:
        for number in range(3):
            built.append(len(done))
            yield work(str(number), done)

    pool.add([lambda: lambda: pool.add(pieces())])
    pool.wait()
    assert done == ["0", "1", "2"]
    assert built == [0, 1, 2]


def test_a_stop_starts_nothing_more_and_waits_as_long_as_it_is_asked_to(released: Event) -> None:
    """What is under way can still be finished; what was not started stays undone."""
    done: list[str] = []
    deadline = Deadline.after(PLENTY)
    pool = Pool(2, deadline)

    def stop() -> Callable[[], None]:
        deadline.stop.set()
        return released.set

    pool.add([work("under way", done, released), stop, work("never", done)])
    pool.wait(when_stopped=PLENTY)
    assert done == ["under way"]
    assert pool.stopped


def test_an_error_that_work_does_not_handle_is_raised_where_it_is_waited_for() -> None:
    """It neither vanishes in a thread nor keeps anybody waiting for ever."""

    def fail() -> Callable[[], None]:
        raise KeyError("a bug")

    pool = Pool(4, Deadline.after(PLENTY))
    pool.add([fail])
    with pytest.raises(KeyError, match="a bug"):
        pool.wait()
