"""``watch``: its schedule, its log, and how it ends."""

import io
import re
import signal
import threading
from collections.abc import Iterable

import pytest

from exporter.command.cli import main
from exporter.logger import Text, logging_to
from exporter.process import TERMINATED
from exporter.run.session import run_every
from tests.conftest import SignalWhen
from tests.exporter.command.conftest import CARTS_PAUSED, Shop


class Clock(threading.Event):
    """Seconds that pass only when told to, or when somebody waits for this event."""

    def __init__(self, late: Iterable[float] = ()) -> None:
        """Take how much too long each wait lasts."""
        super().__init__()
        self.now = 0.0
        self._late = iter(late)

    def __call__(self) -> float:
        """Return the time."""
        return self.now

    def wait(self, timeout: float | None = None) -> bool:
        """Let the time pass."""
        assert timeout is not None
        assert timeout >= 0
        self.now += timeout + next(self._late, 0)
        return self.is_set()


def begun(
    took: Iterable[float],
    seconds: float = 10,
    late: Iterable[float] = (),
) -> list[float]:
    """Return when each run began, given how long each takes and each wait overruns."""
    clock, began, left = Clock(late), [], list(took)

    def work() -> None:
        began.append(clock.now)
        clock.now += left.pop(0)
        if not left:
            clock.set()

    run_every(work, seconds, clock, monotonic=clock)
    return began


@pytest.mark.parametrize(
    ("took", "late", "starts", "logged"),
    [
        ([3], [], [0], []),
        ([0.1, 9.9, 3, 0], [], [0, 10, 20, 30], []),
        (
            [12, 35, 1, 1],
            [],
            [0, 20, 60, 70],
            ["0.0 s late and took 12.0 s: 1 run", "0.0 s late and took 35.0 s: 3 runs"],
        ),
        # A start at 30 s would have its points refused.
        ([1, 1, 1, 0], [18], [0, 28, 40, 50], ["18.0 s late and took 1.0 s: 2 runs"]),
    ],
    ids=["stopped", "no drift", "no overlap", "stood still"],
)
def test_runs_start_at_multiples_of_the_interval(
    took: list[float],
    late: list[float],
    starts: list[float],
    logged: list[str],
) -> None:
    """Runs neither drift nor overlap; the log has the skipped ones, and when."""
    with logging_to(log := io.StringIO(), Text(datefmt="%H:%M:%S")):
        assert begun(took, late=late) == starts
    line = r"^\d\d:\d\d:\d\d warning: A run started (.*) skipped\."
    assert re.findall(line, log.getvalue(), re.MULTILINE) == logged


def test_watch_prints_its_log_alone(shop: Shop, signal_when: SignalWhen) -> None:
    """Each line has the time of day; SIGTERM between two runs ends it with 143."""
    out, err = io.StringIO(), io.StringIO()
    signal_when(signal.SIGTERM, lambda: "points written" in err.getvalue())
    assert main(["watch"], shop.environ, out, err) == TERMINATED
    assert out.getvalue() == ""
    _, bad, summary, stopped = err.getvalue().splitlines()
    assert re.fullmatch(rf"\d\d:\d\d:\d\d warning: {re.escape(CARTS_PAUSED)}", bad)
    assert re.match(
        r"\d\d:\d\d:\d\d 3 streams watched in 2 locations .*; 28 points written; ",
        summary,
    )
    assert "SIGTERM: finishing the work under way" in stopped
    assert len(shop.cloud.points()) == 28
