"""Policies to read: those of this project, and small ones to make mistakes in."""

from __future__ import annotations

from pathlib import Path

from exporter.inputs.input_errors import InputError
from lab.policies.files import Policy, read_policies

OURS = Path(__file__).parents[3] / "alerting_policies"
CASES = Path(__file__).parent / "cases"

POLICIES = {policy.name: policy for policy in read_policies(OURS, house_rules=True)}
"""This project's own, by name."""


def copy(folder: Path, **changes: tuple[str, str]) -> Path:
    """Return a directory with the small policies, a text in some of them replaced by another.

    Args:
        folder: The directory, which is made where it is not there.
        changes: What is replaced, and by what, by the name of the policy.
    """
    folder.mkdir(exist_ok=True)
    for path in CASES.glob("*.yaml"):
        old, new = changes.get(path.stem, ("", ""))
        text = path.read_text("utf-8")
        assert text.count(old) == 1 or not old, f"{old!r} does not stand in {path.name} once"
        (folder / path.name).write_text(text.replace(old, new) if old else text, "utf-8")
    return folder


def told(folder: Path, *, house_rules: bool = True) -> list[str]:
    """Return what is wrong with the policies of a directory, without the way to it."""
    try:
        read_policies(folder, house_rules=house_rules)
    except InputError as mistakes:
        return [each.removeprefix(f"{folder}/") for each in mistakes.sentences]
    return []


def policy(folder: Path, name: str) -> Policy:
    """Return one policy of a directory, read without the rules of this project's own."""
    return next(each for each in read_policies(folder) if each.name == name)
