"""Every policy is its file, except for what an input changes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.terraform.module_inputs import CHANNEL
from tests.terraform.terraform_cli import REPOSITORY

if TYPE_CHECKING:
    from tests.terraform.conftest import PlanModule

_FILES: dict[str, dict[str, Any]] = {
    path.stem: yaml.safe_load(path.read_text("utf-8"))
    for path in (REPOSITORY / "alerting_policies").glob("*.yaml")
}
_ON_METRICS = sorted(
    name for name, policy in _FILES.items() if "conditionMatchedLog" not in policy["conditions"][0]
)
_THRESHOLDS = {
    name: policy["userLabels"]["threshold"]
    for name, policy in _FILES.items()
    if "threshold" in policy["userLabels"]
}

# The API has one of each, the provider a list.
_SINGLE = {
    "alert_strategy",
    "condition_matched_log",
    "condition_prometheus_query_language",
    "documentation",
    "notification_rate_limit",
}
_SET_BY_THE_API = {"creation_record", "deletion_policy", "id", "name", "project", "timeouts"}


def _policies(plan_module: PlanModule, **inputs: Any) -> dict[str, dict[str, Any]]:
    """Return the planned policies in the API's form, by file name."""
    address = re.compile(r'google_monitoring_alert_policy\.policy\["(?:.+/)?(.+)"\]$')
    return {
        match[1]: _as_file(values)
        for each, values in plan_module(**inputs).resources.items()
        if (match := address.search(each))
    }


def _as_file(values: Any) -> Any:
    """Return the provider's form of a policy in the API's form, which the files have."""
    if isinstance(values, list):
        return [_as_file(each) for each in values]
    if not isinstance(values, dict):
        return values
    policy = {}
    for name, value in values.items():
        if name in _SET_BY_THE_API or value in (None, [], {}):
            continue
        first, *rest = name.split("_")
        key = first + "".join(each.title() for each in rest)
        one = value[0] if name in _SINGLE else value
        # The keys of these maps are the user's.
        policy[key] = one if name in {"user_labels", "label_extractors"} else _as_file(one)
    return policy


def _condition(policy: dict[str, Any]) -> dict[str, Any]:
    condition: dict[str, Any] = policy["conditions"][0]["conditionPrometheusQueryLanguage"]
    return condition


@pytest.mark.parametrize("name", sorted(_FILES))
def test_a_policy_equals_its_file(plan_module: PlanModule, name: str) -> None:
    """Every field of a policy is its file's; only the channels are added."""
    assert _policies(plan_module)[name] == {
        **_FILES[name],
        "enabled": True,
        "notificationChannels": [CHANNEL],
    }


@pytest.mark.parametrize("name", _ON_METRICS)
def test_the_look_back_window_follows_the_retest_window(plan_module: PlanModule, name: str) -> None:
    """A new retest window changes the look-back window made for it, and nothing else."""
    changes = {each: {"duration": "1500s"} for each in _ON_METRICS}
    file = _condition(_FILES[name])
    seconds = int(file["duration"].removesuffix("s"))
    look_back = "[1h]" if seconds <= 120 else f"[{seconds * 2 // 3}s]"
    assert _condition(_policies(plan_module, policy_overrides=changes)[name]) == {
        **file,
        "query": file["query"].replace(look_back, "[1000s]"),
        "duration": "1500s",
    }


@pytest.mark.parametrize("name", sorted(_THRESHOLDS))
def test_a_threshold_changes_everywhere_it_is_used(plan_module: PlanModule, name: str) -> None:
    """A new threshold changes its policy, the label, and the policies that yield to it."""
    policies = _policies(plan_module, policy_overrides={name: {"threshold": 77}})
    yielding = {
        each for each, policy in _FILES.items() if policy["userLabels"].get("yields_to") == name
    }
    for each in _ON_METRICS:
        query = _condition(_FILES[each])["query"]
        new = _condition(policies[each])["query"]
        if each in {name, *yielding}:
            sign = ">=" if f">= {_THRESHOLDS[name]}" in query else ">"
            assert new != query
            query = query.replace(f"{sign} {_THRESHOLDS[name]}", f"{sign} 77")
        assert new == query
    assert policies[name]["userLabels"]["threshold"] == "77"
