"""Who may do what once the module is applied, and where the Slack token does not go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.terraform.core import REPOSITORY
from tests.terraform.modules import CHANNELS, CONFIG, EXAMPLES, GIVEN, IMAGE, MODULE, SECRETS, TOKEN

if TYPE_CHECKING:
    from tests.terraform.answers import State
    from tests.terraform.conftest import Terraform
    from tests.terraform.standin import StandIn

_EXPORTER = "serviceAccount:datastream-exporter@orders-prod.iam.gserviceaccount.com"
_CRON = "serviceAccount:datastream-exporter-cron@orders-prod.iam.gserviceaccount.com"
_SLACK = {"channel_name": "#data-alerts"}


def _grants(state: State) -> set[tuple[str, str, str]]:
    """Return who has which role on what."""
    projects = state.of("google_project_iam_member").values()
    jobs = state.of("google_cloud_run_v2_job_iam_member").values()
    return {(each["member"], each["role"], each["project"]) for each in projects} | {
        (each["member"], each["role"], f"{each['project']}/{each['location']}/{each['name']}")
        for each in jobs
    }


def _permissions(state: State) -> dict[str, set[str]]:
    roles = state.of("google_project_iam_custom_role").values()
    return {each["project"]: set(each["permissions"]) for each in roles}


@pytest.mark.usefixtures("standin")
def test_the_accounts_may_do_what_they_have_to(terraform: Terraform) -> None:
    """The exporter lists streams and writes metrics; its schedule starts its jobs; that is all."""
    state = terraform(MODULE).apply(**GIVEN, collect_objects_schedule="7 * * * *")
    role = "roles/datastream_exporter_lister"
    assert _grants(state) == {
        (_EXPORTER, f"projects/orders-prod/{role}", "orders-prod"),
        (_EXPORTER, f"projects/billing-prod/{role}", "billing-prod"),
        (_EXPORTER, "roles/monitoring.metricWriter", "orders-prod"),
        (_CRON, "roles/run.invoker", "orders-prod/europe-west1/datastream-exporter"),
        (_CRON, "roles/run.invoker", "orders-prod/europe-west1/datastream-exporter-objects"),
    }


@pytest.mark.usefixtures("standin")
def test_each_runs_as_its_own_account(terraform: Terraform) -> None:
    """No job and no schedule uses a default account, or that of the other."""
    state = terraform(MODULE).apply(**GIVEN)
    (job,) = state.of("google_cloud_run_v2_job").values()
    (schedule,) = state.of("google_cloud_scheduler_job").values()
    (token,) = schedule["http_target"][0]["oauth_token"]
    account = job["template"][0]["template"][0]["service_account"]
    assert f"serviceAccount:{account}" == _EXPORTER
    assert f"serviceAccount:{token['service_account_email']}" == _CRON


@pytest.mark.usefixtures("standin")
def test_in_continuous_mode_there_is_one_account(terraform: Terraform) -> None:
    """Nothing starts a worker pool, so nobody may."""
    state = terraform(MODULE).apply(**GIVEN, mode="continuous")
    assert {member for member, _, _ in _grants(state)} == {_EXPORTER}
    (pool,) = state.of("google_cloud_run_v2_worker_pool").values()
    assert f"serviceAccount:{pool['template'][0]['service_account']}" == _EXPORTER


@pytest.mark.usefixtures("standin")
@pytest.mark.parametrize(
    ("given", "added"),
    [
        ({}, set()),
        ({"collect_objects_schedule": "7 * * * *"}, {"datastream.objects.list"}),
        ({"config": CONFIG + "collect: {objects: true}\n"}, {"datastream.objects.list"}),
        (
            {"config": CONFIG + "collect: {private_connections: true}\n"},
            {"datastream.privateConnections.list"},
        ),
    ],
)
def test_the_role_holds_what_is_collected(
    terraform: Terraform, given: dict[str, Any], added: set[str]
) -> None:
    """In each project: streams, locations where they are discovered, and what config collects."""
    assert _permissions(terraform(MODULE).apply(**{**GIVEN, **given})) == {
        "orders-prod": {"datastream.streams.list", "datastream.locations.list", *added},
        "billing-prod": {"datastream.streams.list", *added},
    }


def test_nothing_is_public_and_no_key_is_made() -> None:
    """No file of the module grants anybody at all, a primitive role, or makes a key."""
    for path in (REPOSITORY / MODULE).rglob("*.tf"):
        text = path.read_text("utf-8")
        for never in (
            "allUsers",
            "allAuthenticatedUsers",
            "service_account_key",
            "/owner",
            "/editor",
        ):
            assert never not in text, path


def test_the_slack_token_is_delivered_and_kept_nowhere(
    terraform: Terraform, standin: StandIn
) -> None:
    """The token that a variable gives reaches the API, and neither plan nor state."""
    root = terraform(MODULE)
    plan = root.plan(**GIVEN, slack_channel=_SLACK, slack_token=TOKEN)
    root.apply(plan)
    assert TOKEN not in plan.text
    assert TOKEN not in root.written()
    assert _delivered(standin) == [TOKEN]


def test_the_slack_token_comes_from_secret_manager(terraform: Terraform, standin: StandIn) -> None:
    """The token that lies in a secret takes the same way."""
    standin.world.channels = CHANNELS
    standin.world.secrets = SECRETS
    root = terraform(next(each for each in EXAMPLES if each.endswith("slack-created")))
    root.apply(image=IMAGE)
    assert TOKEN not in root.written()
    assert _delivered(standin) == [TOKEN]


def test_a_new_slack_token_is_sent_with_a_new_version(
    terraform: Terraform, standin: StandIn
) -> None:
    """A token is sent again when its version is counted up, and then only."""
    root = terraform(MODULE)
    root.apply(**GIVEN, slack_channel=_SLACK, slack_token=TOKEN)
    assert root.plan(**GIVEN, slack_channel=_SLACK, slack_token="xoxb-2").empty  # noqa: S106 - none
    counted = {**_SLACK, "token_version": "2"}
    root.apply(**GIVEN, slack_channel=counted, slack_token="xoxb-2")  # noqa: S106 - none
    assert _delivered(standin) == [TOKEN, "xoxb-2"]


def _delivered(standin: StandIn) -> list[str]:
    """Return the tokens that were applied to Slack channels."""
    asked = standin.asked("ApplyResourceChange", "google_monitoring_notification_channel")
    return [each.config["sensitive_labels"][0]["auth_token_wo"] for each in asked if each.config]
