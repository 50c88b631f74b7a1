"""Every policy is its file, except for what an input changes."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.terraform.module_inputs import CHANNEL, INPUTS, MODULE, mode_inputs
from tests.terraform.plans import TerraformError
from tests.terraform.terraform_cli import REPOSITORY

if TYPE_CHECKING:
    from tests.terraform.conftest import CopyModule, PlanModule

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

# Policies on the function's own counts and on the exporter's log don't exist for a job.
_MODES = dict.fromkeys(
    ("exporter-requests-failing", "stream-state-changed"), mode_inputs("function")
)

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
    assert _policies(plan_module, **_MODES.get(name, {}))[name] == {
        "enabled": True,
        **_FILES[name],
        "notificationChannels": [CHANNEL],
    }


@pytest.mark.parametrize("name", _ON_METRICS)
def test_the_look_back_window_follows_the_retest_window(plan_module: PlanModule, name: str) -> None:
    """A new retest window changes the look-back window made for it, and nothing else."""
    changes = {each: {"duration": "1500s"} for each in _ON_METRICS}
    file = _condition(_FILES[name])
    seconds = int(file["duration"].removesuffix("s"))
    look_back = "[1h]" if seconds <= 120 else f"[{seconds * 2 // 3}s]"
    policies = _policies(plan_module, **_MODES.get(name, {}), policy_overrides=changes)
    assert _condition(policies[name]) == {
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
    for each in set(_ON_METRICS) & policies.keys():
        query = _condition(_FILES[each])["query"]
        new = _condition(policies[each])["query"]
        if each in {name, *yielding}:
            assert new != query
            query = query.replace(f"({_THRESHOLDS[name]})", "(77)")
        assert new == query
    assert policies[name]["userLabels"]["threshold"] == "77"


@pytest.mark.parametrize(
    ("query", "changed"),
    [
        ("up > (5)", "up > (9)"),
        ("up >= (5) unless on () up > 5", "up >= (9) unless on () up > 5"),
        ("up > 5.5 and up > (5) and up != 55", "up > 5.5 and up > (9) and up != 55"),
        ("up > (5.5) and up > (5)", "up > (5.5) and up > (9)"),
        ("(up + 5) > (5) or (up) > (5)", "(up + 5) > (9) or (up) > (9)"),
        ('up{a="5 > (x"} > (5)', 'up{a="5 > (x"} > (9)'),
    ],
)
def test_a_threshold_changes_only_the_number_in_parentheses(
    terraform: CopyModule, query: str, changed: str
) -> None:
    """Other numbers in the query stay, also those that begin or end with the same digits."""
    root = terraform(MODULE)
    root.write("own/busy.yaml", _own_policy(query))
    overrides = {"busy": {"threshold": 9}}
    plan = root.plan(**INPUTS, policy_directory="own", policy_overrides=overrides)
    policy = _as_file(plan.resources['google_monitoring_alert_policy.policy["busy"]'])
    assert _condition(policy)["query"] == changed


def test_a_threshold_that_the_query_does_not_mark_is_an_error(terraform: CopyModule) -> None:
    """Otherwise a new threshold would change the label and not the query."""
    root = terraform(MODULE)
    root.write("own/busy.yaml", _own_policy("up > 5"))
    with pytest.raises(TerraformError, match=r"busy: its query must have"):
        root.plan(**INPUTS, policy_directory="own")


def test_two_equal_thresholds_in_one_query_are_an_error(terraform: CopyModule) -> None:
    """A policy's own threshold must differ from that of the policy it yields to."""
    root = terraform(MODULE)
    text = _own_policy("up > (5) unless on () up >= (5)")
    yields = '  threshold: "5"\n  yields_to: streams-failing-together\n'
    root.write("own/busy.yaml", text.replace('  threshold: "5"\n', yields))
    with pytest.raises(TerraformError, match=r"busy: userLabels\.threshold equals"):
        root.plan(**INPUTS, policy_directory="own")


def _own_policy(query: str) -> str:
    """Return a policy file with a query and the threshold 5."""
    return f"""\
displayName: Busy
severity: ERROR
combiner: OR
userLabels:
  policy: busy
  threshold: "5"
conditions:
  - displayName: Busy
    conditionPrometheusQueryLanguage:
      query: {json.dumps(query)}
      duration: 60s
      evaluationInterval: 30s
      disableMetricValidation: true
documentation:
  mimeType: text/markdown
  subject: Busy
  content: Something is busy.
alertStrategy:
  autoClose: 86400s
"""
