"""The workflows: the programs that they need, and their permissions."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab.prove.engine import PROGRAMS

ROOT = Path(__file__).parents[2]
WORKFLOWS = {}
for file in sorted((ROOT / ".github" / "workflows").glob("*.yml")):
    WORKFLOWS[file.stem] = yaml.safe_load(file.read_text("utf-8"))

SHELL = {"cd", "command", "echo", "else", "exit", "for", "if"}
RUNNER = {"apt-get", "awk", "bash", "docker", "find", "go", "gzip", "make", "ps", "rm"}
RUNNER |= {"/bin/sh", "sh", "sha256sum", "tail", "touch"}
"""What ubuntu-24.04 has
(https://github.com/actions/runner-images/blob/main/images/ubuntu/Ubuntu2404-Readme.md).
Terraform and Prometheus are not there."""

PACKAGES = {"prometheus": {"prometheus", "promtool"}}
"""The programs of an apt package. Ubuntu 24.04 has Prometheus 2.45."""


def _needed() -> set[str]:
    """Return the programs that the Makefile, the lab and the tests start."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    found = {*PROGRAMS}
    found.update(re.findall(r"command -v ([a-z][\w-]*)", makefile))
    found.update(re.findall(r"(?m)(?:^\t+@?|&& |\| )([a-z][\w-]*) ", makefile))
    for file in (ROOT / "tests").rglob("*.py"):
        text = file.read_text("utf-8")
        found.update(re.findall(r'subprocess\.\w+\(\s*\[\s*"([\w/-]+)"', text))
    return found


@pytest.mark.parametrize("name", ["ci", "release"])
def test_a_workflow_installs_every_program_before_the_tests(name: str) -> None:
    """`make test` needs nothing that neither the runner nor an earlier step has."""
    (job,) = [each for each in WORKFLOWS[name]["jobs"].values() if _tests(each)]
    missing = _needed() - SHELL - RUNNER
    assert missing == set(PROGRAMS)
    for step in job["steps"]:
        run = step.get("run", "")
        if "make test" in run:
            break
        if "sudo apt-get install" in run:
            for package, programs in PACKAGES.items():
                if package in run.split():
                    missing -= programs
    assert not missing
    assert job["runs-on"] == "ubuntu-24.04"


def _tests(job: dict[str, Any]) -> bool:
    return any("make test" in step.get("run", "") for step in job["steps"])


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_grants_no_write_permission_to_all_jobs(name: str) -> None:
    """A job asks for its own write permissions; checkouts keep no credentials."""
    text = WORKFLOWS[name]
    assert set(text["permissions"].values()) <= {"read"}
    for job in text["jobs"].values():
        for step in job["steps"]:
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False
