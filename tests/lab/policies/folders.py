"""This project's policies, and small ones to break."""

from pathlib import Path

from exporter.documents.mistakes import InputError
from lab.policies.files import read_policies

OURS = Path(__file__).parents[3] / "alerting_policies"
CASES = Path(__file__).parent / "cases"

POLICIES = {policy.name: policy for policy in read_policies(OURS, house_rules=True)}
"""This project's policies, by name."""


def copy(folder: Path, **changes: tuple[str, str]) -> Path:
    """Fill a directory with the small policies, with a text replaced in some of them.

    Args:
        folder: The directory, created if needed.
        changes: The old and the new text, by policy.
    """
    folder.mkdir(exist_ok=True)
    for path in CASES.glob("*.yaml"):
        old, new = changes.get(path.stem, ("", ""))
        text = path.read_text("utf-8")
        assert text.count(old) == 1 or not old, (
            f"{old!r} does not stand in {path.name} once"
        )
        (folder / path.name).write_text(
            text.replace(old, new) if old else text, "utf-8"
        )
    return folder


def errors(folder: Path, *, house_rules: bool = True) -> list[str]:
    """Return the errors of a directory, without its path."""
    try:
        read_policies(folder, house_rules=house_rules)
    except InputError as mistakes:
        return [each.removeprefix(f"{folder}/") for each in mistakes.sentences]
    return []
