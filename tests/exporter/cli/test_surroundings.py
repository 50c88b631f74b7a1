"""A process whose streams are closed or full, and whose environment is bare."""

from exporter.cli import INCOMPLETE, OK
from tests.exporter.cli.conftest import CARTS_PAUSED, PREFIX, ServeShop, World, shell, start


def test_closed_streams_lead_nowhere(served: ServeShop, shop: World) -> None:
    """The work is done and the exit code is its own."""
    cloud, environ = served(shop)
    assert shell('exec "$0" -m exporter run <&- >&- 2>&-', environ).code == OK
    assert cloud.points()


def test_a_full_stdout_costs_no_log(served: ServeShop, shop: World) -> None:
    """What can't be printed is in the log all the same, with what was written; exit 1."""
    _, environ = served(shop)
    code, _, err = shell('exec "$0" -m exporter run >/dev/full', environ)
    assert code == INCOMPLETE
    assert f"warning: {CARTS_PAUSED}\n" in err
    assert "26 points written; " in err
    assert err.endswith("datastream-exporter did not finish: No space left on device.\n")
    assert "Traceback" not in err


def test_a_full_stderr_changes_no_exit_code(served: ServeShop, shop: World) -> None:
    """A log that cannot be written fails no run."""
    cloud, environ = served(shop)
    code, out, _ = shell('exec "$0" -m exporter run 2>/dev/full', environ)
    assert code == OK
    assert cloud.points()
    assert "Written to metrics-prod" in out


def test_a_reader_who_has_seen_enough_is_no_traceback(served: ServeShop, shop: World) -> None:
    """``run --dry-run | head -1`` ends without a word about the pipe."""
    shop["projects"][1]["locations"][0]["streams"] = [{"id": "orders-{:04}", "count": 5000}]
    _, environ = served(shop)
    with start(environ, "run", "--dry-run") as process:
        assert process.stdout
        assert process.stdout.readline().startswith("STREAM")
        process.stdout.close()
        assert process.stderr
        err = process.stderr.read()
    assert process.returncode == INCOMPLETE
    assert "Traceback" not in err
    assert "pipe" not in err.lower()


def test_a_bare_environment_is_no_traceback(served: ServeShop, shop: World) -> None:
    """What an encoding lacks is shown by its number."""
    _, environ = served(shop)
    bare = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "HOME": ""}
    code, out, err = shell('exec "$0" -m exporter run --dry-run', {**environ, **bare})
    assert code == OK
    assert f"  26 points of {PREFIX}\\u2026\n" in out
    assert "Traceback" not in err
