"""A process whose streams are closed, whose signals come early, or whose environment is bare."""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from exporter.cli import INCOMPLETE, INTERRUPTED, OK, TERMINATED, USAGE
from tests.outputs import OUTPUTS
from tests.terminal_screen import TerminalScreen

if TYPE_CHECKING:
    from tests.exporter.cli.conftest import Command, Serve, World

ROOT = Path(__file__).parents[3]
LONG = 60


def shell(
    script: str, environ: dict[str, str], folder: Path = ROOT
) -> subprocess.CompletedProcess[str]:
    """Run a shell's command line, in which ``$0`` is this Python."""
    return subprocess.run(
        ["sh", "-c", script, sys.executable],
        cwd=folder,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=LONG,
        check=False,
    )


@pytest.mark.parametrize("redirection", [">&-", "2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize("command", ["run", "check"])
def test_closed_streams_lead_nowhere(
    serve: Serve, shop: World, command: str, redirection: str
) -> None:
    """The work is done and the exit code is its own; what is still open has no traceback."""
    cloud, environ = serve(shop)
    ended = shell(f'exec "$0" -m exporter {command} {redirection}', environ)
    assert ended.returncode == OK
    assert cloud.points()
    assert "Traceback" not in ended.stdout + ended.stderr


def test_a_signal_ends_a_process_without_stderr(serve: Serve, shop: World) -> None:
    """The first SIGTERM ends `watch`, although it cannot log anything."""
    cloud, environ = serve(shop)
    with subprocess.Popen(
        ["sh", "-c", 'exec "$0" -m exporter watch 2>&-', sys.executable],
        cwd=ROOT,
        env={**os.environ, **environ},
        stdout=subprocess.DEVNULL,
    ) as process:
        while not cloud.calls["CreateTimeSeries"]:
            assert process.poll() is None
            time.sleep(0.01)
        process.terminate()
        assert process.wait(LONG) == TERMINATED


CARTS = "projects/shop-prod/locations/europe-west1/streams/carts"
"""A stream that isn't as it should be."""


@pytest.mark.parametrize(
    ("redirection", "files"),
    [(">all 2>&1", {"all": 1}), (">all 2>>all", {"all": 1}), (">out 2>err", {"out": 1, "err": 1})],
)
def test_each_fact_is_once_where_it_is_kept(
    serve: Serve, shop: World, tmp_path: Path, redirection: str, files: dict[str, int]
) -> None:
    """Data and log in one file say it once; in two files each says it, and can stand alone."""
    _, environ = serve(shop)
    script = f'"$0" -m exporter run {redirection}'
    environ = {**environ, "PYTHONPATH": str(ROOT)}
    assert shell(script, environ, tmp_path).returncode == OK
    assert {name: (tmp_path / name).read_text().count(CARTS) for name in files} == files


def test_at_a_terminal_the_log_does_not_repeat_the_data(serve: Serve, shop: World) -> None:
    """`run | less` has what to look at in the pipe, and the summary alone on the terminal."""
    _, environ = serve(shop)
    with TerminalScreen(200, 24) as screen:
        ended = subprocess.run(
            [sys.executable, "-m", "exporter", "run"],
            cwd=ROOT,
            env={**os.environ, **environ},
            stdout=subprocess.PIPE,
            stderr=screen.stream,
            text=True,
            check=True,
        )
        screen.wait_for("3 streams in 2 locations (1 not as expected); 24 points written;")
    assert ended.stdout.count(CARTS) == 1
    assert CARTS.encode() not in screen.written


def test_a_full_stdout_costs_no_log(serve: Serve, shop: World) -> None:
    """What can't be printed is in the log all the same, with what was written; exit 1."""
    _, environ = serve(shop)
    ended = shell('exec "$0" -m exporter run >/dev/full', environ)
    assert ended.returncode == INCOMPLETE
    assert ended.stderr.count(CARTS) == 1
    assert "24 points written; " in ended.stderr
    assert "No space left on device." in ended.stderr


def test_a_full_stderr_changes_no_exit_code(serve: Serve, shop: World) -> None:
    """A log that cannot be written fails no run."""
    cloud, environ = serve(shop)
    ended = shell('exec "$0" -m exporter run 2>/dev/full', environ)
    assert ended.returncode == OK
    assert cloud.points()
    assert "Written to metrics-prod" in ended.stdout
    for mistake in ("--bad", "--config nosuch.yaml"):
        assert shell(f'exec "$0" -m exporter run {mistake} 2>/dev/full', {}).returncode == USAGE


IMPORTING = """
import os, sys

class Interrupt:
    def find_spec(self, name, path=None, target=None):
        if name == {name!r}:
            os.kill(os.getpid(), {number})

sys.meta_path.insert(0, Interrupt())
sys.argv[1:] = ["run"]
from {package}.__main__ import entry
entry()
"""


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, INTERRUPTED), (signal.SIGTERM, TERMINATED)]
)
@pytest.mark.parametrize(
    ("package", "name", "sentence"),
    [
        ("exporter", "exporter.cli", "datastream-exporter: interrupted\n"),
        ("exporter", "pydantic", "datastream-exporter: interrupted\n"),
        ("exporter", "google.cloud.monitoring_v3", ": finishing the work under way; repeat the"),
        ("lab", "lab.cli.main", "datastream-lab: interrupted\n"),
    ],
)
def test_a_signal_during_an_import_is_one_sentence(
    serve: Serve, shop: World, package: str, name: str, sentence: str, number: int, code: int
) -> None:
    """From its first import on, Ctrl-C ends a process as at any other time: no traceback."""
    _, environ = serve(shop)
    script = IMPORTING.format(package=package, name=name, number=int(number))
    ended = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=LONG,
        check=False,
    )
    assert ended.returncode == code
    assert sentence in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    "environ",
    [
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"PYTHONIOENCODING": "ascii"},
        {"HOME": "/nonexistent"},
        {"HOME": ""},
    ],
    ids=["LANG=C", "ascii", "missing HOME", "empty HOME"],
)
def test_a_bare_environment_is_no_traceback(
    serve: Serve, shop: World, environ: dict[str, str]
) -> None:
    """What an encoding lacks is shown by its number; without credentials that is one sentence."""
    _, emulated = serve(shop)
    ended = shell('exec "$0" -m exporter run --dry-run', {**emulated, **environ})
    assert ended.returncode == OK
    endings = ("/…", "/\\u2026")
    assert any(
        f"24 points of custom.googleapis.com/datastream{end}\n" in ended.stdout for end in endings
    )
    alone = {"DATASTREAM_EXPORTER_CONFIG": emulated["DATASTREAM_EXPORTER_CONFIG"]}
    ended = shell('exec "$0" -m exporter run', {**alone, **environ})
    assert ended.returncode == INCOMPLETE
    assert ended.stderr.startswith("error: no valid credentials: ")
    assert ended.stderr.count("\n") == 1


def test_a_terminal_of_twenty_columns_shows_every_stream(serve: Serve, shop: World) -> None:
    """Narrow as it is, nothing is left out and nothing fails."""
    _, environ = serve(shop)
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 20, 0, 0))
    with subprocess.Popen(
        [sys.executable, "-m", "exporter", "run", "--dry-run"],
        cwd=ROOT,
        env={**os.environ, **environ, "TERM": "xterm", "NO_COLOR": "1"},
        stdin=theirs,
        stdout=theirs,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        os.close(theirs)
        shown = b""
        try:
            while part := os.read(ours, 4096):
                shown += part
        except OSError:
            # Linux's way to say that the other end is closed.
            pass
        OUTPUTS.add("a terminal", shown)
        assert process.stderr is not None
        err = process.stderr.read()
    os.close(ours)
    assert (process.returncode, "Traceback" in err) == (OK, False)
    assert all(stream in shown.decode() for stream in ("orders", "carts", "stock"))


@pytest.mark.parametrize(
    ("flag", "value", "error"),
    [
        ("--impersonate-service-account", "", '"" is not a service account; write its email'),
        ("--impersonate-service-account", "exporter", '"exporter" is not a service account; write'),
        ("--impersonate-service-account", " a@b.c", '" a@b.c" is not a service account; write its'),
        ("--quota-project", "", '"" is not a project; write its id, such as my-project'),
    ],
)
def test_an_identity_that_cannot_be_is_a_usage_error(
    command: Command, flag: str, value: str, error: str
) -> None:
    """An empty account, as of a variable that is not set, is refused and not ignored."""
    ended = command("check", flag, value)
    assert (ended.code, ended.out) == (USAGE, "")
    assert f"error: argument {flag}: {error}" in ended.err
