"""Commands of others that the docs show: whether these know their words."""

from __future__ import annotations

import re
from functools import cache
from itertools import pairwise
from pathlib import Path

from tests.terraform.terraform_cli import RootModule
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
    ("monitoring", "policies", "create"): {"--policy-from-file", "--project"},
    ("projects", "add-iam-policy-binding"): {"--member", "--role"},
    ("secrets", "create"): {"--project", "--replication-policy"},
    ("secrets", "versions", "add"): {"--data-file", "--project"},
    ("services", "enable"): {"--project"},
}
"""Commands of gcloud and flags of theirs: https://docs.cloud.google.com/sdk/gcloud/reference."""

DOCKER: dict[tuple[str, ...], set[str]] = {
    ("build",): {"--platform", "--tag"},
    ("push",): set(),
}


def unknown_to_gcloud(words: list[str]) -> set[str]:
    """Return the words after ``gcloud`` that are neither a known command nor a flag of it."""
    return _unknown(words, GCLOUD)


def unknown_to_docker(words: list[str]) -> set[str]:
    """Return the words after ``docker`` that are neither a known command nor a flag of it."""
    return _unknown(words, DOCKER)


def unknown_to_terraform(words: list[str]) -> set[str]:
    """Return the words after ``terraform`` that its own help does not have.

    Among them are inputs that the module does not have, after ``-var``.
    """
    before = [word for word in words if word.startswith("-chdir")]
    rest = words[len(before) :]
    command = rest[:2] if rest[0] == "state" else rest[:1]
    flags = [word for word in rest[len(command) :] if word.startswith("-")]
    known = _flags("-help") | _flags(*command, "-help")
    if command[0] in {"apply", "destroy"}:
        # Their help sends the reader there.
        known |= _flags("plan", "-help")
    inputs = {value.partition("=")[0] for flag, value in pairwise(rest) if flag == "-var"}
    said = {flag.partition("=")[0] for flag in [*before, *flags]}
    return (said - known) | (inputs - module_inputs())


@cache
def module_inputs() -> frozenset[str]:
    """Return the names of the module's inputs."""
    return frozenset(terraform.blocks("variable"))


@cache
def _flags(*words: str) -> frozenset[str]:
    """Return the flags that Terraform's help of a command lists; it refuses an unknown one."""
    return frozenset(
        re.findall(r"^ +(-[a-z-]+)", RootModule(Path("/"), None).run(*words), re.MULTILINE)
    )


def _unknown(words: list[str], known: dict[tuple[str, ...], set[str]]) -> set[str]:
    said = {word.partition("=")[0] for word in words if word.startswith("--")}
    for command, flags in known.items():
        if tuple(words[: len(command)]) == command:
            return said - flags
    return set(words)
