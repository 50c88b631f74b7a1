"""docs/policies.md, and the policies that the Terraform examples hold: what is shown works."""

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
    """The table holds every policy once, the severest first, with a sentence that ends nowhere."""
    rows = [line.strip("| ").split(" | ") for line in page.policies().splitlines()[2:]]

    assert {row[0].partition("]")[0].lstrip("[") for row in rows} == set(POLICIES)
    assert [row[2] for row in rows] == sorted(row[2] for row in rows)
    assert all(row[1] and not row[1].endswith((".", ":", ",")) for row in rows)


def test_a_hold_is_written_as_people_read_it() -> None:
    """Minutes and hours are said as such, no hold is none, and a log entry pages at once."""
    rows = dict(
        re.findall(r"^\| \[([\w-]+)\].* \| [A-Z]+ \| ([^|]+) \|", page.policies(), re.MULTILINE)
    )

    assert rows["stream-maintenance-long"] == "1h"
    assert rows["stream-failed"] == "1m"
    assert rows["stream-failed-permanently"] == "none"
    assert rows["stream-changed"] == "one entry is enough"


def test_changes_that_the_page_shows_are_possible() -> None:
    """Every policy that is changed there exists, and has the threshold that is changed."""
    (shown,) = re.findall(r"```hcl\n(.*?)```", TEXT, re.DOTALL)
    changes = hcl2.loads(shown)["policy_overrides"]

    assert set(changes) <= set(POLICIES)
    for name, change in changes.items():
        assert set(change) <= {"duration", "enabled", "severity", "threshold"}
        assert POLICIES[name].threshold or "threshold" not in change


def test_the_command_names_a_file() -> None:
    """The policy that is made without Terraform is one of these."""
    (path,) = re.findall(r"--policy-from-file=(\S+)", TEXT)

    assert (OURS.parent / path).resolve() in {policy.path for policy in POLICIES.values()}


def test_every_policy_that_the_page_names_exists() -> None:
    """No name of a policy in the text is a misspelt or former one."""
    named = set(re.findall(r"\b(?:streams?|exporter|location)-[a-z-]+[a-z]", TEXT))

    assert named <= set(POLICIES)


@pytest.mark.parametrize("folder", EXAMPLES, ids=lambda folder: folder.parent.name)
def test_policies_of_examples_are_sound(folder: object) -> None:
    """A user's policy that an example shows is one that is accepted."""
    assert read_policies(str(folder), beside=POLICIES.values())


def test_there_are_examples() -> None:
    """A moved folder does not make this module pass without testing anything."""
    assert EXAMPLES
