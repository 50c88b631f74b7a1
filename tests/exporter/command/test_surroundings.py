"""A process whose streams are closed or full, or that gets no thread."""

import sys

import pytest

from exporter.process import INCOMPLETE, OK
from tests.exporter.command.conftest import CARTS_PENDING, Shop


def test_closed_streams_lead_nowhere(shop: Shop) -> None:
    """A run with closed streams writes its points and exits with 0."""
    assert shop.shell('exec "$0" -m exporter run <&- >&- 2>&-').code == OK
    assert shop.cloud.points()


def test_a_full_stdout_costs_no_log(shop: Shop) -> None:
    """With a full stdout, the log is complete and the run exits with 1."""
    code, _, err = shop.shell('exec "$0" -m exporter run >/dev/full')
    assert code == INCOMPLETE
    assert f"warning: {CARTS_PENDING}\n" in err
    assert "28 points written; " in err
    assert err.endswith(
        "datastream-exporter did not finish: [Errno 28] No space left on device.\n"
    )
    assert "Traceback" not in err


def test_a_full_stderr_changes_no_exit_code(shop: Shop) -> None:
    """A log that cannot be written fails no run."""
    code, out, _ = shop.shell('exec "$0" -m exporter run 2>/dev/full')
    assert code == OK
    assert shop.cloud.points()
    assert "  carts   PAUSED " in out


def test_letters_that_the_encoding_lacks_are_escaped(shop: Shop) -> None:
    """A terminal that has no sign for the euro ends no command."""
    errors = [{"reason": "COSTS", "message": "1 \u20ac"}]
    shop.europe["streams"] = [{"id": "orders", "state": "FAILED", "errors": errors}]
    ended = shop.shell('PYTHONIOENCODING=latin-1 exec "$0" -m exporter check')
    assert ended.code == OK
    assert r"COSTS: 1 \u20ac" in ended.out


@pytest.mark.parametrize("command", [["run", "--dry-run"], ["check"]])
def test_a_reader_who_has_seen_enough_is_no_traceback(
    shop: Shop, command: list[str]
) -> None:
    """With ``| head -1``, both exit as they would without it, and say no word of it."""
    shop.europe["streams"] = [{"id": "orders-{:04}", "count": 2000}]
    with shop.start(*command) as process:
        assert process.stdout
        assert process.stderr
        assert process.stdout.readline()
        process.stdout.close()
        err = process.stderr.read()
    assert process.returncode == OK
    assert "Traceback" not in err
    assert "pipe" not in err.lower()


WITHOUT_THREADS = """
import sys, threading

def start(thread):
    raise RuntimeError("can't start new thread")

threading.Thread.start = start
sys.argv[1:] = ["run"]
from exporter.__main__ import entry
entry()
"""


def test_without_threads_a_run_says_what_it_lacks(shop: Shop) -> None:
    """A run that gets no thread has a sentence for that, and exits with 1."""
    shop.config += "run: {deadline: 1s}\n"
    with shop.start(sys.executable, "-c", WITHOUT_THREADS) as process:
        err = process.communicate()[1]
    assert process.returncode == INCOMPLETE
    assert "Allow the exporter more threads, or more memory for them." in err
    assert "Traceback" not in err
