"""``datastream-lab`` with a wrong command line, or without something it needs."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import pytest

from exporter.cli import INCOMPLETE, INTERRUPTED, OK, TERMINATED, USAGE
from lab.cli.main import COMMANDS
from lab.exit_codes import MEANINGS, NO_PROMETHEUS
from tests.lab.cli.conftest import FAILING, PASSING, ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.lab.conftest import Command

HELP = """
import json, os, sys
from lab.cli.main import main
code = main(["--help"], os.environ, sys.stderr, sys.stderr)
watched = ("google", "grpc", "pydantic", "rich", "promql_parser", "jinja2", "lab.cli.")
print(json.dumps([code, sorted(
    # Namespace packages have no file: Python registers them when it starts.
    name for name, module in sys.modules.items() if name.startswith(watched) and module.__file__
)]))
"""

OWN = {"lab.cli.main", "lab.cli.context"}


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        ([], "error: COMMAND is missing: demo, serve, list, preview, test, time-to-page"),
        (["tst"], '"tst" is not a command; did you mean test?'),
        (["review"], "required: PLAN.json; datastream-lab review --help describes them"),
        (["prove"], '"prove" is not a command; allowed here: demo, serve, list, preview, test,'),
        (
            ["list", "--polices", "."],
            "unrecognized arguments: --polices .; did you mean --policies?",
        ),
        (["demo", "--wrld", "x"], "unrecognized arguments: --wrld; did you mean --world?"),
        (["list", "--policies"], "argument --policies: expected one argument"),
        (["list", "stream-failed"], "unrecognized arguments: stream-failed"),
        (["list", "--scenarios", "."], "unrecognized arguments: --scenarios ."),
        (["test", "--jso"], "unrecognized arguments: --jso"),
        (["demo", "--dry-run"], "unrecognized arguments: --dry-run"),
        (["serve", "--datastream-port", "x"], "x is not a port; write a number from 0 to 65535"),
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
    """Each has a short description, in the order of a first visit."""
    code, out, err = command("--help")
    assert (code, err) == (OK, "")
    words = " ".join(out.split())
    assert " ".join(f"{name} {each.help}" for name, each in COMMANDS.items()) in words
    order = ["demo", "serve", "list", "preview", "test"]
    order += ["time-to-page", "review", "backtest"]
    assert list(COMMANDS) == order


def test_every_exit_code_is_documented() -> None:
    """The docs are generated from this table."""
    assert list(MEANINGS) == [OK, INCOMPLETE, USAGE, NO_PROMETHEUS, INTERRUPTED, TERMINATED]


@pytest.mark.parametrize("name", ["list", "test", "time-to-page"])
def test_help_of_a_command_says_what_it_does(command: Command, name: str) -> None:
    """It shows the shared arguments and the command's own description."""
    code, out, err = command(name, "--help")
    assert (code, err) == (OK, "")
    assert out.startswith(f"usage: datastream-lab {name} ")
    assert "--policies FOLDER" in out
    assert "--json" in out


def test_help_is_cheap() -> None:
    """Neither the commands' modules nor Google's clients are imported."""
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
    assert [name for name in imported if name not in OWN] == []


def test_a_missing_package_is_one_sentence(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sentence names a command that works from a clone; exit 2."""
    monkeypatch.setitem(sys.modules, "promql_parser", None)
    for module in [name for name in sys.modules if name.startswith("lab.")]:
        monkeypatch.delitem(sys.modules, module)
    code, out, err = command("list")
    assert (code, out) == (USAGE, "")
    assert err == (
        "datastream-lab: promql_parser is not installed; run `make setup` in the project's folder\n"
    )


@pytest.mark.parametrize("name", [PASSING, "time-to-page"])
def test_missing_prometheus_is_one_sentence(scenarios: Path, name: str) -> None:
    """It names the missing programs and how to install them; exit 3."""
    project = scenarios.parent.parent
    (project / "bin").mkdir()
    argv = ["time-to-page", "--policies", str(ROOT / "alerting_policies")]
    argv = argv if name == "time-to-page" else ["test", name]
    ended = _program(project, *argv, PATH=str(project / "bin"))
    assert (ended.returncode, ended.stdout) == (NO_PROMETHEUS, "")
    assert ended.stderr.count("\n") == 1
    assert ended.stderr.startswith("error: prometheus and promtool not found")
    assert "apt-get install prometheus" in ended.stderr


def test_a_failing_prometheus_is_one_sentence(scenarios: Path) -> None:
    """Prometheus' own message is shown without a traceback; exit 1."""
    programs = scenarios.parent.parent / "bin"
    programs.mkdir()
    for name in ("prometheus", "promtool"):
        (programs / name).write_text("#!/bin/sh\necho no space left >&2\nexit 1\n")
        (programs / name).chmod(0o755)
    path = f"{programs}:{os.environ['PATH']}"
    ended = _program(scenarios.parent.parent, "test", PASSING, PATH=path)
    assert (ended.returncode, ended.stdout) == (INCOMPLETE, "")
    assert ended.stderr.startswith("error: promtool ")
    assert ended.stderr.endswith("no space left\n")
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize("argv", [["list", "--json"], ["list", "--help"]])
def test_a_full_output_is_one_sentence(folder: Path, argv: list[str]) -> None:
    """It says what is full and what to do; exit 1."""
    with Path("/dev/full").open("w") as full:
        ended = _program(folder, *argv, stdout=full)
    assert ended.returncode == INCOMPLETE
    assert ended.stderr.count("\n") == 1
    assert "No space left on device. Free space where the output goes" in ended.stderr


@pytest.mark.parametrize("names", [[PASSING], [PASSING, FAILING]])
def test_a_full_temporary_directory_proves_nothing(scenarios: Path, names: list[str]) -> None:
    """The engine's files need space; without it no scenario counts as failed."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))

    ended = _program(scenarios.parent.parent, "test", *names, preexec_fn=limit)
    assert (ended.returncode, ended.stdout) == (INCOMPLETE, "")
    assert ended.stderr.count("\n") == 1
    assert "File too large. Free space where the output goes and in " in ended.stderr


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        (["review", "/dev/zero"], "/dev/zero: is larger than 128 MiB, the most that is read"),
        (["test", "/dev/zero", "x/y.yaml"], "/dev/zero: is larger than 1 MiB"),
        (["demo", "--world", "/dev/zero"], "/dev/zero: is larger than 1 MiB"),
    ],
)
def test_an_endless_file_is_one_sentence(
    command: Command, folder: Path, argv: list[str], sentence: str
) -> None:
    """A device that never ends is read up to a limit; exit 2."""
    code, out, err = command(*argv)
    assert (code, out) == (USAGE, "")
    assert sentence in " ".join(err.split())
    assert (folder / "alerting_policies").is_dir()


def test_listing_needs_no_prometheus(folder: Path) -> None:
    """Commands that evaluate nothing work without Prometheus."""
    ended = _program(folder, "list", PATH=str(folder))
    assert (ended.returncode, ended.stderr) == (OK, "")


def _program(
    folder: Path,
    *argv: str,
    stdout: int | TextIO = subprocess.PIPE,
    preexec_fn: Callable[[], None] | None = None,
    **environ: str,
) -> subprocess.CompletedProcess[str]:
    # Where the tests' coverage is measured, this process would write its part of it too.
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")
    }
    return subprocess.run(
        [sys.executable, "-m", "lab", *argv],
        cwd=folder,
        env={**inherited, **environ},
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        preexec_fn=preexec_fn,
    )
