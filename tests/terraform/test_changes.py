"""Changes to a deployment: one apply is enough, and the next plan is empty.

A plan reads what exists, so a grant that died with its target would show in it.
"""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from tests.terraform.conftest import CopyModule
from tests.terraform.fake_provider import FakeProvider
from tests.terraform.module_inputs import CONFIG, FUNCTION, INPUTS, MODULE, OPTIONS
from tests.terraform.terraform_cli import (
    FLOOR,
    REPOSITORY,
    RootModule,
    TerraformError,
    copy_files,
)

# Other lives have the policies: here they would only take time.
_JOB: dict[str, Any] = INPUTS | {"create_policies": False}
_FUNCTION: dict[str, Any] = FUNCTION | {"create_policies": False}
_MORE = {
    "encryption_key": OPTIONS["encryption_key"],
    "config_yaml": f"{CONFIG}  - project: stock-prod\n",
}
_MOVED = {"region": "europe-west4", "paused": True, "name": "other-streams"}
_ACCOUNT, _RUN = "google_service_account.account", "google_cloudfunctions2_function"
_OWN = "own@orders-prod.iam.gserviceaccount.com"
_LIVES: dict[str, list[tuple[list[str], dict[str, Any]]]] = {
    "a job": [
        (["google_cloud_run_v2_job.exporter[0]", f'{_ACCOUNT}["scheduler"]'], _JOB),
        # A given account, and then created ones again.
        ([], {**_JOB, "service_accounts": {"exporter": _OWN, "scheduler": _OWN}}),
        ([], _JOB),
    ],
    "a function": [
        ([f"{_RUN}.exporter[0]"], _FUNCTION),
        # The function's repository is replaced, too.
        (["google_storage_bucket.source[0]"], _FUNCTION | _MORE),
        ([], _FUNCTION | _MOVED),
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


def test_a_new_account_gets_its_grants_in_the_same_apply(
    terraform: CopyModule, fake_provider: FakeProvider
) -> None:
    """An account that is replaced, or deleted by hand, gets its own grants again."""
    root = terraform(MODULE)
    root.apply(**_FUNCTION)
    every = [each for each in root.state().resources if "_service_account." in each]
    scheduler = f'{_ACCOUNT}["scheduler"]'
    for replaced in ([scheduler], every, []):
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
        if replaced != [scheduler]:
            root.apply_plan(plan)
    assert root.is_up_to_date(**inputs)


def test_a_failed_first_apply_can_be_destroyed(
    terraform: CopyModule, fake_provider: FakeProvider
) -> None:
    """Nothing is protected from a destroy, as nothing holds data."""
    root = terraform(MODULE)
    apis = root.plan(**_FUNCTION).of("google_project_service")
    names = {f"{x['project']}/{x['service'].partition('.')[0]}" for x in apis}
    fake_provider.project.enabled_apis = names - {"orders-prod/cloudbuild"}
    with pytest.raises(TerraformError, match="Error 403: the API orders-prod/cloudb"):
        root.apply(**_FUNCTION, enable_apis=False)
    root.destroy(**_FUNCTION, enable_apis=False)
    assert not root.state().resources


def test_what_the_same_apply_creates_can_be_passed(
    fake_provider: FakeProvider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No plan depends on a name, an address or a secret, in the oldest version too."""
    if Path(FLOOR[-1]).exists():  # `make test` says if it can't be had
        monkeypatch.setattr("tests.terraform.terraform_cli.TERRAFORM", FLOOR)
    own = ["${google_monitoring_notification_channel.own.name}"]
    channels = {"CRITICAL": own, "ERROR": own, "WARNING": own}
    root = _caller(
        fake_provider,
        tmp_path,
        service_accounts={"exporter": "${google_service_account.own.email}"},
        notification_channels=channels,
        policy_overrides={"stream-errors": {"notification_channels": own}},
        routes={"o": {"projects": ["orders-prod"], "notification_channels": channels}},
        environment_variables='${sensitive({ A = "hidden" })}',
        build_environment_variables={"B": "${google_service_account.own.email}"},
    )
    assert root.apply() == []
    state = root.state()
    addresses = [each["email"] for each in state.of("google_service_account")]
    assert "exporter-own@orders-prod.iam.gserviceaccount.com" in addresses
    (channel,) = state.of("google_monitoring_notification_channel")
    for policy in state.of("google_monitoring_alert_policy"):
        assert policy["notification_channels"] == [channel["name"]]
    assert root.is_up_to_date()


def test_a_module_that_waits_for_a_change_stays_as_it_is(
    fake_provider: FakeProvider, tmp_path: Path
) -> None:
    """With depends_on, a change elsewhere delays data, and builds nothing again."""
    waits = {"depends_on": ["google_service_account.own"], "create_policies": False}
    root = _caller(fake_provider, tmp_path, **waits)
    root.apply()
    text = (root.directory / "own.tf.json").read_text("utf-8")
    root.write("own.tf.json", text.replace('"exporter-own"', '"exporter-new"'))
    changes = root.plan().changes
    assert changes == {"google_service_account.own": ("delete", "create")}


def test_two_deployments_may_watch_one_project(
    fake_provider: FakeProvider, tmp_path: Path
) -> None:
    """Two deployments with their own metrics projects share one log-based metric."""
    root = _caller(fake_provider, tmp_path)
    text = (root.directory / "main.tf.json").read_text("utf-8")
    root.apply()
    other = re.sub("(metrics: {project: |projects/)orders", r"\1data", text)
    other = other.replace('"exporter"', '"other"')
    root.write("other.tf.json", other)
    root.init()
    with pytest.raises(TerraformError, match="409: billing-prod datastream_checkpoint"):
        root.apply()
    # Nothing but APIs was made.
    assert len(root.state().of("google_monitoring_custom_service")) == 1
    root.write("other.tf.json", other.replace('"mode"', '"log_metrics": false, "mode"'))
    root.apply()
    assert len(root.state().of("google_project_iam_custom_role")) == 5
    assert len(root.state().of("google_logging_metric")) == 2
    assert root.is_up_to_date()
    # The second takes the metrics over, as docs/operating.md says, and the first goes.
    root.write("other.tf.json", other)
    page = (REPOSITORY / "docs/operating.md").read_text("utf-8")
    commands = re.findall(r"terraform (state rm .+|import .+)", page)
    for name, command in zip(("exporter", "other"), commands, strict=True):
        own = command.replace("module.datastream_exporter", f"module.{name}")
        for project in ("orders-prod", "billing-prod"):
            root.run(*shlex.split(own.replace("orders-prod", project)))
    (root.directory / "main.tf.json").unlink()
    root.apply()
    kinds = [kind for kind, _ in fake_provider.project.resources]
    assert kinds.count("google_logging_metric") == 2
    assert root.is_up_to_date()


def _caller(provider: FakeProvider, folder: Path, **inputs: Any) -> RootModule:
    """Return a root module with an account and a channel, which calls the module."""
    copy_files(folder, sources=False)
    root = RootModule(folder, provider)
    own = {"project": "orders-prod", "account_id": "exporter-own"}
    channel = {"project": "orders-prod", "display_name": "Own", "type": "email"}
    resources = {
        "google_service_account": {"own": own},
        "google_monitoring_notification_channel": {"own": channel},
    }
    root.write("own.tf.json", json.dumps({"resource": resources}))
    root.call(**FUNCTION | inputs)
    root.init()
    return root


def test_a_lost_state_can_be_imported(
    terraform: CopyModule, fake_provider: FakeProvider
) -> None:
    """The example's blocks import whatever has a name that is taken, and policies."""
    root = terraform("terraform/examples/function")
    root.write("config.yaml", CONFIG)
    root.apply()
    lost = root.state().resources
    fake_provider.lose_states()
    with pytest.raises(TerraformError, match=r"409: .*datastream_checkpoint"):
        root.apply()
    fake_provider.lose_states()
    # Where an imported policy is
    root.write("provider.tf", 'provider "google" { project = "orders-prod" }')
    module = "module.datastream_exporter.google_monitoring_"
    dashboard = f"{module}dashboard.fleet"
    policy = f'{module}alert_policy.policy["stream-failed"]'
    project = f'{module}monitored_project.scoped["billing-prod"]'
    blocks = (root.directory.parent / "import" / "imports.tf").read_text("utf-8")
    for example, name in (
        (r"0{8}-[0-]+", Path(lost[dashboard]["id"]).name),
        (r"projects/[\w-]+/alertPolicies/\d+", lost[policy]["name"]),
        (r'(?<=log_metrics     = \["orders-prod")', ', "billing-prod"'),
    ):
        blocks = re.sub(example, name, blocks)
    root.write("imports.tf", blocks)
    plan = root.plan()
    for address in (dashboard, policy, project):
        assert "create" not in plan.changes.get(address, ()), address
    assert not [each for each, how in plan.changes.items() if "delete" in how]
    root.apply_plan(plan)
    assert root.is_up_to_date()
