"""SIGINT and SIGTERM: the write under way is finished, and nothing new is begun."""

import signal
import socket
import sys
import time
from collections.abc import Callable

from tests.conftest import SignalWhen
from tests.exporter.command.conftest import Shop
from tests.tables import rows

SLOW = 30.0  # seconds that no test waits for: what is still slow then hangs


def called(shop: Shop, method: str, times: int) -> Callable[[], bool]:
    """Return whether a method has been called at least that many times."""
    return lambda: shop.cloud.calls[method] >= times


@rows
def test_a_command_that_reads_ends_at_once(
    shop: Shop,
    signal_when: SignalWhen,
    argv: str,
    name: str,
    code: int,
    out: str,
    err: list[str],
) -> None:
    """What was not read is not waited for, called ok or written, and that is said."""
    shop.faults = [{"method": "ListStreams", "latency": SLOW}]
    number = signal.Signals[name]
    signal_when(number, called(shop, "ListStreams", 2))
    began = time.monotonic()
    ended = shop.command(*argv.split())
    assert ended.code == code
    assert time.monotonic() - began < SLOW / 3
    assert f"{name}: finishing the work under way" in ended.err
    assert ended.out.endswith(out)
    *_, interrupted, summary = ended.err.splitlines()
    assert err[0] in interrupted
    assert err[1] in summary
    assert not shop.cloud.calls["CreateTimeSeries"]


def until(case: Callable[[], bool]) -> None:
    """Wait until a condition is true."""
    ends = time.monotonic() + SLOW
    while not case():
        assert time.monotonic() < ends
        time.sleep(0.005)


@rows
def test_a_process_ends_without_a_traceback(
    shop: Shop, method: str, signals: list[str], codes: list[int]
) -> None:
    """Who cannot wait for a write that hangs asks twice; stderr has sentences only."""
    shop.faults = [{"method": method, "latency": SLOW}]
    with shop.start("run") as process:
        until(called(shop, method, 2))
        began = time.monotonic()
        assert process.stderr
        err = ""
        for name in signals:
            process.send_signal(signal.Signals[name])
            # The second one may end the process before it has said so of the first.
            for line in process.stderr:
                err += line
                if "finishing the work under way" in line:
                    break
        err += process.stderr.read()
    assert process.returncode in codes
    assert time.monotonic() - began < SLOW / 3
    assert "finishing the work under way" in err
    assert "Traceback" not in err


INTERRUPTED = """
import _signal, os, sys

class Interrupt:
    def find_spec(self, name, path=None, target=None):
        if name == module:
            os.kill(os.getpid(), int(number))

# Where a shell started the tests in the background, SIGINT would be ignored.
_signal.signal(_signal.SIGINT, _signal.default_int_handler)
_, module, number = sys.argv
sys.argv[1:] = ["run"]
sys.meta_path.insert(0, Interrupt())
from exporter.__main__ import entry
entry()
"""


@rows
def test_a_signal_during_an_import_is_one_sentence(
    shop: Shop, module: str, name: str
) -> None:
    """A signal during an import ends the process with a sentence; none at the first."""
    number = signal.Signals[name or "SIGINT"]
    python = [sys.executable, "-c", INTERRUPTED, module, str(number.value)]
    with shop.start(*python) as process:
        ended = process.communicate(timeout=SLOW)
    sentence = f"{name}: stopped; no work was under way.\n" if name else ""
    assert ended == ("", sentence)
    assert process.returncode == 128 + number


WITHOUT_THREADS = """
import os, signal, threading
from exporter.process import Signals

def start(thread):
    raise RuntimeError("can't start new thread")

threading.Thread.start = start
with Signals():
    os.kill(os.getpid(), signal.SIGTERM)
"""


def test_a_signal_without_threads_ends_the_process(shop: Shop) -> None:
    """Where no thread can tell the work to end, the first signal ends the process."""
    with shop.start(sys.executable, "-c", WITHOUT_THREADS) as process:
        err = process.communicate()[1]
    assert process.returncode == 143
    assert "Traceback" not in err


def test_ctrl_c_while_credentials_are_read_is_one_sentence(shop: Shop) -> None:
    """Ctrl-C ends a process that waits for a token server."""
    with socket.create_server(("127.0.0.1", 0)) as tokens:
        tokens.settimeout(SLOW)
        server = f"GCE_METADATA_IP=127.0.0.1:{tokens.getsockname()[1]}"
        variables = ["MONITORING_EMULATOR_HOST=", "NO_GCE_CHECK=", server]
        exporter = [sys.executable, "-m", "exporter", "run"]
        with (
            shop.start("/usr/bin/env", *variables, *exporter) as process,
            tokens.accept()[0],
        ):
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=SLOW)
    assert out == ""
    assert process.returncode == 130
    assert err.endswith("SIGINT: stopped; no work was under way.\n")
