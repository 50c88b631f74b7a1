"""The module, planned and applied: jobs, descriptors, dashboard, and what stays as it is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from exporter import catalogue
from tests.terraform import dashboards
from tests.terraform.core import REPOSITORY, misformatted
from tests.terraform.modules import CHANNELS, CONFIG, EXAMPLES, GIVEN, IMAGE, MODULE, SECRETS

if TYPE_CHECKING:
    from tests.terraform.conftest import Planned, Terraform
    from tests.terraform.standin import StandIn

_SLOW = {"collect_objects_schedule": "7 * * * *"}
_CONTINUOUS = {"mode": "continuous", "interval": "30s"}


def test_every_file_is_formatted() -> None:
    """`terraform fmt` would change nothing."""
    assert not misformatted(REPOSITORY / MODULE)


def test_its_own_tests_pass(terraform: Terraform) -> None:
    """`terraform test` passes, as it does for whoever runs it."""
    assert not terraform(MODULE).test().failures


def test_it_is_valid_without_a_warning(terraform: Terraform) -> None:
    """`terraform validate` finds neither errors nor deprecated arguments."""
    assert not terraform(MODULE).validate()


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_is_made_once_and_stays(
    terraform: Terraform, standin: StandIn, example: str
) -> None:
    """An example is valid, applies, leaves nothing to do for a second plan, and is destroyed."""
    standin.world.channels = CHANNELS
    standin.world.secrets = SECRETS
    root = terraform(example)
    assert not root.validate()
    first = root.plan(image=IMAGE)
    assert {change.actions for change in first.changes.values()} == {("create",)}
    root.apply(first)
    assert root.plan(image=IMAGE).empty
    assert not root.destroy(image=IMAGE).resources


@pytest.mark.parametrize("changed", [{}, _CONTINUOUS])
def test_it_applies_to_a_project_where_every_api_is_off(
    terraform: Terraform, standin: StandIn, changed: dict[str, Any]
) -> None:
    """One apply is enough on a fresh project: each thing waits for the API that it needs."""
    root = terraform(MODULE)
    plan = root.plan(**GIVEN, **changed)
    standin.world.disabled = {
        f"{each['project']}/{each['service']}"
        for each in plan.of("google_project_service").values()
    }
    assert len(root.apply(plan).of("google_monitoring_alert_policy")) >= 19


def test_the_minutes_job(planned: Planned) -> None:
    """It runs every minute, is ended before the next one, is not tried again, and holds config."""
    plan = planned(MODULE, **GIVEN)
    (job,) = plan.of("google_cloud_run_v2_job").values()
    (template,) = job["template"]
    (task,) = template["template"]
    (container,) = task["containers"]
    assert template["task_count"] == 1
    assert (task["timeout"], task["max_retries"]) == ("55s", 0)
    assert (container["image"], container["args"]) == (IMAGE, ["run"])
    assert [(each["name"], each["value"]) for each in container["env"]] == [
        ("DATASTREAM_EXPORTER_CONFIG", CONFIG)
    ]
    (schedule,) = plan.of("google_cloud_scheduler_job").values()
    assert schedule["schedule"] == "* * * * *"
    (target,) = schedule["http_target"]
    assert target["http_method"] == "POST"
    assert target["uri"] == (
        "https://run.googleapis.com/v2/projects/orders-prod/locations/europe-west1/jobs/"
        "datastream-exporter:run"
    )
    assert [each["scope"] for each in target["oauth_token"]] == [
        "https://www.googleapis.com/auth/cloud-platform"
    ]


def test_the_objects_job(planned: Planned) -> None:
    """A second job collects objects alone, on its own schedule, with a deadline of its own."""
    plan = planned(MODULE, **GIVEN, **_SLOW)
    jobs = {each["name"]: each for each in plan.of("google_cloud_run_v2_job").values()}
    task = jobs["datastream-exporter-objects"]["template"][0]["template"][0]
    (container,) = task["containers"]
    assert container["args"] == ["run", "--collect", "objects"]
    assert {each["name"]: each["value"] for each in container["env"]} == {
        "DATASTREAM_EXPORTER_CONFIG": CONFIG,
        "DATASTREAM_EXPORTER_RUN__DEADLINE": "14m",
    }
    assert (task["timeout"], task["max_retries"]) == ("900s", 0)
    schedules = {
        each["name"]: each["schedule"] for each in plan.of("google_cloud_scheduler_job").values()
    }
    assert schedules == {
        "datastream-exporter": "* * * * *",
        "datastream-exporter-objects": "7 * * * *",
    }


def test_the_worker_pool(planned: Planned) -> None:
    """Continuous mode is one instance that watches, and nothing that starts it."""
    plan = planned(MODULE, **GIVEN, **_CONTINUOUS)
    (pool,) = plan.of("google_cloud_run_v2_worker_pool").values()
    assert [(each["scaling_mode"], each["manual_instance_count"]) for each in pool["scaling"]] == [
        ("MANUAL", 1)
    ]
    (container,) = pool["template"][0]["containers"]
    assert container["args"] == ["watch", "--interval", "30s"]
    assert [each["value"] for each in container["env"]] == [CONFIG]
    assert not plan.of("google_cloud_run_v2_job")
    assert not plan.of("google_cloud_scheduler_job")


def test_every_metric_has_its_descriptor(planned: Planned) -> None:
    """Kind, type, unit, texts and labels of each are those of exporter/metrics.yaml."""
    made = {
        each["type"]: (
            each["metric_kind"],
            each["value_type"],
            each["unit"],
            each["display_name"],
            each["description"],
            {label["key"] for label in each["labels"]},
        )
        for each in planned(MODULE, **GIVEN).of("google_monitoring_metric_descriptor").values()
    }
    assert made == {
        metric.type: (
            "GAUGE",
            metric.value_type,
            metric.unit,
            metric.display_name,
            metric.description,
            set(metric.labels),
        )
        for metric in catalogue.metrics().values()
    }


def test_the_dashboard_is_the_file_with_its_projects(planned: Planned) -> None:
    """The dashboard is dashboard.json, with the name and the projects of this deployment."""
    plan = planned(MODULE, **GIVEN, name="streams-prod")
    (dashboard,) = plan.of("google_monitoring_dashboard").values()
    assert json.loads(dashboard["dashboard_json"]) == dashboards.rendered(
        "streams-prod", ("billing-prod", "orders-prod"), "orders-prod"
    )


def test_apis_are_enabled_where_they_are_needed(planned: Planned) -> None:
    """Each project gets the APIs that it needs; a destroy takes none away."""
    made = planned(MODULE, **GIVEN).of("google_project_service").values()
    assert {
        (each["project"], each["service"].removesuffix(".googleapis.com")) for each in made
    } == {
        ("orders-prod", "cloudscheduler"),
        ("orders-prod", "datastream"),
        ("orders-prod", "iam"),
        ("orders-prod", "monitoring"),
        ("orders-prod", "run"),
        ("billing-prod", "datastream"),
        ("billing-prod", "iam"),
    }
    assert not any(each["disable_on_destroy"] for each in made)


def test_what_others_manage_is_left_to_them(planned: Planned) -> None:
    """APIs and the metrics scope can be left alone."""
    plan = planned(MODULE, **GIVEN, enable_apis=False, manage_metrics_scope=False)
    assert not plan.of("google_project_service")
    assert not plan.of("google_monitoring_monitored_project")


def test_watched_projects_are_in_the_metrics_scope(planned: Planned) -> None:
    """Policies see the native metrics of each watched project; their own they see anyway."""
    made = planned(MODULE, **GIVEN).of("google_monitoring_monitored_project").values()
    assert [(each["metrics_scope"], each["name"]) for each in made] == [
        ("orders-prod", "billing-prod")
    ]


@pytest.mark.parametrize(
    ("changed", "addresses"),
    [
        (
            {"config": CONFIG + "run: {deadline: 40s}\n"},
            {'google_cloud_run_v2_job.exporter["streams"]'},
        ),
        (
            {"policies": {"stream-lagging": {"threshold": 1800}}},
            {'google_monitoring_alert_policy.policy["stream-lagging"]'},
        ),
        (
            {"policies": {"stream-changed": {"enabled": False}}},
            {'google_monitoring_alert_policy.policy["orders-prod/stream-changed"]'},
        ),
        (
            {"policies": {"streams-unexpected-together": {"threshold": 8}}},
            {
                'google_monitoring_alert_policy.policy["stream-unexpected-state"]',
                'google_monitoring_alert_policy.policy["streams-unexpected-together"]',
            },
        ),
        ({"image": IMAGE.replace("0123", "3210")}, {'google_cloud_run_v2_job.exporter["streams"]'}),
    ],
)
def test_a_change_is_one_change(
    terraform: Terraform, standin: StandIn, changed: dict[str, Any], addresses: set[str]
) -> None:
    """A plan after a changed input shows what that input is about, and nothing else."""
    standin.world.channels = []
    root = terraform(MODULE)
    root.apply(**GIVEN)
    changes = root.plan(**{**GIVEN, **changed}).changes
    assert set(changes) == addresses
    assert {change.actions for change in changes.values()} == {("update",)}


def test_a_new_project_changes_no_policy(terraform: Terraform, standin: StandIn) -> None:
    """One more watched project adds what is its own, though channels are looked up."""
    standin.world.channels = CHANNELS
    given = {**GIVEN, "notification_channels": {"CRITICAL": ["Data platform on-call"]}}
    root = terraform(MODULE)
    root.apply(**given)
    changes = root.plan(**{**given, "config": CONFIG + "  - project: stock-prod\n"}).changes
    assert {
        address.split(".")[0]
        for address, change in changes.items()
        if change.actions == ("create",)
    } == {
        "google_monitoring_monitored_project",
        "google_project_iam_custom_role",
        "google_project_iam_member",
        "google_project_service",
    }
    assert {address for address, change in changes.items() if change.actions == ("update",)} == {
        'google_cloud_run_v2_job.exporter["streams"]',
        "google_monitoring_dashboard.fleet",
    }


def test_the_outputs_lead_on(terraform: Terraform, standin: StandIn) -> None:
    """After an apply: the job, how to run it now, and links to dashboard and policies."""
    standin.world.channels = []
    outputs = terraform(MODULE).apply(**GIVEN).outputs
    assert outputs["job"] == (
        "projects/orders-prod/locations/europe-west1/jobs/datastream-exporter"
    )
    assert outputs["run_now"] == (
        "gcloud run jobs execute datastream-exporter --project orders-prod --region europe-west1 "
        "--wait"
    )
    assert outputs["service_account"] == "datastream-exporter@orders-prod.iam.gserviceaccount.com"
    console = "https://console.cloud.google.com/monitoring"
    assert outputs["dashboard"].startswith(f"{console}/dashboards/builder/")
    assert outputs["dashboard"].endswith("?project=orders-prod")
    assert outputs["policies"]["stream-failed"].startswith(f"{console}/alerting/policies/")
    assert outputs["log_policies"] == {
        "billing-prod": "none: log_notification_channels names no channel of billing-prod, and "
        "policies on a log live beside it",
        "orders-prod": "made",
    }
