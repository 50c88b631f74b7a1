"""Whole lives: apply, an empty second plan, a destroy that leaves nothing."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

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
    REPOSITORY,
    RootModule,
    State,
    TerraformError,
)

_GRANTS: dict[str, dict[str, dict[str, str]]] = yaml.safe_load(
    Path(__file__).with_name("grants.yaml").read_text("utf-8")
)


def test_files_are_formatted() -> None:
    """`terraform fmt` changes no file."""
    RootModule(REPOSITORY / MODULE, None).run("fmt", "-check", "-recursive", "-diff")


def test_terraform_test_passes(terraform: CopyModule) -> None:
    """`terraform test` passes all of its runs."""
    output = terraform(MODULE).run("test", "-no-color")
    assert re.search(r"Success! [1-9]\d+ passed, 0 failed", output)


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_lives(
    terraform: CopyModule, fake_provider: FakeProvider, example: str
) -> None:
    """One apply is enough on a new project; a destroy leaves descriptors alone."""
    root = terraform(example)
    text = (root.directory / "main.tf").read_text("utf-8")
    inputs = {"image": IMAGE} if "var.image" in text else {}
    fake_provider.project.enabled_apis = set()
    if "channel" in text.partition("module")[0]:
        # Who creates a channel has enabled its API.
        fake_provider.project.enabled_apis.add("orders-prod/monitoring.googleapis.com")
    root.apply(**inputs)
    assert fake_provider.applied("google_project_service")
    # No output, plan or state of any test has a secret, or the test fails.
    secrets = (
        [Canary.SECRET_MANAGER_SECRET] if example.endswith("slack-created") else []
    )
    assert _tokens(fake_provider) == secrets
    assert root.is_up_to_date(**inputs)
    root.destroy(**inputs)
    assert not root.state().resources
    deleted = {kind for kind, _ in fake_provider.project.deleted}
    assert "google_monitoring_alert_policy" in deleted
    assert "google_monitoring_metric_descriptor" not in deleted


def test_one_deployment_lives_in_every_mode(
    terraform: CopyModule, fake_provider: FakeProvider
) -> None:
    """One apply switches the mode; options and grants are those of the new one."""
    root = terraform(MODULE)
    inputs: dict[str, Any] = {}
    for mode in ("function", "job"):
        image = None if mode == "function" else IMAGE
        inputs = {**INPUTS, **OPTIONS, "mode": mode, "image": image}
        assert root.apply(**inputs) == []
        assert root.is_up_to_date(**inputs)
        state = root.state()
        _check_options(state, mode)
        _check_grants(state, mode)
    root.destroy(**inputs)
    assert not root.state().resources
    assert not fake_provider.project.objects


def _check_options(state: State, mode: str) -> None:
    """Check that only this mode's resource exists, and has every option."""
    kinds = {
        "function": "google_cloudfunctions2_function",
        "job": "google_cloud_run_v2_job",
    }
    found = {kind: state.of(kind) for kind in kinds.values() if state.of(kind)}
    assert found.keys() == {kinds[mode]}
    for value in re.findall(r'"([^"]+)"(?!:)', json.dumps(OPTIONS)):
        assert value in json.dumps(found)
    labels = [
        values[key]
        for values in state.resources.values()
        for key in ("labels", "user_labels")
        if isinstance(values.get(key), dict)
    ]
    assert all(each["team"] == "data" for each in labels)
    keys = re.findall(
        r'"(?:\w*kms_key_name|encryption_key)": ([^,}]+)', json.dumps(state.resources)
    )
    assert set(keys) == {json.dumps(OPTIONS["encryption_key"])}


def _check_grants(state: State, mode: str) -> None:
    """Check the grants; the outputs must list the same, and have a command for each."""
    grants = _grants("always", mode)
    granted = [
        [values["member"], values["role"]]
        for address, values in state.resources.items()
        if "_iam_member." in address
    ]
    assert sorted(granted) == sorted([member, role] for member, role, _ in grants)
    listed = state.outputs["iam_grants"]
    found = [[each["member"], each["role"], each["resource"]] for each in listed]
    grants += _grants("key_always", f"key_{mode}")
    assert sorted(found) == sorted(grants)
    roles = {
        x["name"]: x["permissions"] for x in state.of("google_project_iam_custom_role")
    }
    assert {x["role"]: x["permissions"] for x in listed if x["permissions"]} == roles
    commands = state.outputs["iam_grant_commands"]
    assert sum("add-iam-policy-binding" in each for each in commands) == len(grants)
    number = "$(gcloud projects describe orders-prod --format 'value(projectNumber)')"
    for member, role, _ in grants:
        words = f"--member {member.replace('NUMBER', number)} --role {role}"
        assert [each for each in commands if words in each]
    emails = state.outputs["service_account_emails"]
    assert f"serviceAccount:{emails['exporter']}" == grants[0][0]
    policies = state.outputs["policy_names"]
    assert policies["stream-failed"].startswith("projects/orders-prod/alertPolicies/")


def _grants(*parts: str) -> list[list[str]]:
    """Return the member, the role and the resource of each grant."""
    grants = []
    for part in parts:
        for member, roles in _GRANTS[part].items():
            grants += [[member, role, on] for role, on in roles.items()]
    return grants


def test_a_changed_input_changes_only_what_it_is_about(terraform: CopyModule) -> None:
    """A changed input updates what depends on it in place, and nothing else."""
    root = terraform(MODULE)
    root.apply(**INPUTS)
    job, policy, dashboard = (
        "google_cloud_run_v2_job.exporter[0]",
        "google_monitoring_alert_policy.policy",
        "google_monitoring_dashboard.fleet",
    )
    deployed = {
        "image": IMAGE.replace("0123", "3210"),
        "config_yaml": f"{CONFIG}run: {{deadline: 40s}}\n",
    }
    overrides = {"stream-lagging": {"threshold": 1800}}
    overridden = {f'{policy}["stream-lagging"]', dashboard}
    for inputs, addresses in (
        (deployed, {job}),
        ({"policy_overrides": overrides}, overridden),
    ):
        changes = root.plan(**{**INPUTS, **inputs}).changes
        assert changes == dict.fromkeys(addresses, ("update",))
    changes = root.plan(
        **{**INPUTS, "config_yaml": f"{CONFIG}  - project: stock-prod\n"}
    ).changes
    updated = {address for address, how in changes.items() if how == ("update",)}
    assert updated == {job, dashboard}
    assert {
        address.split(".")[0] for address, how in changes.items() if how == ("create",)
    } == {
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
    assert root.is_up_to_date(last_state=state)
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
    slack = {"channel_name": "#data-alerts"}
    plan = root.plan(**INPUTS, slack_channel=slack, slack_token=Canary.SLACK_TOKEN)
    root.apply_plan(plan)
    assert root.is_up_to_date(
        **INPUTS, slack_channel=slack, slack_token=Canary.NEW_SLACK_TOKEN
    )
    slack = {**slack, "token_version": "2"}
    root.apply(**INPUTS, slack_channel=slack, slack_token=Canary.NEW_SLACK_TOKEN)
    assert _tokens(fake_provider) == [Canary.SLACK_TOKEN, Canary.NEW_SLACK_TOKEN]
    assert "#data-alerts" in root.run("show", "-no-color")
    with pytest.raises(TerraformError, match="slack_channel needs slack_token"):
        root.plan(**INPUTS, slack_channel=slack, slack_token=Canary.GITHUB_TOKEN)
    root.apply(**INPUTS)
    assert not root.state().of("google_monitoring_notification_channel")
    assert root.is_up_to_date(**INPUTS)


def _tokens(provider: FakeProvider) -> list[str]:
    """Return the tokens that Slack channels were applied with."""
    channels = provider.applied("google_monitoring_notification_channel")
    return [
        labels["auth_token_wo"]
        for each in channels
        for labels in each["sensitive_labels"]
    ]
