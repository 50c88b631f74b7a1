"""Every shell block in the docs works as printed, in a fresh copy of the project.

Each page gets a copy of the checkout, with this checkout's .venv, an environment
without credentials, and an emulator in place of Google Cloud. What can't run here is in
`SUBSTITUTES`. A command that two pages have and that only prints runs once.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from exporter.google.clients import DATASTREAM_EMULATOR, MONITORING_EMULATOR
from lab.emulator.emulator import Emulator
from lab.emulator.world import parse_world
from tests.docs.pages import PAGES, commands_of, fences
from tools import ROOT, dashboard, lab, lab_review

SUBSTITUTES = {
    # They need an account or a program.
    r"(gcloud|docker|terraform|git) .*": None,
    # It sets up .venv, or runs all tests.
    r"make (.*)": r"make --dry-run \1",
    # They play all scenarios; a test plays them.
    r"(.*-lab test)": rf"\1 {lab.SHOWN[-1]}",
    r"(.*-lab review \S+)": rf"\1 --scenario {lab_review.SCENARIO}",
    # It needs policies; a test runs it.
    r".*-lab verify.*": None,
    # It takes a minute; tests run it.
    r".*-lab demo verify": None,
}
"""What runs in place of a command that can't run as printed, by a pattern for it."""

RUNS_ON = r".*(?:-exporter watch|-lab serve|-lab demo (?:watch|verify --pause))\b.*"
"""Commands that run for long: they get SIGINT once they printed something."""

ONLY_PRINTS = re.compile(r".*-lab (?!demo|serve).*")
RECORDED = {
    f"test {lab.SHOWN[-1]}": lab.TRANSCRIPT,
    f"review plan.json --scenario {lab_review.SCENARIO}": lab_review.SHOWN,
}
"""Commands of `datastream-lab` whose output the docs show, and the file that has it."""
HOW = "run: .venv/bin/python -m tools.record && make docs"

EXIT_CODES = {".venv/bin/datastream-lab demo check": 1}
"""Where the docs announce another exit code than 0."""

INTERRUPTED = 130
ENVIRONMENT_LINE = re.compile(r"(?:\. |export |cd )")
"""Lines that change the shell for the lines after them."""

WORLD = """\
projects:
  - id: my-project
    number: 123456789012
    locations:
      - {id: europe-west1, streams: [{id: orders}, {id: archive-2024, state: PAUSED}]}
      - {id: us-central1}
"""
"""What the project's config.yaml watches."""


def _substituted(command: str) -> str | None:
    """Return what runs in place of a command; None if nothing does."""
    for pattern, instead in SUBSTITUTES.items():
        if re.fullmatch(pattern, command):
            return instead and re.sub(pattern, instead, command)
    return command


class Shells:
    """Runs the commands of a page in a copy of the project."""

    def __init__(
        self, folder: Path, environ: Mapping[str, str], printed: set[str]
    ) -> None:
        self.folder = folder / "datastream-exporter"
        self.environ = environ
        self._printed = printed
        self._log = folder / "log"
        self._running: list[subprocess.Popen[bytes]] = []
        ignored = shutil.ignore_patterns(
            ".*", "__pycache__", "build", "dist", "plan.json"
        )
        shutil.copytree(ROOT, self.folder, ignore=ignored)
        (self.folder / ".venv").symlink_to(ROOT / ".venv")
        # What `terraform show -json` would print.
        (self.folder / "plan.json").write_text(json.dumps(lab_review.plan()), "utf-8")

    def run(self, block: str) -> None:
        """Run the commands of a block in one shell; fail on the first that fails."""
        before: list[str] = []
        for command in commands_of(block):
            substituted = _substituted(command)
            if substituted is None or substituted in self._printed:
                continue
            if re.fullmatch(RUNS_ON, command):
                self._run_on(command, before)
            else:
                code = self._start(substituted, before).wait()
                printed = self._log.read_text("utf-8")
                assert code == EXIT_CODES.get(command, 0), f"{substituted}\n{printed}"
                recorded = RECORDED.get(substituted.rpartition("-lab ")[2])
                if recorded:
                    lines = [line.rstrip() for line in printed.splitlines()]
                    expected = recorded.read_text("utf-8").splitlines()
                    assert lines[: len(expected)] == expected, HOW
                if ONLY_PRINTS.fullmatch(substituted):
                    self._printed.add(substituted)
            if ENVIRONMENT_LINE.match(command):
                before.append(command)

    def close(self) -> None:
        """Stop what is still running, such as the emulator that `serve` started."""
        for process in self._running:
            self._interrupt(process)

    def _run_on(self, command: str, before: list[str]) -> None:
        process = self._start(command, before)
        self._running.append(process)
        while not (self._log.exists() and self._log.stat().st_size):
            assert process.poll() is None, f"{command}\n{self._log.read_text()}"
            time.sleep(0.05)
        # Later commands of the page use what serves.
        if "-lab serve" not in command:
            self._running.remove(process)
            self._interrupt(process)

    def _interrupt(self, process: subprocess.Popen[bytes]) -> None:
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait() == INTERRUPTED, self._log.read_text()

    def _start(self, command: str, before: list[str]) -> subprocess.Popen[bytes]:
        last = command if ENVIRONMENT_LINE.match(command) else f"exec {command}"
        self._log.unlink(missing_ok=True)
        with self._log.open("wb") as log:
            return subprocess.Popen(
                ["bash", "-euc", "\n".join([*before, last])],
                cwd=self.folder,
                env=self.environ,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )


@pytest.fixture(scope="session")
def printed() -> set[str]:
    """Return the commands that only print and that a page has run."""
    return set()


@pytest.fixture
def shells(tmp_path: Path, printed: set[str]) -> Iterator[Shells]:
    """Return shells in a copy of the project, beside an emulator of what it watches."""
    with Emulator(parse_world(WORLD, "docs")) as emulator:
        environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            # What is said and what is printed come in order.
            "PYTHONUNBUFFERED": "1",
            DATASTREAM_EMULATOR: emulator.datastream,
            MONITORING_EMULATOR: emulator.monitoring,
        }
        opened = Shells(tmp_path, environ, printed)
        yield opened
        opened.close()


@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if any(fences(page, "sh"))],
    ids=lambda page: str(page.relative_to(ROOT)),
)
def test_the_commands_of_a_page_work_in_order(shells: Shells, page: Path) -> None:
    """Each shell block runs to its end, with the exit codes that the docs announce."""
    for block in fences(page, "sh"):
        shells.run(block)


def test_the_dashboards_picture_is_up_to_date() -> None:
    """It is drawn from the module's tiles, with what they find of the demo's fleet."""
    for path, text in dashboard.picture().items():
        assert text == path.read_text("utf-8"), HOW
