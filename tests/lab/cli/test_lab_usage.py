"""``datastream-lab`` with a wrong command line, or without something it needs."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from exporter.cli import INCOMPLETE, OK, USAGE
from lab.cli.main import COMMANDS
from lab.exit_codes import NO_PROMETHEUS
from tests.lab.cli.conftest import FAILING, PASSING
from tests.lab.conftest import Command


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        (
            [],
            (
                "error: COMMAND is missing; allowed here: demo, serve, list, test,"
                " time-to-page"
            ),
        ),
        (["tst"], '"tst" is not a command; did you mean test?'),
        (["prove"], '"prove" is not a command; allowed here: demo, serve, list, test,'),
        (["review"], "the following arguments are required: PLAN.json"),
        (["list", "--polices", "."], "unrecognized arguments: --polices ."),
        (["list", "--policies"], "argument --policies: expected one argument"),
        (["test", "--jso"], "unrecognized arguments: --jso"),
        (
            ["test", "--html", "no/such.html"],
            '"no/such.html" can\'t be written; name a file in',
        ),
        (["demo", "--dry-run"], "unrecognized arguments: --dry-run"),
        (
            ["serve", "--monitoring-port=65536"],
            "65536 is not a port; write a number from 0 to 65535",
        ),
        (
            ["serve", "--datastream-port=http"],
            "http is not a port; write a number from 0 to 65535",
        ),
    ],
)
def test_a_wrong_command_line_is_a_usage_error(
    command: Command, argv: list[str], sentence: str
) -> None:
    """Usage and one sentence go to stderr; exit 2."""
    code, out, err = command(*argv)
    assert (code, out) == (USAGE, "")
    assert err.startswith("usage: datastream-lab")
    assert sentence in err.splitlines()[-1]


def test_help_names_every_command(command: Command) -> None:
    """Each has a short description, in the order of a first visit, and a help of its own."""
    code, out, err = command("--help")
    assert (code, err) == (OK, "")
    words = " ".join(out.split())
    assert " ".join(f"{name} {text}" for name, text in COMMANDS.items()) in words
    for name in COMMANDS:
        code, out, err = command(name, "--help")
        assert (code, err) == (OK, "")
        assert out.startswith(f"usage: datastream-lab {name} ")


def test_a_missing_package_is_one_sentence(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sentence names a command that works from a clone; exit 2."""
    monkeypatch.setitem(sys.modules, "promql_parser", None)
    for module in [name for name in sys.modules if name.startswith("lab.")]:
        monkeypatch.delitem(sys.modules, module)
    assert command("list") == (
        USAGE,
        "",
        "datastream-lab: promql_parser is not installed; run `make setup` in a clone\n",
    )


def test_missing_prometheus_is_one_sentence(
    command: Command, scenarios: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It names the programs and how to install them; exit 3. What needs none works."""
    monkeypatch.setenv("PATH", str(scenarios))
    code, out, err = command("test", PASSING)
    assert (code, out) == (NO_PROMETHEUS, "")
    assert err.startswith("error: prometheus and promtool not found")
    assert "apt-get install prometheus" in err
    assert err.count("\n") == 1
    assert command("list").code == OK


def test_a_full_output_is_one_sentence(folder: Path) -> None:
    """It says what is full and what to do; exit 1."""
    with Path("/dev/full").open("w") as full:
        ended = _program(folder, "list", stdout=full)
    assert ended.returncode == INCOMPLETE
    assert ended.stderr.count("\n") == 1
    assert "No space left on device" in ended.stderr


def test_a_full_temporary_directory_proves_nothing(scenarios: Path) -> None:
    """The engine's files need space; without it no scenario counts as failed."""
    ended = _program(scenarios, "test", PASSING, FAILING, limit="ulimit -f 2")
    assert (ended.returncode, ended.stdout) == (INCOMPLETE, "")
    assert ended.stderr.count("\n") == 1
    assert "File too large" in ended.stderr


def _program(
    folder: Path, *argv: str, limit: str = "true", **how: Any
) -> subprocess.CompletedProcess[str]:
    # Where the tests' coverage is measured, this process would write its part of it
    # too.
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("COVERAGE_")
    }
    how = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "check": False} | how
    command = [
        "sh",
        "-c",
        f'{limit} && exec "$@"',
        "sh",
        sys.executable,
        "-m",
        "lab",
        *argv,
    ]
    return subprocess.run(command, cwd=folder, env=inherited, text=True, **how)  # noqa: PLW1510 - in how
