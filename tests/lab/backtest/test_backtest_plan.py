"""``datastream-lab backtest --plan``: what a change would have done."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import tables
from tests.lab.conftest import Command, Ended
from tests.lab.plans.plan_json import exporter
from tools import lab_review

CONFIG = """\
metrics: {project: shop-prod}
sources: [{project: shop-prod, locations: [europe-west1, us-east1]}]
"""
FAILED = "stream-failed-permanently"
Planned = Callable[..., Ended]


@pytest.fixture
def planned(command: Command, tmp_path: Path) -> Planned:
    """Return a function that back-tests the recorded history with the docs' plan."""

    def run(
        *words: str, more: dict[str, Any] | None = None, **changes: dict[str, Any]
    ) -> Ended:
        plan = lab_review.plan()
        for resource in plan["resource_changes"]:
            resource["change"].update(changes.get(resource["index"], {}))
        plan["resource_changes"] += [more] if more else []
        file = tmp_path / "plan.json"
        file.write_text(json.dumps(plan))
        return command("backtest", "--recorded", "--plan", str(file), *words)

    return run


def rows(text: str, policy: str) -> list[list[str]]:
    """Return the cells of the rows about a policy."""
    lines = re.findall(rf"^{policy} .+", text, re.MULTILINE)
    return [re.split(r"  +", line) for line in lines]


def test_policies_are_compared_before_and_after(
    planned: Planned, tmp_path: Path
) -> None:
    """A later incident stands on both sides; each policy has counts and channels."""
    page = tmp_path / "page.html"
    code, out, err = planned("--html", str(page))
    assert code == 0
    assert out.split("\n\n")[1] == "The plan has no config."
    counts, before, after = rows(out, "stream-lagging")
    assert counts[1:] == ["1", "1", lab_review.CHANNEL]
    assert before[1:4] == ["before", "ERROR", "2026-01-05T07:10:06Z"]
    assert after[1:4] == ["after", "ERROR", "2026-01-05T07:30:06Z"]
    # The same incident has one row.
    assert [row[1] for row in rows(out, FAILED)] == ["1", "CRITICAL"]
    assert re.search("Before the plan: 6 incidents .+ After: 6 incidents", err)
    drawn = " ".join(re.sub("<[^>]*>", " ", page.read_text("utf-8")).split())
    assert "Notified exporter-silent 1 1 projects/" in drawn
    assert "stream-lagging (after the plan) stock" in drawn
    assert "stream-lagging (before) 07:10Z → 07:35Z" in drawn


@tables.rows
def test_both_configs_are_worked_out(
    planned: Planned, old: str, new: str, opened: list[str]
) -> None:
    """Incidents differ where the change of config decides, or that of a policy."""
    changed = exporter(CONFIG + old, CONFIG + new)
    document = json.loads(planned("--json", more=changed).out)
    assert "Limits and problems are worked out for both sides" in document["notes"][0]
    assert opened == [
        f"{each['policy']}, {each['plan']}: {each['opened'][11:]}"
        for each in document["incidents"]
        if each["plan"]
    ]


def test_what_is_created_deleted_or_hidden_is_said(planned: Planned) -> None:
    """A policy notifies nobody where it does not exist; what is hidden has a reason."""
    sensitive = {"service_config": True}
    hidden = exporter(CONFIG, f"{CONFIG}# Hidden", after_sensitive=sensitive)
    found = planned(
        more=hidden,
        **{
            FAILED: {"actions": ["delete"], "after": None},
            "stream-failed": {"actions": ["create"], "before": None},
            "stream-missing": {"after_sensitive": {"conditions": True}},
        },
    )
    assert "The plan hides config.yaml: what it decides is as it was rec" in found.out
    assert rows(found.out, FAILED)[0][1:] == [
        "1",
        "0",
        f"{lab_review.CHANNEL} → no policy",
    ]
    assert rows(found.out, "stream-failed")[0][1:3] == ["0", "1"]
    assert rows(found.out, "stream-missing")[-1][1] == "its condition is sensitive"


def test_a_mistake_in_the_new_config_is_an_error(planned: Planned) -> None:
    """A config that the exporter refuses costs exit 2; so do two kinds of policies."""
    code, out, err = planned(more=exporter(CONFIG, "metrics: {}"))
    assert (code, out) == (2, "")
    assert "new config.yaml:1: metrics.project: has no value" in err
    code, _, err = planned("--policies", "alerting_policies")
    assert code == 2
    assert "argument --policies: not allowed with argument --plan" in err
