"""The check of pull requests in terraform/examples/review, run as written."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.canary import Canary, canaries_in
from tests.lab.conftest import POLICIES, ROOT
from tests.lab.review.conftest import SCENARIOS
from tests.lab.review.plan_json import change, plan, policy
from tests.tables import rows

CHECK = ROOT / "terraform" / "examples" / "review" / "github.yml"
WORKFLOW: dict[str, Any] = yaml.safe_load(CHECK.read_text("utf-8"))
CONFIG = "metrics: {project: orders-prod}\nsources: [{project: orders-prod}]\n"
EXPRESSIONS = {
    "env.DIRECTORY": ".",
    "github.token": Canary.GITHUB_TOKEN,
    "github.event.pull_request.number": "7",
}
"""What the workflow's expressions in its own steps stand for."""
OTHERS = ["<!-- coverage -->\n91 %", "> <!-- datastream-lab review -->\nThanks."]
"""Comments that the workflow must not change."""


class Runner:
    """Runs the workflow's shell steps, as a runner of GitHub does."""

    def __init__(self, folder: Path) -> None:
        self.workspace = folder / "workspace"
        self.summary = folder / "summary.md"
        self._comments = folder / "comments"
        self._programs = folder / "bin"
        for each in (self.workspace, self._comments, self._programs):
            each.mkdir()
        for number, body in enumerate(OTHERS, 1):
            (self._comments / str(number)).write_text(body)
        (self._programs / "gh").symlink_to(Path(__file__).with_name("gh"))
        for name in ("pip", "sudo"):
            self.install(name, "true")
        self._environ = os.environ | {
            "PATH": f"{self._programs}:{os.environ['PATH']}",
            "RUNNER_TEMP": str(folder),
            "GITHUB_STEP_SUMMARY": str(self.summary),
            "GITHUB_REPOSITORY": "acme/infra",
            "COMMENTS": str(self._comments),
        }

    @property
    def comments(self) -> list[str]:
        """Return the comments on the pull request, the oldest first."""
        files = sorted(self._comments.iterdir())
        return [file.read_text("utf-8") for file in files]

    def install(self, name: str, words: str) -> None:
        """Put a program where the steps find it."""
        file = self._programs / name
        file.write_text(f'#!/bin/sh\n{words} "$@"\n')
        file.chmod(0o755)

    def passes(self) -> bool:
        """Run the jobs up to the first step that fails; return whether none does."""
        for job in WORKFLOW["jobs"].values():
            for step in job["steps"]:
                if "run" in step and self._run(step):
                    return False
        return True

    def _run(self, step: dict[str, Any]) -> int:
        """Run a step; return its exit code."""
        variables = dict(self._environ)
        for name, value in (WORKFLOW["env"] | step.get("env", {})).items():
            variables[name] = _evaluated(value)
        shell = ["bash", "-e", "-c", _evaluated(step["run"])]
        if step.get("shell") == "bash":
            shell[1:1] = ["-o", "pipefail"]
        folder = self.workspace / _evaluated(step.get("working-directory", "."))
        return subprocess.run(shell, cwd=folder, env=variables, check=False).returncode


def _evaluated(text: str) -> str:
    return re.sub(r"\$\{\{ (\S+) \}\}", lambda found: EXPRESSIONS[found[1]], text)


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    """Return a runner whose pull request has comments of others."""
    return Runner(tmp_path)


def test_the_workflow_keeps_one_comment(tmp_path: Path, runner: Runner) -> None:
    """A later alert fails the check, after a comment that the next run changes."""
    # The wheel has more scenarios, which take longer.
    policies = runner.workspace / "alerting_policies"
    (policies / "scenarios").mkdir(parents=True)
    for file in POLICIES.glob("*.yaml"):
        shutil.copy(file, policies)
    shutil.copy(SCENARIOS / "five.yaml", policies / "scenarios")
    python = f"PYTHONPATH={ROOT} exec {sys.executable}"
    runner.install("datastream-lab", f"{python} -m lab")
    runner.install("datastream-exporter", f"{python} -m exporter")
    config = runner.workspace / "config.yaml"
    config.write_text(CONFIG)
    planned = tmp_path / "planned.json"
    runner.install("terraform", f'if [ "$1" = show ]; then cat {planned}; fi; true')
    late, sooner = policy(duration="300s"), policy(duration="240s")
    later = change("update", before=policy(), after=late)
    planned.write_text(json.dumps(plan(later)))
    assert not runner.passes()
    assert runner.comments[:-1] == OTHERS
    assert " later**" in runner.comments[-1]
    planned.write_text(json.dumps(plan(change("update", before=late, after=sooner))))
    assert runner.passes()
    assert runner.comments[:-1] == OTHERS
    comment = runner.comments[-1]
    assert " later**" not in comment
    assert comment.startswith(
        "<!-- datastream-lab review -->\n## Review of config and alert policies\n"
    )
    assert "-    duration: 300s\n+    duration: 240s\n" in comment
    assert not canaries_in(comment)
    assert "+    duration: 300s\n" in runner.summary.read_text("utf-8")
    config.write_text(CONFIG.replace("sources", "source"))
    assert not runner.passes()
    assert runner.comments == [*OTHERS, comment]


@rows
def test_nothing_but_success_passes(
    runner: Runner, checked: int, ends: int, text: str, *, commented: bool, passes: bool
) -> None:
    """A warning or a finding fails the workflow after its comment, a mistake before."""
    strict = '[ "$*" = "check --offline --strict --config ./config.yaml" ] || exit 3'
    runner.install("datastream-exporter", f"{strict}; exit {checked} #")
    runner.install("datastream-lab", f"printf '{text}'; exit {ends} #")
    runner.install("terraform", "true")
    assert runner.passes() == passes
    assert len(runner.comments) == len(OTHERS) + commented
