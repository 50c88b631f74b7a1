"""Every policy is its file, except for what an input changes."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.terraform.conftest import CopyModule, PlanModule
from tests.terraform.module_inputs import CHANNEL, CONFIG, INPUTS, MODULE, own_policy
from tests.terraform.terraform_cli import FLOOR, REPOSITORY, State, TerraformError

# What the files leave open, and the inputs say
_DEPLOYED = {
    '"metrics-project"': '"orders-prod"',
    '"exporter-location"': '"europe-west1"',
    "project=exporter-project": "project=orders-prod",
}


def _deployed(text: str) -> str:
    for placeholder, value in _DEPLOYED.items():
        text = text.replace(placeholder, value)
    return text


def _condition(policy: dict[str, Any]) -> Any:
    return policy["conditions"][0]["conditionPrometheusQueryLanguage"]


def _on_one_line(policy: dict[str, Any]) -> dict[str, Any]:
    if "conditionMatchedLog" not in policy["conditions"][0]:
        _condition(policy)["query"] = " ".join(_condition(policy)["query"].split())
    return policy


_FILES: dict[str, dict[str, Any]] = {
    path.stem: _on_one_line(yaml.safe_load(_deployed(path.read_text("utf-8"))))
    for path in (REPOSITORY / "alerting_policies").glob("*.yaml")
}
_ON_METRICS = {
    name
    for name, policy in _FILES.items()
    if "conditionMatchedLog" not in policy["conditions"][0]
}
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
_SET_BY_THE_API = {"creation_record", "deletion_policy", "id", "name", "project"}


def _policies(state: State) -> dict[str, dict[str, Any]]:
    """Return the policies in the API's form, by file name."""
    address = re.compile(r'google_monitoring_alert_policy\.policy\["(?:.+/)?(.+)"\]$')
    return {
        match[1]: _as_file(values)
        for each, values in state.resources.items()
        if (match := address.search(each))
    }


def _as_file(values: Any) -> Any:
    """Return the provider's form of a policy in the API's form, as in the files."""
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
        policy[key] = (
            one if name in {"user_labels", "label_extractors"} else _as_file(one)
        )
    return policy


def test_a_policy_equals_its_file(terraform: CopyModule) -> None:
    """Each field is the file's; it gets channels, and links to what is deployed."""
    # Some policies exist where config collects or limits something, one where a process
    # has memory.
    config = f"{CONFIG}collect: {{objects: true}}\n"
    config += 'expectations: [{match: "*", quiet: 6h}]\n'
    inputs = {**INPUTS, "config_yaml": config}
    on = {name: {"enabled": True} for name in _FILES}
    root = terraform(MODULE)
    root.apply(**{**inputs, "mode": "function", "image": None}, policy_overrides=on)
    policies = _policies(root.state())
    assert policies.keys() == _FILES.keys()
    for name, policy in policies.items():
        deployed = r"\1/detail/europe-west1/datastream-exporter?"
        written = json.dumps(_FILES[name])
        file = re.sub(r"(console.cloud.google.com/run)\?", deployed, written)
        dashboard = r"dashboards/builder/\d+\?project=orders-prod"
        static = "dashboards?project=${project}"
        assert json.loads(re.sub(dashboard, static, json.dumps(policy))) == {
            **json.loads(file),
            "enabled": True,
            "notificationChannels": [CHANNEL],
        }


@pytest.mark.parametrize(
    ("duration", "look_back"), [("1500s", "[1000s]"), ("120s", "[1h]")]
)
def test_the_look_back_window_follows_the_retest_window(
    plan_module: PlanModule, duration: str, look_back: str
) -> None:
    """A new retest window changes its look-back window, and nothing else."""
    overrides = {each: {"duration": duration} for each in _ON_METRICS}
    policies = _policies(plan_module(policy_overrides=overrides))
    for name in _ON_METRICS & policies.keys():
        file = _condition(_FILES[name])
        seconds = int(file["duration"].removesuffix("s"))
        old = "[1h]" if seconds <= 120 else f"[{seconds * 2 // 3}s]"
        assert _condition(policies[name]) == {
            **file,
            "query": file["query"].replace(old, look_back),
            "duration": duration,
        }


def test_a_threshold_changes_in_query_and_label(plan_module: PlanModule) -> None:
    """A new threshold changes its policy and nothing else; one that is off comes on."""
    chosen = {name: str(70 + number) for number, name in enumerate(sorted(_THRESHOLDS))}
    overrides = {
        name: {"threshold": int(number), "enabled": True}
        for name, number in chosen.items()
    }
    policies = _policies(plan_module(policy_overrides=overrides))
    for name in _ON_METRICS & policies.keys():
        query = _condition(_FILES[name])["query"]
        if name in chosen:
            assert f"({_THRESHOLDS[name]})" in query
            query = query.replace(f"({_THRESHOLDS[name]})", f"({chosen[name]})")
        assert _condition(policies[name])["query"] == query
        assert policies[name]["userLabels"].get("threshold") == chosen.get(name)


def test_a_threshold_changes_only_the_number_in_parentheses(
    terraform: CopyModule,
) -> None:
    """A threshold is no other number; line breaks and comments become spaces."""
    queries = {
        "up > (5)": "up > (9)",
        "up >= (5) unless on () up > 5": "up >= (9) unless on () up > 5",
        "up > 5.5 and up > (5) and up != 55": "up > 5.5 and up > (9) and up != 55",
        "up > (5.5) and up > (5)": "up > (5.5) and up > (9)",
        "(up + 5) > (5) or (up) > (5)": "(up + 5) > (9) or (up) > (9)",
        'up{a="5 > (x"} > (5)': 'up{a="5 > (x"} > (9)',
        "up # busy: '\n  # \"\n\t> (5)\n": "up > (9)",
        "up{a='# \"  b'}\n> (5) #": "up{a='# \"  b'} > (9)",
        'up{a="# \\"  b"} > (5)': 'up{a="# \\"  b"} > (9)',
        'up{a=`# "\n\\d`} > (5)': r'up{a="# \"\n\\d"} > (9)',
    }
    root = terraform(MODULE)
    for number, query in enumerate(queries):
        root.write(f"own/busy-{number}.yaml", own_policy(query))
    overrides = {f"busy-{number}": {"threshold": 9} for number in range(len(queries))}
    plan = root.plan(**INPUTS, policy_directory="own", policy_overrides=overrides)
    policies = _policies(plan)
    assert policies.keys() >= overrides.keys()
    for number, changed in enumerate(queries.values()):
        assert _condition(policies[f"busy-{number}"])["query"] == changed
    root.write("own/busy-0.yaml", own_policy("max_over_time(up[25h]) > (5)"))
    with pytest.raises(TerraformError, match="policy_directory: busy-0 has a retest"):
        root.plan(**INPUTS, policy_directory="own")


@pytest.mark.skipif(not Path(FLOOR[-1]).exists(), reason="`make test` installs it")
def test_the_oldest_terraform_works(
    terraform: CopyModule, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`terraform test` passes with the oldest version that the module takes."""
    monkeypatch.setattr("tests.terraform.terraform_cli.TERRAFORM", FLOOR)
    root = terraform(MODULE)
    assert "Terraform v1.11." in root.run("version")
    root.run("test")
