"""docs/alerts.md and the policies of the examples: everything shown works."""

import re
from pathlib import Path

import hcl2
import pytest

from lab.policies.files import read_policies
from lab.simulate.scenario_files import read_files
from tests.lab.conftest import SCENARIOS
from tests.lab.policies.folders import POLICIES
from tools import ROOT

TEXT = (ROOT / "docs" / "alerts.md").read_text("utf-8")
SECONDS = {"s": 1, "min": 60}
EXAMPLES = sorted((ROOT / "terraform" / "examples").glob("*/policies"))


def test_overrides_on_the_page_are_valid() -> None:
    """Every overridden policy exists, and has a threshold where that is overridden."""
    (shown,) = re.findall(r"```hcl\n(.*?)```", TEXT, re.DOTALL)

    for name, change in hcl2.loads(shown)["policy_overrides"].items():
        assert set(change) <= {"duration", "enabled", "severity", "threshold"}
        assert POLICIES[name].threshold or "threshold" not in change


@pytest.mark.parametrize(("mode", "column"), [("job", 0), ("function", 2)])
def test_the_times_to_page_are_those_that_a_scenario_holds(
    mode: str, column: int
) -> None:
    """Each time in the table is how long after its change a scenario's window ends."""
    (scenario,) = read_files([SCENARIOS / f"time-to-page-{mode}.yaml"], POLICIES)
    events = scenario.world.events
    changed = {getattr(event, "stream", ""): event.at for event in events}
    changed["datastream-exporter"] = scenario.exporters[0].ends
    # Without groups, which have the same times
    singles = [alert for alert in scenario.expect if alert.of in changed]
    held = [alert.opens.by - changed[alert.of] for alert in singles]

    rows = re.findall(r"\| (\d+) (s|min) \| (\d+) (s|min) \|$", TEXT, re.MULTILINE)
    printed = [int(row[column]) * SECONDS[row[column + 1]] for row in rows]
    assert held == printed[: len(held)]


@pytest.mark.parametrize("folder", EXAMPLES or [None], ids=str)
def test_policies_of_examples_are_valid(folder: Path) -> None:
    """An example's own policy is accepted."""
    assert read_policies(folder)
