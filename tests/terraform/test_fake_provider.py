"""The fake provider rejects mistakes in the module that the real provider or Google reject."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.canary import Canary
from tests.terraform.fake_project import Channel
from tests.terraform.module_inputs import EXAMPLES, IMAGE, INPUTS, MODULE
from tests.terraform.plans import TerraformError

if TYPE_CHECKING:
    from tests.terraform.conftest import CopyModule
    from tests.terraform.fake_provider import FakeProvider
    from tests.terraform.terraform_cli import RootModule

_DASHBOARD = "dashboard_json = jsonencode(merge({"
_STRATEGY = """\
auto_close           = coalesce(var.auto_close, each.value.policy.alertStrategy.autoClose)
    notification_prompts ="""
_SLACK = {"channel_name": "#data-alerts"}


def _edited(terraform: CopyModule, file: str, old: str, new: str) -> RootModule:
    """Return the module with the first occurrence of a text in a file replaced."""
    root = terraform(MODULE)
    text = (root.directory / file).read_text("utf-8")
    assert old in text
    root.write(file, text.replace(old, new, 1))
    return root


@pytest.mark.parametrize(
    ("file", "old", "new", "error"),
    [
        ("iam.tf", "= var.name\n", '= "x"\n', r'"account_id" \("x"\) doesn\'t match'),
        ("iam.tf", '"-", "_")', '"-", "-")', r'"role_id" \("datastream-exporter-lister"\)'),
        ("iam.tf", "account_id ", 'email = "me"\naccount_id ', 'configure a value for "email"'),
        ("iam.tf", "account_id ", "account_name ", '"account_name" is not expected here'),
        ("iam.tf", "account_id ", "# ", 'The argument "account_id" is required'),
        ("job.tf", "= var.task_count", '= "many"', "a number is required"),
        ("job.tf", "task_count", "tasks {}\ntask_count", '"tasks" are not expected here'),
        ("job.tf", "google_cloud_run_v2_job", "google_cloud_job", "does not support resource type"),
        ("policies.tf", "  conditions {", "  labels {", "At least 1 .conditions. blocks"),
        ("iam.tf", "exporter[0].email", "exporter[0].e_mail", 'attribute named "e_mail"'),
        ("notification_channels.tf", "= var.slack_token", "= null", "Invalid combination of arg"),
    ],
)
def test_plan_rejects(terraform: CopyModule, file: str, old: str, new: str, error: str) -> None:
    """What the provider's schema and its own code don't accept fails at plan."""
    root = _edited(terraform, file, old, new)
    with pytest.raises(TerraformError, match=error):
        root.plan(**INPUTS, slack_channel=_SLACK, slack_token=Canary.SLACK_TOKEN)


@pytest.mark.usefixtures("fake_provider")
@pytest.mark.parametrize(
    ("file", "old", "new", "error"),
    [
        ("job.tf", "= var.image", '= "ghcr.io/me/exporter"', "doesn't pull images from ghcr.io"),
        ("job.tf", "= var.memory", '= "256Mi"', "256Mi of memory"),
        ("job.tf", "= var.memory", '= "0.5G"', "0.5G of memory"),
        ("policies.tf", "value.disableMetricValidation", "value.query == null", "404: Cannot find"),
        ("policies.tf", "now}s", "now}min", '"60min" is not a duration'),
        (
            "policies.tf",
            "  conditions {",
            '  conditions {\ndisplay_name = "x"\n}\n  conditions {',
            "can only have a single condition",
        ),
        ("dashboard.tf", _DASHBOARD, f"{_DASHBOARD} gird = {{}},", 'no field named "gird"'),
    ],
)
def test_apply_rejects(terraform: CopyModule, file: str, old: str, new: str, error: str) -> None:
    """What Google's APIs don't accept passes plan and fails at apply."""
    root = _edited(terraform, file, old, new)
    plan = root.plan(**INPUTS)
    with pytest.raises(TerraformError, match=error):
        root.apply(plan)


@pytest.mark.parametrize("api", ["cloudscheduler", "iam", "monitoring", "run"])
def test_apply_rejects_a_resource_whose_api_is_off(
    terraform: CopyModule, fake_provider: FakeProvider, api: str
) -> None:
    """Nothing is created while the API it needs is disabled."""
    fake_provider.project.disabled_apis = {f"orders-prod/{api}.googleapis.com"}
    with pytest.raises(TerraformError, match=f"{api}.googleapis.com has not been used in project"):
        terraform(MODULE).apply(**INPUTS, enable_apis=False)


@pytest.mark.usefixtures("fake_provider")
@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("policies.tf", "now}s", "now}.0s"),
        ("policies.tf", "      evaluation_interval  ", "#"),
        ("policies.tf", _STRATEGY, "notification_prompts = true ? null :"),
        ("dashboard.tf", _DASHBOARD, f"{_DASHBOARD} labels = {{}},"),
        ("dashboard.tf", _DASHBOARD, f'{_DASHBOARD} etag = "mine",'),
        ("schedule.tf", "http_method", "#"),
    ],
)
def test_values_that_google_rewrites_show_a_change_in_every_plan(
    terraform: CopyModule, file: str, old: str, new: str
) -> None:
    """A value that the API stores in another form is a change that no apply ends."""
    root = _edited(terraform, file, old, new)
    root.apply(**INPUTS)
    assert not root.plan(**INPUTS).empty


@pytest.mark.usefixtures("fake_provider")
def test_destroy_rejects_a_protected_job(terraform: CopyModule) -> None:
    """A job with deletion_protection is destroyed only after an apply that turns it off."""
    root = terraform(MODULE)
    root.apply(**INPUTS, deletion_protection=True)
    with pytest.raises(TerraformError, match="without setting deletion_protection=false"):
        root.destroy(**INPUTS, deletion_protection=True)
    root.apply(**INPUTS)
    assert not root.destroy(**INPUTS).resources


@pytest.mark.usefixtures("fake_provider")
def test_a_change_of_a_fixed_argument_replaces_the_resource(terraform: CopyModule) -> None:
    """A new account id or descriptor label replaces; computed values are unknown until then."""
    root = terraform(MODULE)
    root.apply(**INPUTS)
    root.write(
        "descriptors.tf",
        (root.directory / "descriptors.tf")
        .read_text("utf-8")
        .replace("each.value.labels", 'concat(each.value.labels, ["table"])'),
    )
    plan = root.plan(**INPUTS, name="streams-prod")
    account = "google_service_account.exporter[0]"
    assert plan.changes[account] == ("delete", "create")
    assert "email" not in plan.resources[account]
    descriptor = 'google_monitoring_metric_descriptor.exporter["stream/state"]'
    assert plan.changes[descriptor] == ("delete", "create")


@pytest.mark.parametrize(
    ("channels", "disabled_api", "error"),
    [
        ([], "", "No NotificationChannel with display_name"),
        ([Channel("billing-prod", "On-call")], "", "No NotificationChannel with display_name"),
        ([Channel("orders-prod", "On-call")] * 2, "", "More than one NotificationChannel"),
        ([Channel("orders-prod", "On-call")], "orders-prod/monitoring", "monitoring.googleapis"),
    ],
)
def test_plan_rejects_a_channel_that_is_not_found_exactly_once(
    terraform: CopyModule,
    fake_provider: FakeProvider,
    channels: list[Channel],
    disabled_api: str,
    error: str,
) -> None:
    """A display name needs exactly one match in its project, with the API enabled."""
    fake_provider.project.channels = channels
    fake_provider.project.disabled_apis = {f"{disabled_api}.googleapis.com"}
    with pytest.raises(TerraformError, match=error):
        terraform(MODULE).plan(**{**INPUTS, "notification_channels": {"ERROR": ["On-call"]}})


@pytest.mark.usefixtures("fake_provider")
def test_plan_rejects_a_missing_secret(terraform: CopyModule) -> None:
    """A secret that doesn't exist fails when it is read."""
    (example,) = (each for each in EXAMPLES if each.endswith("slack-created"))
    with pytest.raises(TerraformError, match=r"404: Secret \[projects/orders-prod/secrets/slack"):
        terraform(example).plan(image=IMAGE)


@pytest.mark.usefixtures("fake_provider")
def test_destroy_needs_the_slack_token_too(terraform: CopyModule) -> None:
    """A write-only token is stored nowhere, so a destroy without it fails like any plan."""
    root = _edited(
        terraform,
        "variables_alerts.tf",
        'startswith(coalesce(var.slack_token, "none"), "xoxb-")',
        "true",
    )
    root.apply(**INPUTS, slack_channel=_SLACK, slack_token=Canary.SLACK_TOKEN)
    with pytest.raises(TerraformError, match="Invalid combination of arguments"):
        root.destroy(**INPUTS, slack_channel=_SLACK)
