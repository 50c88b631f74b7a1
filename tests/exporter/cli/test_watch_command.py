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
from exporter.cli import INCOMPLETE, TERMINATED
from exporter.google.calls import Deadline
from exporter.logs import LOGGER, Text, logging_to
from exporter.names import LocationName
from exporter.read import Stream
from exporter.run import Report
from exporter.run_log import RunLog
from exporter.runs import run_every
from exporter.show import fleet_screen
from exporter.states import StreamState
from tests.conftest import SignalWhen
from tests.exporter.cli.conftest import (
    CARTS,
    CARTS_PAUSED,
    JOB,
    Command,
    ServeShop,
    World,
    start,
)
from tests.exporter.cli.test_interrupted import called, until
from tests.exporter.reports import DOWN, report
from tests.terminal_screen import TerminalScreen

RUNNING, PAUSED, FAILED = StreamState.RUNNING, StreamState.PAUSED, StreamState.FAILED


class Clock:
    """Monotonic seconds that pass only when told to."""

    now = 1000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


class Stop(threading.Event):
    """An event whose waits make a clock's time pass, and none of anybody else's."""

    def __init__(self, clock: Clock, late: Iterable[float]) -> None:
        """Take the clock, and how much too long each wait lasts."""
        super().__init__()
        self._clock = clock
        self._late = iter(late)

    def wait(self, timeout: float | None = None) -> bool:
        """Let the time pass."""
        assert timeout is not None
        assert timeout >= 0
        self._clock.now += timeout + next(self._late, 0)
        return self.is_set()


def begun(took: Iterable[float], seconds: float = 10, late: Iterable[float] = ()) -> list[float]:
    """Return when each piece of work began, given how long each takes and each wait overruns."""
    clock = Clock()
    stop = Stop(clock, late)
    began, left = [], list(took)

    def work() -> None:
        began.append(clock.now - Clock.now)
        clock.now += left.pop(0)
        if not left:
            stop.set()

    run_every(work, seconds, stop, monotonic=clock)
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
            [
                "A run took 12.0 s, longer than the interval of 10 s: 1 run skipped. Raise "
                "--interval, or split the work.",
                "A run took 35.0 s, longer than the interval of 10 s: 3 runs skipped. Raise "
                "--interval, or split the work.",
            ],
        ),
        # A start at 30 s would have its points refused.
        (
            [1, 1, 1, 0],
            [18],
            [0, 28, 40, 50],
            ["A run started 18.0 s late (process or machine paused): 2 runs skipped."],
        ),
    ],
    ids=["stopped", "no drift", "no overlap", "stood still"],
)
def test_runs_start_at_multiples_of_the_interval(
    took: list[float], late: list[float], starts: list[float], logged: list[str]
) -> None:
    """They neither drift nor overlap; starts that are skipped are said, with the time of day."""
    with logging_to(log := io.StringIO(), Text(times=True)):
        assert begun(took, late=late) == starts
    lines = log.getvalue().splitlines()
    assert [re.sub(r"^\d\d:\d\d:\d\d warning: ", "", line) for line in lines] == logged


@given(
    late=st.lists(st.floats(0, 100), max_size=8),
    took=st.lists(st.floats(0, 60), min_size=9, max_size=9),
    seconds=st.integers(10, 60),
)
def test_two_starts_are_never_closer_than_cloud_monitoring_takes_points(
    late: list[float], took: list[float], seconds: int
) -> None:
    """For any work and any standstill: at least five seconds, and on a multiple unless late."""
    began = begun(took, seconds, late)
    assert all(after - before >= 5 - 1e-6 for before, after in itertools.pairwise(began))
    for started, overrun in itertools.zip_longest(began[1:], late, fillvalue=0):
        on_time = (started - overrun) / seconds
        assert on_time == pytest.approx(round(on_time))


class Failing:
    """Runs of which the first fails unexpectedly."""

    def __init__(self, *_given: object) -> None:
        """Take what runs take."""

    def once(self, _deadline: Deadline) -> None:
        """Fail."""
        raise ZeroDivisionError


def test_a_run_that_fails_unexpectedly_ends_the_process(
    command: Command, served: ServeShop, shop: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On Cloud Run it exits with 1, to be restarted; a person gets Python's own traceback."""
    monkeypatch.setattr(commands, "Runs", Failing)
    _, environ = served(shop)
    ended = command("watch", environ={**environ, **JOB})
    assert ended.code == INCOMPLETE
    assert ended.log[-1]["severity"] == "ERROR"
    assert "ZeroDivisionError" in ended.log[-1]["message"]
    with pytest.raises(ZeroDivisionError):
        command("watch", environ=environ)


def test_in_a_pipe_watch_prints_its_log_alone(
    command: Command,
    served: ServeShop,
    shop: World,
    signal_when: SignalWhen,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each line has the time of day, on stderr; SIGTERM between two runs ends it with 143."""
    cloud, environ = served(shop)
    logged = threading.Event()
    signal_when(signal.SIGTERM, logged.is_set)
    log = RunLog.log

    def log_and_stop(run_log: RunLog, run: Report) -> None:
        log(run_log, run)
        logged.set()

    monkeypatch.setattr(RunLog, "log", log_and_stop)
    code, out, err = command("watch", environ=environ)
    assert (code, out) == (TERMINATED, "")
    _, bad, summary, stopped = err.splitlines()
    assert re.fullmatch(rf"\d\d:\d\d:\d\d warning: {re.escape(CARTS_PAUSED)}", bad)
    assert re.match(r"\d\d:\d\d:\d\d 3 streams in 2 locations .*; 26 points written; ", summary)
    assert "SIGTERM: finishing the work under way" in stopped
    assert len(cloud.points()) == 26


@pytest.fixture(autouse=True)
def _of_any_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing but the terminal say what it can and how large it is."""
    monkeypatch.setenv("TERM", "xterm-256color")
    for name in ("NO_COLOR", "COLUMNS", "LINES", "FORCE_COLOR", "COLORTERM"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("no_color", [False, True])
def test_the_screen_is_a_table_below_the_log(
    monkeypatch: pytest.MonkeyPatch, *, no_color: bool
) -> None:
    """The worst come first, the problem alone is cut, colours can be off, and no line is lost."""
    for name, value in (("COLUMNS", "100"), ("LINES", "24"), *([("NO_COLOR", "1")] * no_color)):
        monkeypatch.setenv(name, value)
    carts, stock = Stream("carts", RUNNING), Stream("stock", PAUSED)
    lost = Stream("orders", FAILED, 1, error="The slot of the replication is lost, all of it.")
    with TerminalScreen(100, 24) as screen:
        with fleet_screen(screen.stream, screen.stream) as show:
            show(report(carts, stock, Stream("orders", RUNNING)))
            screen.wait_for("3 streams in 1 location (1 not as expected)")
            LOGGER.error("%s\nfailed.", "orders")
            show(report(carts, stock, lost))
            lines = screen.wait_for("(1 failed, 1 not as expected)")
            colors = screen.colors
    headings = "STREAM  PROJECT    LOCATION      STATE    EXPECTED  ERRORS  FOR  PROBLEM"
    assert re.match(r"\d\d:\d\d:\d\d error: orders\\nfailed\.$", lines[0])
    assert lines[1:6] == [
        headings,
        "orders  shop-prod  europe-west1  FAILED   no        1       0s   failed; Datastream keeps retrying:…",
        "stock   shop-prod  europe-west1  PAUSED   no        0       0s   is PAUSED, which config does not e…",
        "carts   shop-prod  europe-west1  RUNNING  yes       0       0s",
        "3 streams in 1 location (1 failed, 1 not as expected)",
    ]
    assert not any(lines[6:])
    assert ({"red", "green"} <= colors) is not no_color


def test_a_fleet_larger_than_the_screen_shows_the_worst(monkeypatch: pytest.MonkeyPatch) -> None:
    """How many more there are is said; an unreadable location is unknown, and above what is fine."""
    for name, value in (("COLUMNS", "120"), ("LINES", "10")):
        monkeypatch.setenv(name, value)
    fine = [Stream(f"a-{number:03}\x1b[2J", RUNNING) for number in range(100)]
    slow = Stream("slow", RUNNING, 1, error="Slow.")
    run = replace(
        report(*fine, slow, Stream("paused", PAUSED), Stream("failed", FAILED)),
        unread={LocationName("shop-prod", "us-east1"): DOWN},
    )
    with TerminalScreen(120, 10) as screen:
        with fleet_screen(screen.stream, io.StringIO()) as show:
            show(run)
            lines = screen.wait_for("103 streams in 1 location")
    rows = [line.split()[0] for line in lines if line]
    assert rows == ["STREAM", "failed", "?", "paused", "slow", *rows[5:7], "and", "103"]
    assert rows[5] == r"a-000\x1b[2J"
    assert "and 98 more" in lines[7]


@pytest.mark.parametrize(
    ("age", "shown"),
    [(0, "0s"), (59, "59s"), (60, "1m"), (3599, "59m"), (7200, "2h"), (86_400 * 3, "3d")],
)
def test_how_long_a_state_lasts_is_in_the_table(
    monkeypatch: pytest.MonkeyPatch, age: float, shown: str
) -> None:
    """Since it was first seen; a stream that changed starts anew."""
    clock = Clock()
    monkeypatch.setattr("exporter.show.time.monotonic", clock)
    monkeypatch.setenv("COLUMNS", "120")
    orders = Stream("orders", RUNNING)
    with TerminalScreen(120, 24) as screen:
        with fleet_screen(screen.stream, io.StringIO()) as show:
            show(report(orders, Stream("carts", RUNNING)))
            clock.now += age
            show(report(orders, Stream("carts", FAILED)))
            lines = screen.wait_for("FAILED")
    assert [line.split()[6] for line in lines[1:3]] == ["0s", shown]


def test_a_process_shows_the_fleet_and_leaves_the_terminal(served: ServeShop, shop: World) -> None:
    """The whole command: Ctrl-C ends it with 130, and table and log stay."""
    _, environ = served(shop)
    with TerminalScreen(120, 30) as screen:
        streams = dict.fromkeys(("stdin", "stdout", "stderr"), screen.stream)
        with start(environ, "watch", **streams) as process:
            screen.wait_for("3 streams in 2 locations (1 not as expected)")
            screen.wait_for("is PAUSED, which config does not expect")
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 130
        lines = screen.wait_for("SIGINT: finishing")
    assert sum(CARTS in line for line in lines) == 1
    assert screen.written.rstrip().endswith(b"\x1b[?25h"), "the cursor is back"


def test_a_second_signal_brings_the_cursor_back(served: ServeShop, shop: World) -> None:
    """A run that hangs is left at once."""
    shop["faults"] = [{"method": "CreateTimeSeries", "latency": "10m"}]
    cloud, environ = served(shop)
    with TerminalScreen(80, 24) as screen:
        streams = dict.fromkeys(("stdin", "stdout", "stderr"), screen.stream)
        with start(environ, "watch", **streams) as process:
            screen.wait_for("MONITORING_EMULATOR_HOST")
            until(called(cloud, "CreateTimeSeries", 2))
            process.send_signal(signal.SIGTERM)
            screen.wait_for("SIGTERM: finishing")
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == TERMINATED
        screen.wait_for(lambda: screen.written.rstrip().endswith(b"\x1b[?25h"))
