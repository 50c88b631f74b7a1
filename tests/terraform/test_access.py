"""Who gets which permission, and where the Slack token goes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.terraform.module_inputs import CHANNELS, IMAGE, INPUTS, MODULE, SECRETS, TOKEN
from tests.terraform.terraform_cli import REPOSITORY

if TYPE_CHECKING:
    from tests.terraform.conftest import CopyModule, PlanModule
    from tests.terraform.fake_provider import FakeProvider

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
_SLACK = {"channel_name": "#data-alerts"}
_NEW_TOKEN = "xoxb-2"  # noqa: S105 - not a token


@pytest.mark.usefixtures("fake_provider")
@pytest.mark.parametrize(
    ("inputs", "grants"),
    [
        ({"collect_objects_schedule": "7 * * * *"}, _EXPORTER_GRANTS | _SCHEDULER_GRANTS),
        ({"mode": "worker_pool"}, _EXPORTER_GRANTS),
    ],
)
def test_each_account_has_the_grants_it_needs_and_no_others(
    terraform: CopyModule, inputs: dict[str, Any], grants: set[tuple[str, str, str]]
) -> None:
    """The exporter lists streams and writes metrics; the scheduler's account starts its jobs."""
    state = terraform(MODULE).apply(**INPUTS, **inputs)
    granted = [
        *((each, each["project"]) for each in state.of("google_project_iam_member")),
        *(
            (each, f"{each['project']}/{each['location']}/{each['name']}")
            for each in state.of("google_cloud_run_v2_job_iam_member")
        ),
    ]
    assert {
        (each["member"].removeprefix("serviceAccount:"), each["role"], on) for each, on in granted
    } == grants


@pytest.mark.usefixtures("fake_provider")
def test_jobs_and_schedules_use_their_own_account(terraform: CopyModule) -> None:
    """Jobs and worker pools run as the exporter's account, schedules as the scheduler's."""
    root = terraform(MODULE)
    state = root.apply(**INPUTS)
    (job,) = state.of("google_cloud_run_v2_job")
    (schedule,) = state.of("google_cloud_scheduler_job")
    assert job["template"][0]["template"][0]["service_account"] == _EXPORTER
    assert schedule["http_target"][0]["oauth_token"][0]["service_account_email"] == _SCHEDULER
    (pool,) = root.apply(**INPUTS, mode="worker_pool").of("google_cloud_run_v2_worker_pool")
    assert pool["template"][0]["service_account"] == _EXPORTER


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
@pytest.mark.parametrize(
    "inputs", [{"collect_objects_schedule": "7 * * * *"}, {"mode": "worker_pool"}]
)
def test_the_output_lists_the_grants_that_the_module_makes(
    terraform: CopyModule, inputs: dict[str, Any]
) -> None:
    """iam_grants equals the planned grants, and iam_grant_commands has a command for each."""
    state = terraform(MODULE).apply(**INPUTS, **inputs)
    jobs = state.of("google_cloud_run_v2_job_iam_member")
    made = {
        *(
            (x["member"], x["role"], f"projects/{x['project']}")
            for x in state.of("google_project_iam_member")
        ),
        *(
            (
                x["member"],
                x["role"],
                f"projects/{x['project']}/locations/{x['location']}/jobs/{x['name']}",
            )
            for x in jobs
        ),
    }
    listed = state.outputs["iam_grants"]
    assert {(x["member"], x["role"], x["resource"]) for x in listed} == made
    roles = {x["name"]: x["permissions"] for x in state.of("google_project_iam_custom_role")}
    assert {x["role"]: x["permissions"] for x in listed if x["permissions"]} == roles
    commands = state.outputs["iam_grant_commands"]
    assert len(commands) == len(made) + len(roles)
    for member, role, _ in made:
        assert [each for each in commands if f"--member {member} --role {role}" in each]


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
    plan = root.plan(**INPUTS, slack_channel=_SLACK, slack_token=TOKEN)
    assert TOKEN not in root.run("show", "-no-color", plan.path.name)
    root.apply(plan)
    assert root.plan(**INPUTS, slack_channel=_SLACK, slack_token=_NEW_TOKEN).empty
    new_version = {**_SLACK, "token_version": "2"}
    root.apply(**INPUTS, slack_channel=new_version, slack_token=_NEW_TOKEN)
    assert _tokens(fake_provider) == [TOKEN, _NEW_TOKEN]
    saved = root.saved_text()
    assert "#data-alerts" in saved
    assert TOKEN not in saved
    assert _NEW_TOKEN not in saved


def test_the_slack_token_from_secret_manager_is_not_stored(
    terraform: CopyModule, fake_provider: FakeProvider
) -> None:
    """A token in Secret Manager reaches the API and neither plan nor state."""
    fake_provider.project.channels = CHANNELS
    fake_provider.project.secrets = SECRETS
    root = terraform(f"{MODULE}/examples/slack-created")
    root.apply(image=IMAGE)
    assert TOKEN not in root.saved_text()
    assert _tokens(fake_provider) == [TOKEN]


def _tokens(provider: FakeProvider) -> list[str]:
    """Return the tokens that Slack channels were applied with."""
    channels = provider.applied("google_monitoring_notification_channel")
    return [each["sensitive_labels"][0]["auth_token_wo"] for each in channels]
