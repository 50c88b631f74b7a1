"""Who gets which permission, and where the Slack token goes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.canary import Canary
from tests.outputs import OUTPUTS
from tests.terraform.module_inputs import (
    CHANNELS,
    IMAGE,
    INPUTS,
    MODULE,
    SECRETS,
    mode_inputs,
)
from tests.terraform.plans import TerraformError
from tests.terraform.terraform_cli import REPOSITORY

if TYPE_CHECKING:
    from tests.terraform.conftest import CopyModule, PlanModule
    from tests.terraform.fake_provider import FakeProvider
    from tests.terraform.terraform_cli import RootModule

_ACCOUNTS = "@orders-prod.iam.gserviceaccount.com"
_EXPORTER = f"datastream-exporter{_ACCOUNTS}"
_SCHEDULER = f"datastream-exporter-cron{_ACCOUNTS}"
_LISTER = "roles/datastream_exporter_lister"
_JOBS = "orders-prod/europe-west1/datastream-exporter"
_EXPORTER_GRANTS = {
    (_EXPORTER, f"projects/orders-prod/{_LISTER}", "orders-prod"),
    (_EXPORTER, f"projects/billing-prod/{_LISTER}", "billing-prod"),
    (_EXPORTER, "roles/monitoring.metricWriter", "orders-prod"),
}
_SCHEDULER_GRANTS = {
    (_SCHEDULER, "roles/run.invoker", _JOBS),
    (_SCHEDULER, "roles/run.invoker", f"{_JOBS}-objects"),
}
_BUILD = f"datastream-exporter-build{_ACCOUNTS}"
_FUNCTION_GRANTS = {
    (_BUILD, "roles/logging.logWriter", "orders-prod"),
    (_BUILD, "roles/storage.objectViewer", "orders-prod"),
    (_BUILD, "roles/artifactregistry.writer", _JOBS),
    (_SCHEDULER, "roles/run.invoker", _JOBS),
}
_PUSH = f"datastream-exporter-push{_ACCOUNTS}"
_TRIGGER_GRANTS = {
    (_PUSH, "roles/run.invoker", _JOBS),
    ("the sink of orders-prod", "roles/pubsub.publisher", "orders-prod/datastream-exporter-log"),
    ("the sink of billing-prod", "roles/pubsub.publisher", "orders-prod/datastream-exporter-log"),
}
_GRANTS: list[tuple[dict[str, Any], set[tuple[str, str, str]]]] = [
    ({"collect_objects_schedule": "7 * * * *"}, _EXPORTER_GRANTS | _SCHEDULER_GRANTS),
    (mode_inputs("worker_pool"), _EXPORTER_GRANTS),
    (
        {**mode_inputs("function"), "log_triggers": False},
        _EXPORTER_GRANTS | _FUNCTION_GRANTS,
    ),
    (mode_inputs("function"), _EXPORTER_GRANTS | _FUNCTION_GRANTS | _TRIGGER_GRANTS),
]
_SLACK = {"channel_name": "#data-alerts"}


@pytest.mark.usefixtures("fake_provider")
@pytest.mark.parametrize(("inputs", "grants"), _GRANTS)
def test_each_account_has_the_grants_it_needs_and_no_others(
    terraform: CopyModule, inputs: dict[str, Any], grants: set[tuple[str, str, str]]
) -> None:
    """The exporter lists streams and writes metrics; the scheduler's account starts its runs."""
    state = terraform(MODULE).apply(**{**INPUTS, **inputs})
    granted = [values for address, values in state.resources.items() if "_iam_member." in address]
    sinks = {
        each["writer_identity"]: f"the sink of {each['project']}"
        for each in state.of("google_logging_project_sink")
    }
    assert len(granted) == len(grants)
    assert {
        (
            sinks.get(each["member"], each["member"].removeprefix("serviceAccount:")),
            each["role"],
            _granted_on(each),
        )
        for each in granted
    } == grants


def _granted_on(grant: dict[str, Any]) -> str:
    """Return PROJECT, or PROJECT/LOCATION/NAME."""
    name = grant.get("name", grant.get("repository", grant.get("topic")))
    return "/".join(filter(None, (grant["project"], grant.get("location"), name)))


@pytest.mark.usefixtures("fake_provider")
def test_the_build_reads_sources_of_functions_only(terraform: CopyModule) -> None:
    """A condition limits it to the bucket that Google copies the source to."""
    state = terraform(MODULE).apply(**{**INPUTS, **mode_inputs("function")})
    conditions = {
        each["role"]: each["condition"]
        for each in state.of("google_project_iam_member")
        if each["condition"]
    }
    assert {role: each[0]["expression"] for role, each in conditions.items()} == {
        "roles/storage.objectViewer": (
            'resource.name.startsWith("projects/_/buckets/gcf-v2-sources-")'
        )
    }


@pytest.mark.usefixtures("fake_provider")
def test_jobs_and_schedules_use_their_own_account(terraform: CopyModule) -> None:
    """Each mode runs as the exporter's account, schedules as the scheduler's."""
    root = terraform(MODULE)
    state = root.apply(**INPUTS)
    (job,) = state.of("google_cloud_run_v2_job")
    (schedule,) = state.of("google_cloud_scheduler_job")
    assert job["template"][0]["template"][0]["service_account"] == _EXPORTER
    assert schedule["http_target"][0]["oauth_token"][0]["service_account_email"] == _SCHEDULER
    (pool,) = root.apply(**INPUTS, mode="worker_pool").of("google_cloud_run_v2_worker_pool")
    assert pool["template"][0]["service_account"] == _EXPORTER
    state = root.apply(**{**INPUTS, **mode_inputs("function")})
    (function,) = state.of("google_cloudfunctions2_function")
    (schedule,) = state.of("google_cloud_scheduler_job")
    assert function["service_config"][0]["service_account_email"] == _EXPORTER
    assert function["build_config"][0]["service_account"].endswith(f"/{_BUILD}")
    assert schedule["http_target"][0]["oidc_token"][0]["service_account_email"] == _SCHEDULER


def test_no_grant_is_planned_where_iam_is_managed_elsewhere(plan_module: PlanModule) -> None:
    """Applying then needs no right to grant: the plan has no IAM resource and no account."""
    existing = {"create": False, "email": "existing@orders-prod.iam.gserviceaccount.com"}
    plan = plan_module(
        manage_iam=False,
        collect_objects_schedule="7 * * * *",
        service_account=existing,
        scheduler_service_account=existing,
    )
    assert not [each for each in plan.changes if "iam" in each or "service_account" in each]


@pytest.mark.usefixtures("fake_provider")
@pytest.mark.parametrize("inputs", [inputs for inputs, _ in _GRANTS])
def test_the_output_lists_the_grants_that_the_module_makes(
    terraform: CopyModule, inputs: dict[str, Any]
) -> None:
    """iam_grants equals the grants, and iam_grant_commands has a command for each."""
    state = terraform(MODULE).apply(**{**INPUTS, **inputs})
    made = {
        (values["member"], values["role"], _full_name(address, values))
        for address, values in state.resources.items()
        if "_iam_member." in address
    }
    listed = state.outputs["iam_grants"]
    assert {(x["member"], x["role"], x["resource"]) for x in listed} == made
    roles = {x["name"]: x["permissions"] for x in state.of("google_project_iam_custom_role")}
    assert {x["role"]: x["permissions"] for x in listed if x["permissions"]} == roles
    commands = state.outputs["iam_grant_commands"]
    assert len(commands) == len(made) + len(roles)
    for member, role, _ in made:
        assert [each for each in commands if f"--member {member} --role {role}" in each]


def _full_name(address: str, grant: dict[str, Any]) -> str:
    """Return the full name of what a role is granted on."""
    collections = {"v2_job": "jobs", "v2_service": "services", "repository": "repositories"}
    for kind, collection in collections.items():
        if f"_{kind}_iam" in address:
            project, location, name = _granted_on(grant).split("/")
            return f"projects/{project}/locations/{location}/{collection}/{name}"
    if topic := grant.get("topic"):
        return f"projects/{grant['project']}/topics/{topic}"
    return f"projects/{grant['project']}"


@pytest.mark.parametrize(
    "text", ["allUsers", "allAuthenticatedUsers", "service_account_key", "/owner", "/editor"]
)
def test_no_public_access_no_basic_role_and_no_key(text: str) -> None:
    """No file grants access to everyone, grants a basic role, or creates a key."""
    files = list((REPOSITORY / MODULE).rglob("*.tf"))
    assert files
    assert not [path for path in files if text in path.read_text("utf-8")]


def test_the_slack_token_reaches_the_api_and_neither_plan_nor_state(
    terraform: CopyModule, fake_provider: FakeProvider
) -> None:
    """A token given as a variable is sent once, and again only when its version changes."""
    root = terraform(MODULE)
    plan = root.plan(**INPUTS, slack_channel=_SLACK, slack_token=Canary.SLACK_TOKEN)
    root.run("show", "-no-color", plan.path.name)
    root.apply(plan)
    assert root.plan(**INPUTS, slack_channel=_SLACK, slack_token=Canary.NEW_SLACK_TOKEN).empty
    new_version = {**_SLACK, "token_version": "2"}
    root.apply(**INPUTS, slack_channel=new_version, slack_token=Canary.NEW_SLACK_TOKEN)
    assert _tokens(fake_provider) == [Canary.SLACK_TOKEN, Canary.NEW_SLACK_TOKEN]
    assert "#data-alerts" in root.saved_text()
    _show(root)
    root.destroy(**INPUTS, slack_channel=_SLACK, slack_token=Canary.SLACK_TOKEN)


def test_what_is_no_slack_token_is_not_shown(terraform: CopyModule) -> None:
    """Terraform quotes lines of the inputs: not the one with a token of another kind."""
    root = terraform(MODULE)
    with pytest.raises(TerraformError, match="slack_channel needs slack_token") as caught:
        root.plan(**INPUTS, slack_channel=_SLACK, slack_token=Canary.GITHUB_TOKEN)
    OUTPUTS.add("the error", str(caught.value))


def test_the_slack_token_from_secret_manager_is_not_stored(
    terraform: CopyModule, fake_provider: FakeProvider
) -> None:
    """A token in Secret Manager reaches the API and neither plan nor state."""
    fake_provider.project.channels = CHANNELS
    fake_provider.project.secrets = SECRETS
    root = terraform(f"{MODULE}/examples/slack-created")
    root.apply(image=IMAGE)
    assert "#data-alerts" in root.saved_text()
    assert _tokens(fake_provider) == [Canary.SECRET_MANAGER_SECRET]
    _show(root)
    root.destroy(image=IMAGE)


def _show(root: RootModule) -> None:
    """Print the state, the outputs and the latest plan, as a person and as a program reads them."""
    (*_, plan) = sorted(root.directory.glob("*.tfplan"))
    for words in (["show"], ["show", plan.name], ["output"]):
        root.run(*words, "-no-color")
        root.run(words[0], "-json", *words[1:])
    assert "exporter" in root.run("state", "pull")


def _tokens(provider: FakeProvider) -> list[str]:
    """Return the tokens that Slack channels were applied with."""
    channels = provider.applied("google_monitoring_notification_channel")
    return [each["sensitive_labels"][0]["auth_token_wo"] for each in channels]
