"""docs/policies.md and the policies of the Terraform examples: everything shown works."""

from __future__ import annotations

import re

import hcl2
import pytest

from lab.policies.files import read_policies
from tests.lab.policies.folders import OURS, POLICIES
from tools import policies as page

TEXT = (OURS.parent / "docs" / "policies.md").read_text("utf-8")
EXAMPLES = sorted((OURS.parent / "terraform" / "examples").glob("*/policies"))


def test_each_policy_has_a_row() -> None:
    """The table has every policy once, the most severe first, with a phrase without a full stop."""
    rows = [line.strip("| ").split(" | ") for line in page.policies().splitlines()[2:]]

    assert {row[0].partition("]")[0].lstrip("[") for row in rows} == set(POLICIES)
    assert [row[2] for row in rows] == sorted(row[2] for row in rows)
    assert all(row[1] and not row[1].endswith((".", ":", ",")) for row in rows)


def test_a_retest_window_is_readable() -> None:
    """In minutes or hours, or none; a log policy needs one entry."""
    rows = dict(
        re.findall(r"^\| \[([\w-]+)\].* \| [A-Z]+ \| ([^|]+) \|", page.policies(), re.MULTILINE)
    )

    assert rows["stream-maintenance-long"] == "1h"
    assert rows["stream-failed"] == "1m"
    assert rows["stream-failed-permanently"] == "none"
    assert rows["stream-changed"] == "one entry is enough"


def test_overrides_on_the_page_are_valid() -> None:
    """Every overridden policy exists, and has a threshold where that is overridden."""
    (shown,) = re.findall(r"```hcl\n(.*?)```", TEXT, re.DOTALL)
    changes = hcl2.loads(shown)["policy_overrides"]

    assert set(changes) <= set(POLICIES)
    for name, change in changes.items():
        assert set(change) <= {"duration", "enabled", "severity", "threshold"}
        assert POLICIES[name].threshold or "threshold" not in change


def test_the_command_names_a_file() -> None:
    """The policy that is created without Terraform exists."""
    (path,) = re.findall(r"--policy-from-file=(\S+)", TEXT)

    assert (OURS.parent / path).resolve() in {policy.path for policy in POLICIES.values()}


def test_every_policy_on_the_page_exists() -> None:
    """No policy name in the text is misspelled or outdated."""
    named = set(re.findall(r"\b(?:streams?|exporter|location)-[a-z-]+[a-z]", TEXT))

    assert named <= set(POLICIES)


@pytest.mark.parametrize("folder", EXAMPLES, ids=lambda folder: folder.parent.name)
def test_policies_of_examples_are_valid(folder: object) -> None:
    """An example's own policy is accepted."""
    assert read_policies(str(folder), others=POLICIES.values())


def test_there_are_examples() -> None:
    """A moved folder must not make these tests vacuous."""
    assert EXAMPLES
