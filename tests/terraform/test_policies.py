"""Every policy is its file, except for what an input changes."""

import re
from typing import Any

import pytest
import yaml

from lab.policies import promql
from lab.policies.deployment import LOCATION_TEXT, STREAM_TEXT
from lab.review.values import api_form
from tests.terraform.conftest import CopyModule, PlanModule
from tests.terraform.module_inputs import (
    CHANNEL,
    CONFIG,
    FUNCTION,
    INPUTS,
    MODULE,
    own_policy,
)
from tests.terraform.terraform_cli import REPOSITORY, RootModule, State, TerraformError

# What the files leave open, and the inputs say
_DEPLOYED = {
    "METRICS_PROJECT": "orders-prod",
    "EXPORTER_PROJECT": "orders-prod",
    "EXPORTER_LOCATION": "europe-west1",
    "EXPORTER_REGION": "europe-west1",
    "EXPORTER_RUN_NAME": "datastream-exporter",
    "EXPORTER_SERVICE": "datastream-exporter",
    "EXPORTER_PAGE": "detail/europe-west1/datastream-exporter",
    STREAM_TEXT: "",
    LOCATION_TEXT: "",
}
_FOLDER = REPOSITORY / "alerting_policies"
_CLOSING = (_FOLDER / "closing.md").read_text("utf-8").strip()
_COLLECTED = "collect: {objects: true}\nexpectations: [{quiet: 6h}, {quiet: 24h}]\n"
_ALL: dict[str, Any] = FUNCTION | {"config_yaml": CONFIG + _COLLECTED}
"""Inputs that leave no policy out."""
_MOST_SECONDS = 90_000  # of look-back and retest window together


def _condition(policy: dict[str, Any]) -> Any:
    return policy["conditions"][0]["conditionPrometheusQueryLanguage"]


def _file(text: str) -> dict[str, Any]:
    """Return a policy's file as it is deployed."""
    is_about_streams = STREAM_TEXT in text
    for placeholder, value in _DEPLOYED.items():
        text = text.replace(placeholder, value)
    policy: dict[str, Any] = yaml.safe_load(text)
    if log := policy["conditions"][0].get("conditionMatchedLog"):
        log["filter"] = log["filter"].rstrip()
    else:
        _condition(policy)["query"] = " ".join(_condition(policy)["query"].split())
    if is_about_streams:
        policy["documentation"]["content"] += f"\n\n{_CLOSING}"
    return policy


_FILES: dict[str, dict[str, Any]] = {
    path.stem: _file(path.read_text("utf-8")) for path in _FOLDER.glob("*.yaml")
}
_LOGS = {
    name: _FILES.pop(name) for name in ("stream-activity-errors", "stream-changed")
}
_THRESHOLDS = {
    name: policy["userLabels"]["threshold"]
    for name, policy in _FILES.items()
    if "threshold" in policy["userLabels"]
}


def _policies(state: State) -> dict[str, dict[str, Any]]:
    """Return the policies in the API's form, by file name."""
    address = re.compile(r'google_monitoring_alert_policy\.policy\["(.+)"\]$')
    policies = {}
    for each, values in state.resources.items():
        if match := address.search(each):
            policy = policies[match[1]] = api_form(values)
            del policy["project"]
            query = values["conditions"][0]["condition_prometheus_query_language"]
            if query:
                _condition(policy)["query"] = query[0]["query"]
    return policies


def test_a_policy_equals_its_file(plan_module: PlanModule) -> None:
    """Each field is the file's; it gets channels, and links to what is deployed."""
    policies = _policies(plan_module(**_ALL))
    assert policies.keys() == _FILES.keys()
    for name, policy in policies.items():
        deployed = {"enabled": True, "notificationChannels": [CHANNEL]}
        assert policy == {**_FILES[name], **deployed}


def test_config_decides_which_policies_exist(plan_module: PlanModule) -> None:
    """A limit, a collector and an interval have policies that nothing else needs."""
    slow = "expectations: [{quiet: 24h}]\nrun: {interval: 3m}"
    plan = plan_module(**FUNCTION | {"config_yaml": CONFIG + slow})
    left_out = _FILES.keys() - _policies(plan).keys()
    needs = {_FILES[name]["userLabels"]["needs"] for name in left_out}
    assert needs == {"objects", "quiet-6h"}


def test_an_override_changes_its_numbers_and_nothing_else(
    plan_module: PlanModule,
) -> None:
    """A threshold changes in query and label, a retest window by itself."""
    overrides: dict[str, dict[str, Any]] = {}
    for number, name in enumerate(sorted(_FILES)):
        overrides[name] = {"duration": "0s"}
        if name in _THRESHOLDS:
            overrides[name]["threshold"] = 70 + number
    plan = plan_module(**_ALL, policy_overrides=overrides)
    policies = _policies(plan)
    for name, file in _FILES.items():
        query = _condition(file)["query"]
        labels = file["userLabels"]
        if name in _THRESHOLDS:
            chosen = str(overrides[name]["threshold"])
            assert f"({_THRESHOLDS[name]})" in query
            query = query.replace(f"({_THRESHOLDS[name]})", f"({chosen})")
            labels = {**labels, "threshold": chosen}
        assert policies[name]["userLabels"] == labels
        assert _condition(policies[name]) == {
            **_condition(file),
            "query": query,
            "duration": "0s",
        }


def test_the_longest_retest_window_is_one_that_google_takes() -> None:
    """With an hour, or less where a query looks far back, no apply is refused."""
    text = (REPOSITORY / MODULE / "policy_files.tf").read_text("utf-8")
    (listed,) = re.findall(r"duration_limits = \{(.+)\}", text)
    limits = {name: int(most) for name, most in re.findall(r"([\w-]+) = (\d+)", listed)}
    for name in _FILES:
        look_back = promql.read(_condition(_FILES[name])["query"]).look_back
        longest = min(3600, (_MOST_SECONDS - look_back) // 60 * 60)
        assert limits.get(name, 3600) == longest, name


def test_own_policies_are_deployed_as_written(terraform: CopyModule) -> None:
    """A threshold is no other number, line breaks become spaces, and texts stay."""
    queries = {
        "up > (5)": "up > (9)",
        "up >= (5) unless on () up > 5": "up >= (9) unless on () up > 5",
        "up > (5.5)\n\tand\n  up > (5)": "up > (5.5) and up > (9)",
        'up{project_id="METRICS_PROJECT"} > (5)': 'up{project_id="orders-prod"} > (9)',
        'up{project_id=~".*", a_id="A"} > (5)': 'up{project_id=~".*", a_id="A"} > (9)',
    }
    root = terraform(MODULE)
    overrides = {}
    for number, query in enumerate(queries):
        root.write(f"own/busy-{number}.yaml", own_policy(query))
        overrides[f"busy-{number}"] = {"threshold": 9}
    text = own_policy("up > (5)").replace("Something", "DATASTREAM_EXPORTER_LOCATION")
    root.write("own/off.yaml", f"enabled: false\n{text}")
    plan = root.plan(**INPUTS, policy_directory="own", policy_overrides=overrides)
    policies = _policies(plan)
    for number, changed in enumerate(queries.values()):
        policy = policies[f"busy-{number}"]
        assert _condition(policy)["query"] == changed
        assert policy["documentation"]["content"] == "Something is busy."
    assert not policies["off"]["enabled"]
    assert "DATASTREAM_EXPORTER_LOCATION is busy." in str(policies["off"])


def test_a_projects_log_has_its_own_policies(terraform: CopyModule) -> None:
    """The module for a project's log deploys the files, with the project's channels."""
    module = terraform(MODULE)
    root = RootModule(module.directory / "log_policies", module.provider)
    root.init()
    channels = [CHANNEL.replace("orders-prod", "billing-prod")]
    inputs = {"project_id": "billing-prod", "notification_channels": channels}
    policies = _policies(root.plan(**inputs))
    assert policies.keys() == _LOGS.keys()
    for name, policy in policies.items():
        file = {**_LOGS[name], "notificationChannels": channels}
        del file["enabled"]
        assert policy == file
    for wrong in ({"policies": ["stream-failed"]}, {"project_id": "orders-prod"}):
        with pytest.raises(TerraformError, match=r"Each (policy|channel) must be "):
            root.plan(**{**inputs, **wrong})
