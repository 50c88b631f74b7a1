"""The checks of pull requests in terraform/examples/review, run as written."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

from tests.canary import Canary, canaries_in
from tests.conftest import serving
from tests.exporter.google.loopback import HttpRequest, HttpServer
from tests.lab.conftest import POLICIES
from tests.lab.review.conftest import SCENARIOS
from tests.lab.review.plan_json import change, plan, policy
from tests.tables import rows

CHECKS = POLICIES.parent / "terraform" / "examples" / "review"
WORKFLOW: dict[str, Any] = yaml.safe_load((CHECKS / "github.yml").read_text("utf-8"))
CONFIG = "metrics: {project: orders-prod}\nsources: [{project: orders-prod}]\n"
LONGEST = 65_536
"""Characters that a comment may have."""
EXPRESSIONS = {
    "env.DIRECTORY": ".",
    "github.token": Canary.GITHUB_TOKEN,
    "github.event.pull_request.number": "7",
}
"""What the workflow's expressions in its own steps stand for."""


class CodeHost(HttpServer):
    """Holds the comments of a pull request, and answers as GitHub and GitLab do."""

    def __init__(self) -> None:
        super().__init__()
        self.comments: list[str] = []
        self.secrets: set[str] = set()
        self.calls: list[str] = []
        self.url = f"http://{self.address}"

    def answer_to(self, request: HttpRequest) -> tuple[int, str]:
        """Return a page of comments, or keep one."""
        secrets = (
            request.headers.get(each) for each in ("Authorization", "Private-Token")
        )
        self.secrets |= {each for each in secrets if each}
        url = urlsplit(request.path)
        self.calls.append(f"{request.method} {url.path}")
        if request.method == "GET":
            query = parse_qs(url.query)
            size = int(query["per_page"][0])
            start = (int(query["page"][0]) - 1) * size
            found = []
            for number, body in enumerate(self.comments, 1):
                found.append({"id": number, "body": body})
            return 200, json.dumps(found[start : start + size])
        text: str = json.loads(request.body)["body"]
        assert not canaries_in(text)
        if len(text) > LONGEST:
            return 422, "{}"
        place = url.path.rpartition("/")[2]
        if place.isdigit():
            self.comments[int(place) - 1] = text
        else:
            self.comments.append(text)
        return 200, "{}"


@pytest.fixture
def host() -> Iterator[CodeHost]:
    """Return a running code host."""
    with serving(CodeHost()) as server:
        yield server


def _run_steps(job: str, folder: Path, environ: dict[str, str]) -> None:
    """Run the shell steps of a job in a folder, as a runner of GitHub does."""
    for step in WORKFLOW["jobs"][job]["steps"]:
        if "run" in step:
            variables = dict(environ)
            for name, value in (WORKFLOW["env"] | step.get("env", {})).items():
                variables[name] = _evaluated(value)
            subprocess.run(
                ["bash", "-e", "-o", "pipefail", "-c", _evaluated(step["run"])],
                cwd=folder / _evaluated(step.get("working-directory", ".")),
                env=variables,
                check=True,
            )


def _evaluated(text: str) -> str:
    return re.sub(r"\$\{\{ (\S+) \}\}", lambda found: EXPRESSIONS[found[1]], text)


def _write_program(file: Path, words: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f'#!/bin/sh\n{words} "$@"\n')
    file.chmod(0o755)


def test_the_workflow_on_github_keeps_one_comment(
    tmp_path: Path, host: CodeHost
) -> None:
    """A lost or later alert fails the check, after a comment that later runs update."""
    host.comments += ["Nice."] * 130
    workspace = tmp_path / "workspace"
    runner = tmp_path / "runner"
    programs = tmp_path / "bin"
    # The wheel has more scenarios, which take longer.
    policies = workspace / "alerting_policies"
    (policies / "scenarios").mkdir(parents=True)
    for file in POLICIES.glob("*.yaml"):
        shutil.copy(file, policies)
    shutil.copy(SCENARIOS / "five.yaml", policies / "scenarios")
    (workspace / "review").symlink_to(CHECKS)
    lab = f"PYTHONPATH={CHECKS.parents[2]} exec {sys.executable} -m lab"
    _write_program(programs / "datastream-lab", lab)
    exporter = lab.replace("-m lab", "-m exporter")
    _write_program(programs / "datastream-exporter", exporter)
    config = workspace / "config.yaml"
    config.write_text(CONFIG)
    planned = tmp_path / "planned.json"
    _write_program(
        programs / "terraform", f'if [ "$1" = show ]; then cat {planned}; fi; true'
    )
    _write_program(programs / "pip", "true")
    _write_program(programs / "sudo", "true")
    runner.mkdir()
    inherited = os.environ.items()
    environ = {key: value for key, value in inherited if "GITHUB_" not in key}
    environ |= {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "RUNNER_TEMP": str(runner),
        "GITHUB_STEP_SUMMARY": str(runner / "summary.md"),
        "GITHUB_API_URL": host.url,
        "GITHUB_REPOSITORY": "acme/infra",
    }
    late, sooner = policy(duration="300s"), policy(duration="240s")
    later = change("update", before=policy(), after=late)
    planned.write_text(json.dumps(plan(later)))
    _run_steps("review", workspace, environ)
    with pytest.raises(subprocess.CalledProcessError, match="exit"):
        _run_steps("comment", workspace, environ)
    assert " later**" in host.comments[-1]
    planned.write_text(json.dumps(plan(change("update", before=late, after=sooner))))
    _run_steps("review", workspace, environ)
    _run_steps("comment", workspace, environ)
    assert " later**" not in host.comments[-1]
    config.write_text(CONFIG.replace("sources", "source"))
    with pytest.raises(subprocess.CalledProcessError, match="check --offline"):
        _run_steps("review", workspace, environ)
    issues = "/repos/acme/infra/issues"
    look = [f"GET {issues}/7/comments"] * 2
    written, updated = f"POST {issues}/7/comments", f"PATCH {issues}/comments/131"
    assert host.calls == [*look, written, *look, updated]
    assert host.secrets == {f"Bearer {Canary.GITHUB_TOKEN}"}
    (comment,) = host.comments[130:]
    assert comment.startswith(
        "<!-- datastream-lab review -->\n## Review of config and alert policies\n"
    )
    assert "-    duration: 300s\n+    duration: 240s\n" in comment
    assert "+    duration: 300s\n" in (runner / "summary.md").read_text("utf-8")


def _script(pipeline: str, words: str) -> str:
    """Return the shell script of a pipeline that has some words."""
    content = (CHECKS / pipeline).read_text("utf-8")
    for event in yaml.parse(content):
        if isinstance(event, yaml.ScalarEvent) and words in event.value:
            # Cloud Build would replace a single dollar.
            return str(event.value).replace("$$", "$")
    raise AssertionError(words)


@pytest.mark.parametrize("pipeline", ["github.yml", "gitlab-ci.yml", "cloudbuild.yaml"])
@rows
def test_no_pipeline_accepts_anything_but_success(
    tmp_path: Path, pipeline: str, checked: int, ends: int, text: str, codes: list[int]
) -> None:
    """Warnings and findings fail a pipeline at its end, mistakes at once."""
    programs = tmp_path / "bin"
    strict = '[ "$*" = "check --offline --strict --config ./config.yaml" ] || exit 3'
    _write_program(programs / "datastream-exporter", f"{strict}; exit {checked} #")
    _write_program(programs / "datastream-lab", f"printf '{text}'; exit {ends} #")
    for name in ("apt-get", "pip"):
        _write_program(programs / name, "true")
    environ = {
        "DIRECTORY": ".",
        "_DIRECTORY": ".",
        "LAB": "datastream-exporter[lab]",
        "_LAB": "datastream-exporter[lab]",
        "RUNNER_TEMP": str(tmp_path),
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"),
        "PATH": f"{programs}:{os.environ['PATH']}",
    }
    found = []
    for words in (" check ", " review ", 'exit "$')[: len(codes)]:
        script = _script(pipeline, words)
        ended = subprocess.run(
            ["bash", "-euc", script], cwd=tmp_path, env=environ, check=False
        )
        found.append(ended.returncode)
    assert found == codes


def _comment(environ: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    script = [sys.executable, str(CHECKS / "comment.py"), *words]
    return subprocess.run(
        script, env=environ, capture_output=True, text=True, check=False
    )


def test_a_note_on_gitlab_is_kept_up_to_date(tmp_path: Path, host: CodeHost) -> None:
    """The script takes the variables of a merge request's pipeline."""
    review = tmp_path / "review.md"
    environ = {
        "CI_API_V4_URL": f"{host.url}/api/v4",
        "CI_PROJECT_ID": "5",
        "CI_MERGE_REQUEST_IID": "7",
        "REVIEW_TOKEN": Canary.GITLAB_TOKEN,
    }
    for text, said in (("One", "written"), ("Two", "updated"), ("Two", "up to date")):
        review.write_text(text)
        ended = _comment(environ, "gitlab", str(review))
        assert ended.returncode == 0
        assert ended.stderr == f"The comment is {said}.\n"
    notes = "/api/v4/projects/5/merge_requests/7/notes"
    written = [each for each in host.calls if not each.startswith("GET")]
    assert written == [f"POST {notes}", f"PUT {notes}/1"]
    assert host.secrets == {Canary.GITLAB_TOKEN}
    assert host.comments == ["<!-- datastream-lab review -->\nTwo"]


def test_what_goes_wrong_is_one_sentence(tmp_path: Path, host: CodeHost) -> None:
    """A missing variable, a refusal or a wrong command line is one sentence."""
    review = tmp_path / "review.md"
    review.write_text("x" * LONGEST)
    url = {
        "GITHUB_API_URL": host.url,
        "GITHUB_REPOSITORY": "acme/infra",
        "PULL_REQUEST": "7",
    }
    token = {"GITHUB_TOKEN": Canary.GITHUB_TOKEN}
    for environ, words, sentence in (
        (url, ("github", str(review)), "the variable GITHUB_TOKEN is not set"),
        (url | token, ("github", str(review)), "answered 422 Unprocessable"),
        (url, ("bitbucket", str(review)), "usage: comment.py github|gitlab REVIEW.md"),
    ):
        ended = _comment(environ, *words)
        assert ended.stdout == ""
        assert ended.returncode == 1
        assert sentence in ended.stderr
        assert len(ended.stderr.splitlines()) == 1
