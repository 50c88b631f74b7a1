"""The checks of pull requests in terraform/examples/review: the steps run as they are written."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.canary import Canary
from tests.lab.review.code_host import LONGEST, CodeHost, code_host
from tests.lab.review.conftest import SCENARIOS
from tests.terraform.fake_provider import FakeProvider
from tests.terraform.module_inputs import INPUTS, MODULE
from tests.terraform.terraform_cli import LIBRARY, REPOSITORY, RUNNER, RootModule, copy_module

CHECKS = REPOSITORY / "terraform" / "examples" / "review"
WORKFLOW: dict[str, Any] = yaml.safe_load((CHECKS / "github.yml").read_text("utf-8"))
CLONE = WORKFLOW["env"]["EXPORTER"]

NUMBER = 7
EXPRESSIONS = {
    "env.DIRECTORY": ".",
    "github.token": Canary.GITHUB_TOKEN,
    "github.event.pull_request.number": str(NUMBER),
}
"""What the workflow's expressions in its own steps stand for."""


@pytest.fixture
def host() -> Iterator[CodeHost]:
    """Return a server with the comments of pull requests."""
    with code_host() as running:
        yield running


def run_steps(job: str, folder: Path, environ: dict[str, str]) -> None:
    """Run the shell steps of a job in a folder, as a runner of GitHub does."""
    for step in WORKFLOW["jobs"][job]["steps"]:
        if "run" not in step:
            continue
        variables = {**WORKFLOW["env"], **step.get("env", {})}
        evaluated = {name: _evaluated(value) for name, value in variables.items()}
        subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", _evaluated(step["run"])],
            cwd=folder / _evaluated(step.get("working-directory", ".")),
            env={**environ, **evaluated},
            check=True,
        )


def _evaluated(text: str) -> str:
    return re.sub(r"\$\{\{ (\S+) \}\}", lambda found: EXPRESSIONS[found[1]], text)


def _programs(folder: Path) -> None:
    """Write the programs that a runner has: Terraform, and what installs the rest."""
    folder.mkdir()
    for name, words in (
        ("terraform", [sys.executable, "-I", "-S", "-c", RUNNER, str(LIBRARY)]),
        ("make", ["true"]),
        ("sudo", ["true"]),
    ):
        file = folder / name
        file.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
        file.chmod(0o755)


def _root(workspace: Path, provider: FakeProvider) -> RootModule:
    """Return a root module whose exporter lies in a folder of its own, with one scenario."""
    clone = workspace / CLONE
    copy_module(MODULE, clone, provider)
    scenarios = clone / "alerting_policies" / "scenarios"
    shutil.rmtree(scenarios)
    shutil.copytree(SCENARIOS, scenarios, ignore=lambda _, names: {*names} - {"five.yaml"})
    lab = clone / ".venv" / "bin" / "datastream-lab"
    lab.parent.mkdir(parents=True)
    lab.write_text(f'#!/bin/sh\nPYTHONPATH={REPOSITORY} exec {sys.executable} -m lab "$@"\n')
    lab.chmod(0o755)
    return RootModule(workspace, provider)


def _written(root: RootModule, duration: str) -> None:
    inputs = {**INPUTS, "policy_overrides": {"stream-failed": {"duration": duration}}}
    values = {"module": {"exporter": {"source": f"./{CLONE}/terraform", **inputs}}}
    root.write("main.tf.json", json.dumps(values))


def test_the_workflow_on_github_keeps_one_comment(tmp_path: Path, host: CodeHost) -> None:
    """It plans, reviews and comments; a second run updates the comment, a third changes nothing."""
    host.comments += ["Nice."] * 130
    workspace, runner = tmp_path / "workspace", tmp_path / "runner"
    _programs(tmp_path / "bin")
    runner.mkdir()
    with FakeProvider() as provider:
        root = _root(workspace, provider)
        environ = {
            **{key: value for key, value in os.environ.items() if not key.startswith("GITHUB_")},
            "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",
            "RUNNER_TEMP": str(runner),
            "GITHUB_STEP_SUMMARY": str(runner / "summary.md"),
            "GITHUB_API_URL": host.url,
            "GITHUB_REPOSITORY": "acme/infra",
            "TF_REATTACH_PROVIDERS": provider.reattach,
            "CHECKPOINT_DISABLE": "1",
        }
        _written(root, "60s")
        root.init()
        root.apply()
        for duration in ("300s", "240s", "240s"):
            _written(root, duration)
            run_steps("review", workspace, environ)
            run_steps("comment", workspace, environ)
    issues = "/repos/acme/infra/issues"
    look = [f"GET {issues}/{NUMBER}/comments"] * 2
    assert host.requests == [
        *look,
        f"POST {issues}/{NUMBER}/comments",
        *look,
        f"PATCH {issues}/comments/131",
        *look,
    ]
    assert host.secrets == {f"Bearer {Canary.GITHUB_TOKEN}"}
    (comment,) = host.comments[130:]
    assert comment.startswith("<!-- datastream-lab review -->\n## Review of the alert policies\n")
    assert "-    duration: 60s\n+    duration: 240s\n" in comment
    assert "+    duration: 300s\n" in (runner / "summary.md").read_text("utf-8")


def _comment(environ: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    script = [sys.executable, str(CHECKS / "comment.py"), *words]
    return subprocess.run(script, env=environ, capture_output=True, text=True, check=False)


def test_a_note_on_gitlab_is_kept_up_to_date(tmp_path: Path, host: CodeHost) -> None:
    """The script takes the variables of a merge request's pipeline."""
    review = tmp_path / "review.md"
    environ = {
        "CI_API_V4_URL": f"{host.url}/api/v4",
        "CI_PROJECT_ID": "5",
        "CI_MERGE_REQUEST_IID": str(NUMBER),
        "REVIEW_TOKEN": Canary.GITLAB_TOKEN,
    }
    for text, said in (("One", "written"), ("Two", "updated"), ("Two", "up to date")):
        review.write_text(text)
        ended = _comment(environ, "gitlab", str(review))
        assert (ended.returncode, ended.stderr) == (0, f"The comment is {said}.\n")
    notes = f"/api/v4/projects/5/merge_requests/{NUMBER}/notes"
    assert [each for each in host.requests if not each.startswith("GET")] == [
        f"POST {notes}",
        f"PUT {notes}/1",
    ]
    assert host.secrets == {Canary.GITLAB_TOKEN}
    assert host.comments == ["<!-- datastream-lab review -->\nTwo"]


def test_what_goes_wrong_is_one_sentence(tmp_path: Path, host: CodeHost) -> None:
    """A missing variable, a missing file, a refusal and a wrong command line; exit 1."""
    review = tmp_path / "review.md"
    review.write_text("x" * LONGEST)
    url = {"GITHUB_API_URL": host.url, "GITHUB_REPOSITORY": "acme/infra", "PULL_REQUEST": "7"}
    token = {"GITHUB_TOKEN": Canary.GITHUB_TOKEN}
    for environ, words, sentence in (
        (url, ("github", str(review)), "the variable GITHUB_TOKEN is not set"),
        (url | token, ("github", str(review)), "answered 422 Unprocessable"),
        (url | token, ("github", "none"), "No such file or directory"),
        (url, ("bitbucket", str(review)), "usage: comment.py github|gitlab REVIEW.md"),
    ):
        ended = _comment(environ, *words)
        assert (ended.returncode, ended.stdout) == (1, "")
        assert sentence in ended.stderr
        assert len(ended.stderr.splitlines()) == 1


def test_permissions_on_github_are_the_least() -> None:
    """Only the job that runs none of the pull request's code may write."""
    assert WORKFLOW["permissions"] == {}
    assert {name: job["permissions"] for name, job in WORKFLOW["jobs"].items()} == {
        "review": {"contents": "read", "id-token": "write"},
        "comment": {"contents": "read", "pull-requests": "write"},
    }
