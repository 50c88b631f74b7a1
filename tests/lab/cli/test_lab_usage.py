"""``datastream-lab`` with a wrong command line, or without something it needs."""

import subprocess
import sys
from pathlib import Path

import pytest

from exporter.process import INCOMPLETE, OK, USAGE
from lab.cli.main import COMMANDS, NO_PROMETHEUS
from tests.lab.cli.conftest import PASSING
from tests.lab.conftest import command
from tests.tables import rows


@rows
def test_a_wrong_command_line_is_a_usage_error(argv: str, sentence: str) -> None:
    """A wrong command line prints the usage and a sentence, and exits with 2."""
    err = command(*argv.split()).refusal()
    assert err.startswith("usage: datastream-lab")
    assert sentence in err.splitlines()[-1]


def test_help_names_every_command() -> None:
    """The help describes every command; the help of each ends with an example."""
    code, out, err = command("--help")
    assert err == ""
    assert code == OK
    words = " ".join(out.split())
    assert " ".join(f"{name} {text}" for name, text in COMMANDS.items()) in words
    for name in COMMANDS:
        code, out, err = command(name, "--help")
        assert err == ""
        assert code == OK
        assert out.startswith(f"usage: datastream-lab {name} ")
        assert out.splitlines()[-1].startswith(f"Example: datastream-lab {name} ")


def test_a_missing_package_is_one_sentence() -> None:
    """A missing package exits with 2 and names what installs it."""
    # In a process of its own: modules imported twice would break later tests.
    code = (
        "import sys; sys.modules['promql_parser'] = None;"
        " from lab.__main__ import entry; entry()"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, "preview"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == USAGE
    assert ended.stdout == ""
    assert ended.stderr == (
        "datastream-lab: promql_parser is not installed; run `make setup` in a clone,"
        " or install datastream-exporter[lab]\n"
    )


def test_missing_prometheus_is_one_sentence(
    scenarios: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command that needs Prometheus exits with 3 and says how to install it."""
    monkeypatch.setenv("PATH", str(scenarios))
    err = command("test", PASSING).refusal(NO_PROMETHEUS)
    assert err.startswith("error: prometheus and promtool not found")
    assert "apt-get install prometheus" in err
    assert err.count("\n") == 1
    assert command("preview").code == OK


def test_a_full_temporary_directory_proves_nothing(scenarios: Path) -> None:
    """Without space for the engine's files, no scenario counts as failed."""
    ended = subprocess.run(
        ["sh", "-c", f"ulimit -f 2 && exec {sys.executable} -m lab test {PASSING}"],
        cwd=scenarios,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.stdout == ""
    assert ended.returncode == INCOMPLETE
    assert ended.stderr.count("\n") == 1
    assert "File too large" in ended.stderr
