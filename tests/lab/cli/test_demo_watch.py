"""``datastream-lab demo watch`` at a terminal: what a newcomer sees of a bad day."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from tests.terminal_screen import TerminalScreen

WATCH = ("-m", "lab", "demo", "watch")


@pytest.mark.parametrize("columns", [120, 80, 20])
def test_the_default_fleet_is_a_table_with_what_to_look_at(columns: int) -> None:
    """The worst streams come first; the list below it begins with the worst as well."""
    environ = {**os.environ, "TERM": "xterm-256color"}
    for name in ("COLUMNS", "LINES", "NO_COLOR"):
        environ.pop(name, None)
    with TerminalScreen(columns, 50) as screen:
        process = subprocess.Popen(
            [sys.executable, *WATCH],
            env=environ,
            stdin=screen.stream,
            stdout=screen.stream,
            stderr=screen.stream,
        )
        try:
            lines = screen.wait_for(
                lambda lines: (
                    any("21 streams" in line for line in lines)
                    and "fraud-postgresqlfailedperm" in _look_at(lines)
                )
            )
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 130
        finally:
            process.kill()
            process.wait()
    table = lines[: lines.index("Look at")]
    streams = ["fraud-postgresql", "refunds-sqlserver", "billing-postgresql", "loyalty", "?"]
    positions = [
        next(number for number, line in enumerate(table) if line.startswith(stream))
        for stream in streams
    ]
    assert positions == sorted(positions)
    assert _look_at(lines).startswith(
        "Lookatprojects/payments-prod/locations/europe-west1/streams/fraud-postgresqlfailedperm"
    )


def _look_at(lines: list[str]) -> str:
    """Return what stands below the table, without the blanks: its lines are broken anywhere."""
    start = lines.index("Look at") if "Look at" in lines else len(lines)
    return "".join("".join(lines[start:]).split())
