"""``watch``: its schedule, its screen, and how it ends."""

import io
import itertools
import re
import signal
import threading
from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter import commands
from exporter.logs import LOGGER, Text, logging_to
from exporter.names import LocationName
from exporter.process import INCOMPLETE, TERMINATED
from exporter.read import Stream
from exporter.report import Report
from exporter.run_log import RunLog
from exporter.runs import run_every
from exporter.show import fleet_screen
from exporter.states import StreamState
from tests.conftest import SignalWhen
from tests.exporter.cli.conftest import CARTS, CARTS_PAUSED, Shop
from tests.exporter.cli.test_interrupted import called, until
from tests.exporter.reports import DOWN, report
from tests.terminal_screen import TerminalScreen

RUNNING, PAUSED, FAILED = StreamState.RUNNING, StreamState.PAUSED, StreamState.FAILED
SHOW_CURSOR = b"\x1b[?25h"


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
    took: list[float], late: list[float], starts: list[float], logged: list[str]
) -> None:
    """Runs neither drift nor overlap; the log has the skipped ones, and when."""
    with logging_to(log := io.StringIO(), Text(times=True)):
        assert begun(took, late=late) == starts
    line = r"^\d\d:\d\d:\d\d warning: A run started (.*) skipped\."
    assert re.findall(line, log.getvalue(), re.MULTILINE) == logged


@given(
    late=st.lists(st.floats(0, 100), max_size=8),
    took=st.lists(st.floats(0, 60), min_size=9, max_size=9),
    seconds=st.integers(10, 60),
)
def test_two_starts_are_never_closer_than_cloud_monitoring_takes_points(
    late: list[float], took: list[float], seconds: int
) -> None:
    """Starts are at least five seconds apart, and on a multiple unless late."""
    began = begun(took, seconds, late)
    assert all(
        after - before >= 5 - 1e-6 for before, after in itertools.pairwise(began)
    )
    for started, overrun in itertools.zip_longest(began[1:], late, fillvalue=0):
        on_time = (started - overrun) / seconds
        assert on_time == pytest.approx(round(on_time))


def test_a_run_that_fails_unexpectedly_ends_the_process(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On Cloud Run it exits with 1, to be restarted; a person gets the traceback."""
    monkeypatch.setattr(commands, "run_once", None)
    ended = shop.job("watch")
    assert ended.code == INCOMPLETE
    assert ended.log[-1]["severity"] == "ERROR"
    assert "TypeError" in ended.log[-1]["message"]
    with pytest.raises(TypeError):
        shop.command("watch")


def test_in_a_pipe_watch_prints_its_log_alone(
    shop: Shop, signal_when: SignalWhen, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each line has the time of day; SIGTERM between two runs ends it with 143."""
    logged, log = threading.Event(), RunLog.log

    def log_and_say_so(run_log: RunLog, run: Report) -> None:
        log(run_log, run)
        logged.set()

    monkeypatch.setattr(RunLog, "log", log_and_say_so)
    signal_when(signal.SIGTERM, logged.is_set)
    code, out, err = shop.command("watch")
    assert (code, out) == (TERMINATED, "")
    _, bad, summary, stopped = err.splitlines()
    assert re.fullmatch(rf"\d\d:\d\d:\d\d warning: {re.escape(CARTS_PAUSED)}", bad)
    assert re.match(
        r"\d\d:\d\d:\d\d 3 streams in 2 locations .*; 26 points written; ", summary
    )
    assert "SIGTERM: finishing the work under way" in stopped
    assert len(shop.cloud.points()) == 26


@pytest.mark.parametrize("no_color", [False, True])
def test_the_screen_is_a_table_below_the_log(
    monkeypatch: pytest.MonkeyPatch, *, no_color: bool
) -> None:
    """The worst come first, the problem alone is cut, and colours can be off."""
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("LINES", "24")
    if no_color:
        monkeypatch.setenv("NO_COLOR", "1")
    carts, stock, orders = (
        Stream(name, RUNNING) for name in ("carts", "stock", "orders")
    )
    lost = replace(
        orders, state=FAILED, errors=1, error="The slot of the replication is lost."
    )
    with (
        TerminalScreen(100, 24) as screen,
        fleet_screen(screen.stream, screen.stream) as show,
    ):
        show(report(carts, replace(stock, state=PAUSED), orders))
        screen.wait_for("3 streams in 1 location (1 not as expected)")
        LOGGER.error("%s\nfailed.", "orders")
        show(report(carts, replace(stock, state=PAUSED), lost))
        lines = screen.wait_for("(1 failed, 1 not as expected)")
    assert re.match(r"\d\d:\d\d:\d\d error: orders\\nfailed\.$", lines[0])
    shop = "shop-prod  europe-west1"
    assert lines[1:6] == [
        "STREAM  PROJECT    LOCATION      STATE    EXPECTED  ERRORS  PROBLEM",
        (
            f"orders  {shop}  FAILED   no        1       failed; Datastream keeps"
            " retrying: The …"
        ),
        (
            f"stock   {shop}  PAUSED   no        0       is PAUSED, which config does"
            " not expect"
        ),
        f"carts   {shop}  RUNNING  yes       0",
        "3 streams in 1 location (1 failed, 1 not as expected)",
    ]
    assert not any(lines[6:])
    assert ({"red", "green"} <= screen.colors) is not no_color


def test_a_fleet_larger_than_the_screen_shows_the_worst(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """How many more there are is said; an unreadable location is above what is fine."""
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("LINES", "10")
    fine = [Stream(f"a-{number:03}\x1b[2J", RUNNING) for number in range(100)]
    slow = Stream("slow", RUNNING, 1, error="Slow.")
    run = replace(
        report(*fine, slow, Stream("paused", PAUSED), Stream("failed", FAILED)),
        unread={LocationName("shop-prod", "us-east1"): DOWN},
    )
    with (
        TerminalScreen(120, 10) as screen,
        fleet_screen(screen.stream, io.StringIO()) as show,
    ):
        show(run)
        lines = screen.wait_for("103 streams in 1 location")
    firsts = [line.split()[0] for line in lines if line]
    row = r"a-00{}\x1b[2J".format
    assert firsts == [
        "STREAM",
        "failed",
        "?",
        "paused",
        "slow",
        row(0),
        row(1),
        "and",
        "103",
    ]
    assert lines[7] == "and 98 more"


def test_a_process_shows_the_fleet_and_leaves_the_terminal(shop: Shop) -> None:
    """Ctrl-C ends it with 130; table and log stay, and the cursor is back."""
    with TerminalScreen(120, 30) as screen:
        streams = dict.fromkeys(("stdin", "stdout", "stderr"), screen.stream)
        with shop.start("watch", **streams) as process:
            screen.wait_for("yes       0")
            screen.wait_for("3 streams in 2 locations (1 not as expected)")
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 130
        lines = screen.wait_for("SIGINT: finishing")
        screen.wait_for(lambda: screen.written.rstrip().endswith(SHOW_CURSOR))
    assert sum(CARTS in line for line in lines) == 1


def test_a_second_signal_brings_the_cursor_back(shop: Shop) -> None:
    """A run that hangs is left at once."""
    shop.faults = [{"method": "CreateTimeSeries", "latency": "10m"}]
    with TerminalScreen(80, 24) as screen:
        streams = dict.fromkeys(("stdin", "stdout", "stderr"), screen.stream)
        with shop.start("watch", **streams) as process:
            until(called(shop, "CreateTimeSeries", 2))
            process.send_signal(signal.SIGTERM)
            screen.wait_for("SIGTERM: finishing")
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == TERMINATED
        screen.wait_for(lambda: screen.written.rstrip().endswith(SHOW_CURSOR))
