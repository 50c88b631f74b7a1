"""``watch``: its schedule, its log, and how it ends."""

import io
import re
import signal
import threading
from collections.abc import Iterable

from exporter.command.cli import main
from exporter.process import TERMINATED
from exporter.run.session import run_every
from tests.conftest import SignalWhen
from tests.exporter.command.conftest import CARTS_PENDING, Shop
from tests.tables import rows


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
    took: Iterable[float], seconds: float = 10, late: Iterable[float] = ()
) -> list[float]:
    """Return when each run began, given how long each takes and each wait overruns."""
    clock = Clock(late)
    began = []
    left = list(took)

    def work() -> None:
        began.append(clock.now)
        clock.now += left.pop(0)
        if not left:
            clock.set()

    run_every(work, seconds, clock, monotonic=clock)
    return began


@rows
def test_runs_start_at_multiples_of_the_interval(
    took: list[float], late: list[float], starts: list[float]
) -> None:
    """Runs neither drift nor overlap; a start that comes too soon is skipped."""
    assert begun(took, late=late) == starts


def test_watch_prints_its_log_alone(shop: Shop, signal_when: SignalWhen) -> None:
    """Each line has the time of day; SIGTERM between two runs ends it with 143."""
    out = io.StringIO()
    err = io.StringIO()
    signal_when(signal.SIGTERM, lambda: "points written" in err.getvalue())
    assert main(["watch"], shop.environ, out, err) == TERMINATED
    assert out.getvalue() == ""
    _, bad, summary, stopped = err.getvalue().splitlines()
    assert re.fullmatch(rf"\d\d:\d\d:\d\d warning: {re.escape(CARTS_PENDING)}", bad)
    assert re.match(
        r"\d\d:\d\d:\d\d 3 streams watched in 2 locations .*; 28 points written; ",
        summary,
    )
    assert "SIGTERM: finishing the work under way" in stopped
    assert len(shop.cloud.points()) == 28
