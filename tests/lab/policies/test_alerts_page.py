"""docs/alerts.md and the policies of the examples: everything shown works."""

import re
from pathlib import Path

import hcl2
import pytest

from lab.policies.files import read_policies
from tests.lab.policies.folders import POLICIES
from tools import ROOT

TEXT = (ROOT / "docs" / "alerts.md").read_text("utf-8")
EXAMPLES = sorted((ROOT / "terraform" / "examples").glob("*/policies"))


def test_overrides_on_the_page_are_valid() -> None:
    """Every overridden policy exists, and has a threshold where that is overridden."""
    (shown,) = re.findall(r"```hcl\n(.*?)```", TEXT, re.DOTALL)

    for name, change in hcl2.loads(shown)["policy_overrides"].items():
        assert set(change) <= {"duration", "enabled", "severity", "threshold"}
        assert POLICIES[name].threshold or "threshold" not in change


@pytest.mark.parametrize("folder", EXAMPLES or [None], ids=str)
def test_policies_of_examples_are_valid(folder: Path) -> None:
    """An example's own policy is accepted."""
    assert read_policies(folder)
