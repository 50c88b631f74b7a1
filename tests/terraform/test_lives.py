"""Whole lives: apply, an empty second plan, a destroy that leaves nothing."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.canary import Canary
from tests.terraform.conftest import CopyModule
from tests.terraform.fake_provider import FakeProvider
from tests.terraform.module_inputs import (
    CONFIG,
    EXAMPLES,
    IMAGE,
    INPUTS,
    MODULE,
    OPTIONS,
)
from tests.terraform.terraform_cli import (
    FLOOR,
    REPOSITORY,
    RootModule,
    State,
    TerraformError,
)


def test_files_are_formatted(fake_provider: FakeProvider) -> None:
    """`terraform fmt` changes no file."""
    root = RootModule(REPOSITORY / MODULE, fake_provider)
    root.run("fmt", "-check", "-recursive", "-diff")


def test_the_modules_own_tests_pass(
    terraform: CopyModule, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`terraform test` passes with the oldest version that the module takes."""
    if Path(FLOOR[-1]).exists():  # `make test` says if it can't be had
        monkeypatch.setattr("tests.terraform.terraform_cli.TERRAFORM", FLOOR)
    output = terraform(MODULE).run("test", "-no-color")
    assert re.search(r"Success! [1-9]\d* passed, 0 failed", output)


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_lives(
    terraform: CopyModule, fake_provider: FakeProvider, example: str
) -> None:
    """One apply is enough on a new project; the next plan is empty."""
    root = terraform(example)
    text = (root.directory / "main.tf").read_text("utf-8")
    inputs = {"image": IMAGE} if "var.image" in text else {}
    fake_provider.project.enabled_apis = {"orders-prod/secretmanager"}
    if "channel" in text.partition("module")[0]:
        # Who creates a channel, or looks one up, has enabled its API.
        for project in ("data-platform-prod", "orders-prod"):
            fake_provider.project.enabled_apis.add(f"{project}/monitoring")
    warnings = root.apply(**inputs)
    assert bool(warnings) == example.endswith("whole-organisation")
    assert fake_provider.applied("google_project_service")
    _check_numbers(text, root.state())
    # No output, plan or state of any test has a secret, or the test fails.
    is_created = example.endswith("slack-created")
    assert _tokens(fake_provider) == [Canary.SECRET_MANAGER_SECRET] * is_created
    assert root.is_up_to_date(**inputs)


def _check_numbers(text: str, state: State) -> None:
    """Check the numbers of policies that an example says beside its channels."""
    address = 'module.datastream_exporter.google_monitoring_alert_policy.policy["'
    counted = Counter(
        values["severity"]
        for each, values in state.resources.items()
        if each.startswith(address) and "route" not in values["user_labels"]
    )
    said = re.findall(r"(?m)^    (CRITICAL|ERROR|WARNING) += .*# (\d+)", text)
    said = said or [
        each[::-1] for each in re.findall(r"(\d+) (CRIT\w+|ERR\w+|WARN\w+)", text)
    ]
    assert {severity: int(number) for severity, number in said} == counted


def test_one_deployment_lives_in_every_mode(
    terraform: CopyModule, fake_provider: FakeProvider
) -> None:
    """One apply switches the mode; a destroy leaves only the descriptors of metrics."""
    root = terraform(MODULE)
    inputs: dict[str, Any] = {}
    for mode in ("function", "job"):
        image = None if mode == "function" else IMAGE
        inputs = {**INPUTS, **OPTIONS, "mode": mode, "image": image}
        assert root.apply(**inputs) == []
        assert root.is_up_to_date(**inputs)
        _check_options(root.state())
        _check_grants(root.state())
    _check_changes(root, inputs)
    root.destroy(**inputs)
    assert not root.state().resources
    assert not fake_provider.project.objects
    deleted = {kind for kind, _ in fake_provider.project.deleted}
    assert "google_monitoring_alert_policy" in deleted
    assert "google_monitoring_metric_descriptor" not in deleted


def _check_options(state: State) -> None:
    """Check that there is one exporter with every option, and labels and key on all."""
    found = {each: v for each, v in state.resources.items() if "exporter[0]" in each}
    assert len(found) == 1
    for value in re.findall(r'"([^"]+)"(?!:)', json.dumps(OPTIONS)):
        assert value in json.dumps(found)
    text = json.dumps(state.resources)
    for labels in re.findall(r'labels": (\{.*?\})', text):
        assert '"team": "data"' in labels
    keys = re.findall(r'"(?:\w*kms_key_name|encryption_key)": ([^,}]+)', text)
    assert set(keys) == {json.dumps(OPTIONS["encryption_key"])}


def _check_grants(state: State) -> None:
    """Check that the outputs list every grant, custom role and account."""
    granted = {
        (values["member"], values["role"]): (values.get("condition") or [None])[0]
        for address, values in state.resources.items()
        if "_iam_member." in address
    }
    listed = state.outputs["iam_grants"]
    conditions = {(each["member"], each["role"]): each["condition"] for each in listed}
    assert conditions == granted
    roles = {
        x["name"]: x["permissions"] for x in state.of("google_project_iam_custom_role")
    }
    assert {x["role"]: x["permissions"] for x in listed if x["permissions"]} == roles
    emails = state.outputs["service_account_emails"]
    members = {f"serviceAccount:{email}" for email in emails.values()}
    assert members <= {member for member, _ in granted}
    policies = state.outputs["policy_names"]
    assert policies["stream-failed"].startswith("projects/orders-prod/alertPolicies/")


def _check_changes(root: RootModule, given: dict[str, Any]) -> None:
    """Check that a changed input of a job updates what depends on it, in place."""
    job = "google_cloud_run_v2_job.exporter[0]"
    policy = 'google_monitoring_alert_policy.policy["stream-lagging"]'
    changed = {
        "config_yaml": f"{CONFIG}run: {{deadline: 40s}}\n",
        "policy_overrides": {"stream-lagging": {"threshold": 1800}},
    }
    changes = root.plan(**{**given, **changed}).changes
    assert changes == dict.fromkeys((job, policy), ("update",))
    watched = {"config_yaml": f"{CONFIG}  - project: stock-prod\n"}
    changes = root.plan(**{**given, **watched}).changes
    updated = {address for address, how in changes.items() if how == ("update",)}
    assert updated == {job, "google_monitoring_dashboard.fleet"}
    created = {
        each.split(".")[0] for each, how in changes.items() if how == ("create",)
    }
    assert created == {
        "google_logging_metric",
        "google_monitoring_monitored_project",
        "google_project_iam_custom_role",
        "google_project_iam_member",
        "google_project_service",
    }


def test_a_plan_finds_new_projects_of_the_organisation(
    terraform: CopyModule, fake_provider: FakeProvider
) -> None:
    """A plan adds a project with a first stream, and warns of one that leaves."""
    root = terraform("terraform/examples/whole-organisation")
    address = re.findall(r'"(http:.*?)"', fake_provider.backend(root.directory))[0]
    state = {"backend": "http", "config": {"address": address}}
    streams = fake_provider.project.streams
    streams[:] = [
        f"projects/{each}-prod/locations/us-east1/streams/a" for each in ("new", "old")
    ]
    (warning,) = root.apply()
    assert "After the first apply" in warning
    del streams[1]
    plan = root.plan(last_state=state)
    assert plan.outputs["added_projects"] == ["new-prod"]
    watched = {each["project"] for each in plan.of("google_project_iam_custom_role")}
    assert watched == {"data-platform-prod", "new-prod", "orders-prod"}
    (warning,) = plan.warnings
    assert "An apply stops watching old-prod: " in warning
    streams.clear()
    with pytest.raises(TerraformError, match="found no stream in organizations/"):
        root.plan(last_state=state)


def test_a_slack_channel_lives(
    terraform: CopyModule, fake_provider: FakeProvider
) -> None:
    """Only the API gets the token, once a version; the channel can be removed."""
    root = terraform(MODULE)
    # Other lives have the policies.
    inputs = {**INPUTS, "create_policies": False}
    slack = {"channel_name": "#data-alerts"}
    plan = root.plan(**inputs, slack_channel=slack, slack_token=Canary.SLACK_TOKEN)
    root.apply_plan(plan)
    token = {"slack_token": Canary.NEW_SLACK_TOKEN}
    assert root.is_up_to_date(**inputs, slack_channel=slack, **token)
    slack = {**slack, "token_version": "2"}
    root.apply(**inputs, slack_channel=slack, **token)
    assert _tokens(fake_provider) == [Canary.SLACK_TOKEN, Canary.NEW_SLACK_TOKEN]
    with pytest.raises(TerraformError, match="slack_channel needs slack_token"):
        root.plan(**inputs, slack_channel=slack, slack_token=Canary.GITHUB_TOKEN)
    root.apply(**inputs)
    assert not root.state().of("google_monitoring_notification_channel")


def _tokens(provider: FakeProvider) -> list[str]:
    """Return the tokens that Slack channels were applied with."""
    channels = provider.applied("google_monitoring_notification_channel")
    return [
        labels["auth_token_wo"]
        for each in channels
        for labels in each["sensitive_labels"]
    ]
