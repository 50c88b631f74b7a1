"""This project's policies, and small ones to break."""

from pathlib import Path

import pytest

from exporter.documents.mistakes import InputError
from lab.policies.files import read_policies
from tests.lab import conftest

CASES = Path(__file__).parent / "cases"

POLICIES = {policy.name: policy for policy in read_policies(conftest.POLICIES)}
"""This project's policies, by name."""

every_policy = pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES.keys())
every_metric_policy = pytest.mark.parametrize(
    "policy",
    [each for each in POLICIES.values() if not each.is_log],
    ids=lambda each: each.name,
)


def copy(folder: Path, **changes: tuple[str, str]) -> Path:
    """Fill a directory with the small policies, with a text replaced in some of them.

    Args:
        folder: The directory, created if needed.
        changes: The old and the new text, by policy.
    """
    folder.mkdir(exist_ok=True)
    for path in CASES.glob("*.yaml"):
        text = path.read_text("utf-8")
        if path.stem in changes:
            old, new = changes[path.stem]
            text = text.replace(old, new)
        (folder / path.name).write_text(text, "utf-8")
    return folder


def errors(folder: Path) -> list[str]:
    """Return the errors of a directory, without its path."""
    try:
        read_policies(folder)
    except InputError as mistakes:
        return [each.removeprefix(f"{folder}/") for each in mistakes.args]
    return []
