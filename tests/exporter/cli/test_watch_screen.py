"""`watch` at a terminal, as a person sees it, and what is left when it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from exporter.cli import Signals
from exporter.terminal import LEAVE_SCREEN
from exporter.cli.watch_screen import watch_screen
from exporter.logs import Text, logging_to
from exporter.measure import Stream
from exporter.run import Report
from exporter.states import StreamState
from exporter.write.result import WriteResult
from tests.exporter.measured import measured
from tests.outputs import Printed
from tests.terminal_screen import TerminalScreen

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.exporter.cli.conftest import Serve, World

RUNNING, FAILED = StreamState.RUNNING, StreamState.FAILED


@pytest.fixture(autouse=True)
def _of_any_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing but the terminal say what it can and how large it is."""
    monkeypatch.setenv("TERM", "xterm-256color")
    for name in ("NO_COLOR", "COLUMNS", "LINES", "FORCE_COLOR", "COLORTERM"):
        monkeypatch.delenv(name, raising=False)


def report(*streams: Stream) -> Report:
    """Return the report of a run that read these streams and wrote everything."""
    return Report(measured(streams), WriteResult(accepted=24), 0.1, 5, stopped=False)


@contextmanager
def watching(
    environ: Mapping[str, str], screen: TerminalScreen, *argv: str
) -> Iterator[subprocess.Popen[bytes]]:
    """Run ``watch``, or other arguments of Python, on a terminal, as a process of its own."""
    stream = screen.stream
    process = subprocess.Popen(
        [sys.executable, *(argv or ("-m", "exporter", "watch"))],
        env={**os.environ, **environ},
        stdin=stream,
        stdout=stream,
        stderr=stream,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_the_fleet_is_a_table_with_the_log_below(monkeypatch: pytest.MonkeyPatch) -> None:
    """The table changes in place; below it stand what to look at and each change, with its time."""
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("LINES", "24")
    with TerminalScreen(100, 24) as screen:
        out = screen.stream
        with logging_to(out, Text(times=True)), watch_screen(out, out, Signals()) as show:
            show(report(Stream("carts", RUNNING), Stream("orders", RUNNING)))
            first = screen.wait_for("nothing: every stream is as expected")
            show(report(Stream("carts", RUNNING), Stream("orders", FAILED, 1, error="Lost.")))
            second = screen.wait_for("RUNNING → FAILED: Lost.")
    assert [line.split()[0] for line in first[2:5]] == ["STREAM", "carts", "orders"]
    assert "2 streams in 1 location; 24 points written; 5 calls in 0.10 s." in first[0]
    assert "(1 failed)" in second[0]
    assert second[3].split()[0::3] == ["orders", "FAILED", "Lost."]
    assert second[6:8] == ["Look at", "  nothing: every stream is as expected"]
    change = (
        "error: projects/shop-prod/locations/europe-west1/streams/orders: RUNNING → FAILED: Lost."
    )
    assert second[8].partition(" ")[2] == change
    # What was on the screen before has come back, with the log after it.
    history = screen.written.rpartition(LEAVE_SCREEN)[2].decode()
    assert history.index("Look at") < history.index(change)


def test_a_log_that_goes_elsewhere_is_written_at_once() -> None:
    """`watch 2>log` has the table on the terminal and each line in the file, the first ones too."""
    log = Printed()
    with (
        TerminalScreen(80, 24) as screen,
        logging_to(log, Text()),
        watch_screen(screen.stream, log, Signals()) as show,
    ):
        show(report(Stream("orders", RUNNING), Stream("stock", FAILED, 1, error="Lost.")))
        show(report(Stream("orders", FAILED), Stream("stock", FAILED, 1, error="Lost.")))
        lines = log.getvalue().splitlines()
        screen.wait_for("RUNNING → FAILED")
    assert lines[0].endswith("streams/stock is FAILED: Lost.")
    assert lines[1].startswith("2 streams in 1 location (1 failed); 24 points written; ")
    assert lines[2].endswith("streams/orders: RUNNING → FAILED.")
    # The screen has the first in its list of what to look at.
    assert b"is FAILED" not in screen.written
    assert "RUNNING → FAILED" not in screen.written.rpartition(LEAVE_SCREEN)[2].decode()


def test_a_process_shows_fits_and_leaves_the_terminal(serve: Serve, shop: World) -> None:
    """The whole command: another size is followed, Ctrl-C ends it, the log stays."""
    _, environ = serve(shop)
    with TerminalScreen(120, 30) as screen, watching(environ, screen) as process:
        row = ["carts", "shop-prod", "europe-west1", "PAUSED"]
        screen.wait_for(lambda lines: row in [line.split()[:4] for line in lines])
        screen.wait_for(lambda _: {"green", "brown"} <= screen.colors)
        screen.resize(20, 30)
        screen.wait_for(lambda lines: "STREAM  STATE    FOR" in lines)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
        screen.wait_for("SIGINT: finishing")
    assert b"SIGINT: finishing" in screen.written.rpartition(LEAVE_SCREEN)[2]


def test_no_color_is_obeyed(serve: Serve, shop: World) -> None:
    """With NO_COLOR the screen has no colour."""
    _, environ = serve(shop)
    with TerminalScreen(120, 30) as screen:
        with watching({**environ, "NO_COLOR": "1"}, screen):
            screen.wait_for("points written")
            screen.wait_for("PAUSED")
        assert screen.colors == {"default"}


def test_a_terminal_that_cannot_draw_gets_lines(serve: Serve, shop: World) -> None:
    """It gets the log, one line after the other."""
    _, environ = serve(shop)
    with TerminalScreen(120, 30) as screen:
        with watching({**environ, "TERM": "dumb"}, screen):
            screen.wait_for("points written")
        assert b"\x1b" not in screen.written


SHOWS_FOR_EVER = """
import sys, threading
from exporter.cli import Signals
from exporter.cli.watch_screen import watch_screen

def show():
    with watch_screen(sys.stdout, sys.stderr, signals):
        threading.Event().wait()

with Signals() as signals:
    signals.run_in_thread(show)
"""
"""What a run that hangs is to its terminal."""


def test_a_second_signal_brings_the_screen_back() -> None:
    """A run that hangs is left at once, and the terminal has its cursor and its lines."""
    with TerminalScreen(80, 24) as screen:
        with watching({}, screen, "-c", SHOWS_FOR_EVER) as process:
            screen.wait_for("Reading the fleet")
            process.send_signal(signal.SIGTERM)
            screen.wait_for("SIGTERM: finishing")
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 143
        screen.wait_for(lambda _: screen.written.rstrip().endswith(LEAVE_SCREEN + b"\x1b[?25h"))
