"""Checks the arguments of commands in the docs that can't run in a test."""

from __future__ import annotations

import re
import shlex
import subprocess
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

from exporter import cli as exporter_cli
from lab.cli import main as lab_cli
from tests.terraform.terraform_cli import REPOSITORY, RootModule
from tools import terraform

GCLOUD: dict[tuple[str, ...], set[str]] = {
    ("artifacts", "docker", "images", "describe"): {"--format"},
    ("artifacts", "repositories", "create"): {"--location", "--project", "--repository-format"},
    ("auth", "application-default", "login"): set(),
    ("auth", "configure-docker"): set(),
    ("auth", "login"): set(),
    ("beta", "monitoring", "channels", "list"): {"--format", "--project"},
    ("builds", "submit"): {"--project", "--tag"},
    ("config", "set", "project"): set(),
    ("iam", "roles", "create"): {"--permissions", "--project"},
    ("iam", "service-accounts", "add-iam-policy-binding"): {"--member", "--project", "--role"},
    ("iam", "service-accounts", "create"): {"--project"},
    ("iam", "workload-identity-pools", "create"): {"--location", "--project"},
    ("iam", "workload-identity-pools", "providers", "create-oidc"): {
        "--attribute-condition",
        "--attribute-mapping",
        "--issuer-uri",
        "--location",
        "--project",
        "--workload-identity-pool",
    },
    ("monitoring", "policies", "create"): {"--policy-from-file", "--project"},
    ("projects", "add-iam-policy-binding"): {"--member", "--role"},
    ("secrets", "create"): {"--project", "--replication-policy"},
    ("secrets", "versions", "add"): {"--data-file", "--project"},
    ("services", "enable"): {"--project"},
}
"""Commands of gcloud and their flags: https://docs.cloud.google.com/sdk/gcloud/reference."""

DOCKER: dict[tuple[str, ...], set[str]] = {
    ("build",): {"--platform", "--tag"},
    ("push",): set(),
}


def check_arguments(command: str) -> None:
    """Fail if a command has an argument that its program doesn't know."""
    match [word for word in shlex.split(command) if not word.startswith(">")]:
        case [".venv/bin/datastream-exporter", *argv]:
            exporter_cli.parser().parse_args(argv)
        case [".venv/bin/datastream-lab", name, *argv]:
            lab_cli.command_parser(name).parse_args(argv)
        case ["make", *targets]:
            subprocess.run(["make", "--dry-run", *targets], cwd=REPOSITORY, check=True)
        case ["docker", *words]:
            assert not _unknown(words, DOCKER)
        case ["gcloud", *words]:
            assert not _unknown(words, GCLOUD)
        case ["terraform", *words]:
            assert not _unknown_to_terraform(words)
        case _:
            pytest.fail(f"no test knows this command: {command}")


def _unknown_to_terraform(words: list[str]) -> set[str]:
    """Return the words after ``terraform`` that its help or, after ``-var``, the module lacks."""
    before = [word for word in words if word.startswith("-chdir")]
    rest = words[len(before) :]
    command = rest[:2] if rest[0] == "state" else rest[:1]
    flags = [word for word in rest[len(command) :] if word.startswith("-")]
    known = _flags("-help") | _flags(*command, "-help")
    if command[0] in {"apply", "destroy"}:
        # Their help refers to it.
        known |= _flags("plan", "-help")
    inputs = {value.partition("=")[0] for flag, value in pairwise(rest) if flag == "-var"}
    if command[0] == "output":
        readme = (REPOSITORY / "terraform" / "README.md").read_text("utf-8")
        declared = re.findall(r'^ *output "(\w+)"', readme, re.MULTILINE)
        known |= set(declared)
        flags = rest[len(command) :]
    names = {flag.partition("=")[0] for flag in [*before, *flags]}
    return (names - known) | (inputs - module_inputs())


@cache
def module_inputs() -> frozenset[str]:
    """Return the names of the module's inputs."""
    return frozenset(terraform.blocks("variable"))


@cache
def _flags(*words: str) -> frozenset[str]:
    """Return the flags in Terraform's help of a command, which must exist."""
    return frozenset(
        re.findall(r"^ +(-[a-z-]+)", RootModule(Path("/"), None).run(*words), re.MULTILINE)
    )


def _unknown(words: list[str], known: dict[tuple[str, ...], set[str]]) -> set[str]:
    used = {word.partition("=")[0] for word in words if word.startswith("--")}
    for command, flags in known.items():
        if tuple(words[: len(command)]) == command:
            return used - flags
    return set(words)
