"""``policies`` where something that it needs is not there, and on a wrong command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from exporter.cli.exit_codes import INCOMPLETE, OK, USAGE
from lab.cli.main import COMMANDS
from lab.prove.engine import MISSING
from tests.lab.cli.conftest import RIGHT, ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab.cli.conftest import Command

HELP = """
import json, os, sys
from lab.cli.main import main
code = main(["--help"], os.environ, sys.stderr, sys.stderr)
held = ("google", "grpc", "pydantic", "rich", "promql_parser", "jinja2", "lab.cli.")
print(json.dumps([code, sorted(name for name in sys.modules if name.startswith(held))]))
"""


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        ([], "the following arguments are required: COMMAND"),
        (["prove"], "invalid choice: 'prove'"),
        (["list", "--policies"], "argument --policies: expected one argument"),
        (["list", "stream-failed"], "unrecognized arguments: stream-failed"),
        (["list", "--scenarios", "."], "unrecognized arguments: --scenarios ."),
        (["test", "--jso"], "unrecognized arguments: --jso"),
    ],
)
def test_a_mistake_on_the_command_line_is_usage(
    command: Command, argv: list[str], sentence: str
) -> None:
    """The usage and one sentence on stderr, exit 2; nothing on stdout."""
    code, out, err = command(*argv)
    assert (code, out) == (USAGE, "")
    assert err.startswith("usage: datastream-lab")
    assert sentence in err.splitlines()[-1]


def test_help_names_every_command(command: Command) -> None:
    """Each is there with what it is for."""
    code, out, err = command("--help")
    assert (code, err) == (OK, "")
    words = " ".join(out.split())
    assert all(f"{name} {each.help}" in words for name, each in COMMANDS.items())


@pytest.mark.parametrize("name", ["list", "test", "time-to-page"])
def test_help_of_a_command_says_what_it_does(command: Command, name: str) -> None:
    """It has the arguments that all shard, and a description of its own."""
    code, out, err = command(name, "--help")
    assert (code, err) == (OK, "")
    assert out.startswith(f"usage: datastream-lab {name} ")
    assert "--policies FOLDER" in out
    assert "--json" in out


def test_help_is_cheap() -> None:
    """To list the commands none of them is imported, nor Google's clients."""
    ended = subprocess.run(
        [sys.executable, "-c", HELP],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=True,
    )
    code, imported = json.loads(ended.stdout)
    assert code == OK
    assert [name for name in imported if name != "lab.cli.main"] == []


def test_without_the_extra_it_says_what_to_run(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A package that is missing is one sentence with a command that works from a clone, exit 2."""
    monkeypatch.setitem(sys.modules, "promql_parser", None)
    for module in [name for name in sys.modules if name.startswith("lab.")]:
        monkeypatch.delitem(sys.modules, module)
    code, out, err = command("list")
    assert (code, out) == (USAGE, "")
    assert err == (
        "datastream-lab: promql_parser is not installed; run `make setup` in the project's folder\n"
    )


@pytest.mark.parametrize("name", [RIGHT, "time-to-page"])
def test_without_prometheus_it_says_what_to_install(scenarios: Path, name: str) -> None:
    """The programs that are missing, and how to install them; an exit code of its own."""
    project = scenarios.parent.parent
    (project / "bin").mkdir()
    argv = ["time-to-page", "--policies", str(ROOT / "alerting_policies")]
    argv = argv if name == "time-to-page" else ["test", name]
    ended = _program(project, *argv, PATH=str(project / "bin"))
    assert (ended.returncode, ended.stdout) == (MISSING, "")
    assert ended.stderr.count("\n") == 1
    assert ended.stderr.startswith("error: prometheus and promtool not found")
    assert "apt-get install prometheus" in ended.stderr


def test_an_engine_that_fails_is_one_sentence(scenarios: Path) -> None:
    """What Prometheus says is told, without a traceback; exit 1."""
    programs = scenarios.parent.parent / "bin"
    programs.mkdir()
    for name in ("prometheus", "promtool"):
        (programs / name).write_text("#!/bin/sh\necho no space left >&2\nexit 1\n")
        (programs / name).chmod(0o755)
    path = f"{programs}:{os.environ['PATH']}"
    ended = _program(scenarios.parent.parent, "test", RIGHT, PATH=path)
    assert (ended.returncode, ended.stdout) == (INCOMPLETE, "")
    assert ended.stderr.startswith("error: promtool ")
    assert ended.stderr.endswith("no space left\n")
    assert ended.stderr.count("\n") == 1


def test_listing_needs_no_prometheus(folder: Path) -> None:
    """What evaluates nothing does without the engine."""
    ended = _program(folder, "list", PATH=str(folder))
    assert (ended.returncode, ended.stderr) == (OK, "")


def _program(folder: Path, *argv: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "lab", *argv],
        cwd=folder,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=False,
    )
