"""Changes to a deployment: one apply is enough, and the next plan is empty.

A plan reads what exists, so a grant that died with its target would show in it.
"""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.terraform.conftest import CopyModule, PlanModule
from tests.terraform.fake_provider import FakeProvider
from tests.terraform.module_inputs import (
    CHANNEL,
    CONFIG,
    FUNCTION,
    INPUTS,
    MODULE,
    OPTIONS,
)
from tests.terraform.terraform_cli import RootModule, TerraformError

# Other lives have the policies: here they would only take time.
_JOB: dict[str, Any] = INPUTS | {"create_policies": False}
_FUNCTION: dict[str, Any] = FUNCTION | {"create_policies": False}
_OWN = "own@orders-prod.iam.gserviceaccount.com"
_LIVES: dict[str, list[tuple[list[str], dict[str, Any]]]] = {
    "a job": [
        (["google_cloud_run_v2_job.exporter[0]"], _JOB),
        (['google_service_account.account["scheduler"]'], _JOB),
        # A given account, and then created ones again.
        ([], {**_JOB, "service_accounts": {"exporter": _OWN, "scheduler": _OWN}}),
        ([], _JOB),
    ],
    "a function": [
        (
            [
                "google_cloudfunctions2_function.exporter[0]",
                "google_pubsub_topic.log[0]",
            ],
            _FUNCTION,
        ),
        (
            ["google_storage_bucket.source[0]"],
            {
                **_FUNCTION,
                # The function's repository is replaced.
                "encryption_key": OPTIONS["encryption_key"],
                "config_yaml": f"{CONFIG}  - project: stock-prod\n",
            },
        ),
        ([], {**_FUNCTION, "region": "europe-west4", "paused": True}),
        ([], {**_FUNCTION, "name": "streams-prod"}),
    ],
}
"""What follows a first apply: what ``-replace`` replaces, and the inputs."""


@pytest.mark.parametrize("life", _LIVES)
def test_one_apply_makes_each_change(terraform: CopyModule, life: str) -> None:
    """What is replaced gets its grants, objects and callers in the same apply."""
    root = terraform(MODULE)
    steps = _LIVES[life]
    root.apply(**steps[0][1])
    for replaced, inputs in steps:
        root.apply(*(f"-replace={address}" for address in replaced), **inputs)
        assert root.is_up_to_date(**inputs)
    root.destroy(**inputs)
    assert not root.state().resources


def test_a_first_plan_shows_who_gets_what(plan_module: PlanModule) -> None:
    """Before anything exists, only the log sinks' own accounts are unknown."""
    plan = plan_module(**FUNCTION)
    hidden = {
        address.split("[")[0]
        for address, values in plan.resources.items()
        if "_iam_member." in address and "member" not in values
    }
    assert hidden == {"google_pubsub_topic_iam_member.grant"}


def test_a_new_account_gets_its_grants_in_the_same_apply(
    terraform: CopyModule, fake_provider: FakeProvider
) -> None:
    """An account that is replaced, or deleted by hand, gets its own grants again."""
    root = terraform(MODULE)
    root.apply(**_FUNCTION)
    every = [each for each in root.state().resources if "_service_account." in each]
    for replaced in (*([each] for each in every), every, []):
        lost = [root.state().resources[each] for each in replaced or every]
        if not replaced:
            for each in lost:
                fake_provider.project.change("google_service_account", each, None)
        # Another value builds the function, which needs grants of some age.
        inputs = {**_FUNCTION, "build_environment_variables": {"A": str(len(replaced))}}
        plan = root.plan(*(f"-replace={each}" for each in replaced), **inputs)
        # A grant that an apply before had lost would be here, too.
        made = [plan.resources[each] for each in plan.changes if "_iam_" in each]
        members = {f"serviceAccount:{each['email']}" for each in lost}
        assert {each["member"] for each in made} == members
        if len(replaced) != 1:
            root.apply_plan(plan)
    assert root.is_up_to_date(**inputs)


def test_a_failed_first_apply_can_be_destroyed(
    terraform: CopyModule, fake_provider: FakeProvider
) -> None:
    """Nothing is protected from a destroy, as nothing holds data."""
    root = terraform(MODULE)
    fake_provider.project.disabled_apis = {"orders-prod/cloudbuild.googleapis.com"}
    with pytest.raises(TerraformError, match="Error 403: cloudbuild"):
        root.apply(**_FUNCTION, enable_apis=False)
    root.destroy(**_FUNCTION, enable_apis=False)
    assert not root.state().resources


def test_an_earlier_version_can_be_applied(
    terraform: CopyModule, fake_provider: FakeProvider
) -> None:
    """Going back deletes newer policies and no data; going forward adds them again."""
    root = terraform(MODULE)
    policy = root.directory.parent / "alerting_policies" / "project-unwatched.yaml"
    metrics = root.directory.parent / "exporter" / "metrics.yaml"
    newer = {file: file.read_text("utf-8") for file in (policy, metrics)}
    root.apply(**INPUTS)
    policy.unlink()
    metrics.write_text(re.sub(r"  location/unwatched:(\n    .+)+", "", newer[metrics]))
    root.apply(**INPUTS)
    ((deleted, _),) = fake_provider.project.deleted
    assert deleted == "google_monitoring_alert_policy"
    for file, text in newer.items():
        file.write_text(text)
    changes = root.plan(**INPUTS).changes
    assert [*changes.values()] == [("create",)] * 2


def test_what_the_same_apply_creates_can_be_passed(terraform: CopyModule) -> None:
    """No plan depends on a channel's name or on an account's address."""
    own = "[google_monitoring_notification_channel.own.name]"
    root = _caller(
        terraform,
        service_accounts="{ exporter = google_service_account.own.email }",
        notification_channels=f"{{ CRITICAL = {own} }}",
        policy_overrides=f"{{ stream-errors = {{ notification_channels = {own} }} }}",
        routes=f"""{{
    orders = {{
      projects                  = ["orders-prod"]
      notification_channels     = {{ CRITICAL = {own} }}
      log_notification_channels = {{ orders-prod = {own} }}
    }}
  }}""",
    )
    root.apply()
    state = root.state()
    addresses = [each["email"] for each in state.of("google_service_account")]
    assert "exporter-own@orders-prod.iam.gserviceaccount.com" in addresses
    (channel,) = state.of("google_monitoring_notification_channel")
    policies = state.of("google_monitoring_alert_policy")
    assert {tuple(each["notification_channels"]) for each in policies} == {
        (channel["name"],)
    }
    assert root.is_up_to_date()


def test_a_module_that_waits_for_a_change_stays_as_it_is(terraform: CopyModule) -> None:
    """With depends_on, a change elsewhere delays data, and builds nothing again."""
    root = _caller(
        terraform,
        depends_on="[google_service_account.own]",
        notification_channels=f'{{ CRITICAL = ["{CHANNEL}"] }}',
    )
    root.apply()
    text = (root.directory / "main.tf").read_text("utf-8")
    root.write("main.tf", text.replace('"exporter-own"', '"exporter-new"'))
    changes = root.plan().changes
    assert changes == {"google_service_account.own": ("delete", "create")}


def _caller(terraform: CopyModule, **inputs: str) -> RootModule:
    """Return a root module with an account and a channel, which calls the module."""
    module = terraform(MODULE)
    root = RootModule(module.directory.parent, module.provider)
    root.write("config.yaml", CONFIG)
    lines = "\n".join(f"  {name} = {value}" for name, value in inputs.items())
    root.write(
        "main.tf",
        f"""\
resource "google_service_account" "own" {{
  project    = "orders-prod"
  account_id = "exporter-own"
}}

resource "google_monitoring_notification_channel" "own" {{
  project      = "orders-prod"
  display_name = "Own"
  type         = "email"
  labels       = {{ email_address = "own@example.com" }}
}}

module "datastream_exporter" {{
  source = "./terraform"

  config_yaml = file("config.yaml")
  region      = "europe-west1"
{lines}
}}
""",
    )
    root.init()
    return root


def test_two_deployments_may_watch_one_project(terraform: CopyModule) -> None:
    """Two deployments with their own metrics projects share no name."""
    root = _caller(terraform, create_policies="false")
    other = CONFIG.replace("{project: orders-prod}", "{project: data-prod}", 1)
    root.write("other.yaml", other)
    text = (root.directory / "main.tf").read_text("utf-8")
    _, _, block = text.partition('module "datastream_exporter"')
    root.write(
        "other.tf", f'module "other"{block.replace("config.yaml", "other.yaml")}'
    )
    root.init()
    root.apply()
    assert len(root.state().of("google_project_iam_custom_role")) == 5
    assert root.is_up_to_date()


def test_a_lost_state_can_be_imported(
    terraform: CopyModule, fake_provider: FakeProvider
) -> None:
    """The example's blocks import whatever has a name that is taken, and policies."""
    root = terraform("terraform/examples/function")
    root.write("config.yaml", CONFIG)
    root.apply()
    lost = root.state().resources
    fake_provider.lose_states()
    with pytest.raises(
        TerraformError, match=r"services/datastream-exporter already exists"
    ):
        root.apply()
    fake_provider.lose_states()
    module = "module.datastream_exporter.google_monitoring_"
    dashboard = f"{module}dashboard.fleet"
    policy = f'{module}alert_policy.policy["stream-failed"]'
    project = f'{module}monitored_project.scoped["billing-prod"]'
    blocks = (root.directory.parent / "import" / "imports.tf").read_text("utf-8")
    for example, name in (
        (r"0{8}-[0-]+", Path(lost[dashboard]["id"]).name),
        (r"projects/[\w-]+/alertPolicies/\d+", lost[policy]["name"]),
    ):
        blocks = re.sub(example, name, blocks)
    root.write("imports.tf", blocks)
    plan = root.plan()
    for address in (dashboard, policy, project):
        assert "create" not in plan.changes.get(address, ())
    assert not [each for each, how in plan.changes.items() if "delete" in how]
    root.apply_plan(plan)
    assert root.is_up_to_date()
