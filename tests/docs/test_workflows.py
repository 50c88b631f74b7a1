"""The workflows: the programs that they need, and their permissions."""

import re
from pathlib import Path

import pytest
import yaml

from lab.prove.engine import PROGRAMS

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))

SHELL = "cd|command|echo|else|exit|for|if"
RUNNER = r"apt-get|awk|bash|docker|find|go|gzip|make|ps|rm|.*\bsh|sha256sum|tail|touch"
"""What ubuntu-24.04 has; Terraform and Prometheus aren't there:
https://github.com/actions/runner-images/blob/main/images/ubuntu/Ubuntu2404-Readme.md"""

PACKAGES = {"prometheus": {*PROGRAMS}}
"""The programs of an apt package. Ubuntu 24.04 has Prometheus 2.45."""


@pytest.mark.parametrize("name", ["ci", "release"])
def test_a_workflow_installs_every_program_before_the_tests(name: str) -> None:
    """The Makefile, lab and tests start nothing that isn't on the runner by then."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    needed = {*PROGRAMS}
    needed.update(re.findall(r"command -v ([a-z][\w-]*)", makefile))
    needed.update(re.findall(r"(?m)(?:^\t+@?|&& |\| )([a-z][\w-]*) ", makefile))
    for test in (ROOT / "tests").rglob("*.py"):
        text = test.read_text("utf-8")
        needed.update(re.findall(r'subprocess\.\w+\(\s*\[\s*"([\w/-]+)"', text))
    workflow = (ROOT / ".github" / "workflows" / f"{name}.yml").read_text("utf-8")
    before, tests, _ = workflow.partition("- run: make test")
    assert tests
    installed = set()
    for package in re.findall(
        r"sudo apt-get install .* ([\w-]+)$", before, re.MULTILINE
    ):
        installed |= PACKAGES[package]
    there = re.compile(f"{SHELL}|{RUNNER}")
    assert {each for each in needed if not there.fullmatch(each)} == installed


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_grants_no_write_permission_to_all_jobs(workflow: Path) -> None:
    """A job asks for its own write permissions; checkouts keep no credentials."""
    text = yaml.safe_load(workflow.read_text("utf-8"))
    assert set(text["permissions"].values()) <= {"read"}
    for job in text["jobs"].values():
        for step in job["steps"]:
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False
