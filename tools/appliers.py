"""The roles needed to apply the Terraform module, for terraform/README.md."""

from __future__ import annotations

from typing import NamedTuple

from lab.markdown import table


class Applier(NamedTuple):
    """A role needed to apply the module.

    Attributes:
        role: A predefined role that holds the permissions, the smallest there is.
        on: On what.
        kinds: The types of resources, data sources and ephemeral ones that it is for.
        when: When it is needed; empty where it always is.
    """

    role: str
    on: str
    kinds: tuple[str, ...]
    when: str = ""


APPLIERS = (
    # https://docs.cloud.google.com/iam/docs/roles-permissions has the permissions of each role.
    Applier(
        "roles/serviceusage.serviceUsageAdmin",
        "the job's, the metrics and each watched project",
        ("google_project_service",),
        "unless `enable_apis` is off",
    ),
    Applier("roles/iam.serviceAccountAdmin", "the job's project", ("google_service_account",)),
    # https://docs.cloud.google.com/run/docs/configuring/jobs/service-identity
    # https://docs.cloud.google.com/scheduler/docs/http-target-auth
    Applier(
        "roles/iam.serviceAccountUser",
        "the job's project",
        (
            "google_cloud_run_v2_job",
            "google_cloud_run_v2_worker_pool",
            "google_cloud_scheduler_job",
        ),
    ),
    Applier("roles/iam.roleAdmin", "each watched project", ("google_project_iam_custom_role",)),
    Applier(
        "roles/resourcemanager.projectIamAdmin",
        "the metrics and each watched project",
        ("google_project_iam_member",),
    ),
    Applier(
        "roles/run.admin",
        "the job's project",
        ("google_cloud_run_v2_job", "google_cloud_run_v2_job_iam_member"),
        "in scheduled mode",
    ),
    Applier(
        "roles/run.developer",
        "the job's project",
        ("google_cloud_run_v2_worker_pool",),
        "in continuous mode, instead",
    ),
    # https://docs.cloud.google.com/artifact-registry/docs/integrate-cloud-run
    Applier(
        "roles/artifactregistry.reader",
        "the image's repository",
        ("google_cloud_run_v2_job", "google_cloud_run_v2_worker_pool"),
    ),
    Applier(
        "roles/cloudscheduler.admin",
        "the job's project",
        ("google_cloud_scheduler_job",),
        "in scheduled mode",
    ),
    Applier(
        "roles/monitoring.editor",
        "the metrics project",
        (
            "google_monitoring_alert_policy",
            "google_monitoring_dashboard",
            "google_monitoring_metric_descriptor",
            "google_monitoring_notification_channel",
        ),
    ),
    # https://docs.cloud.google.com/monitoring/api/ref_v3/rest/v1/locations.global.metricsScopes.projects/create
    Applier(
        "roles/monitoring.metricsScopesAdmin",
        "the metrics and each watched project",
        ("google_monitoring_monitored_project",),
        "with several projects, unless `manage_metrics_scope` is off",
    ),
    # A policy on a log makes a notification rule of Cloud Logging as well.
    Applier(
        "roles/logging.configWriter",
        "each project with policies on its log",
        ("google_monitoring_alert_policy",),
    ),
    Applier(
        "roles/monitoring.alertPolicyEditor, roles/monitoring.notificationChannelViewer",
        "each watched project with policies on its log",
        ("google_monitoring_alert_policy", "google_monitoring_notification_channel"),
        "but for the metrics project",
    ),
    Applier(
        "roles/secretmanager.secretAccessor",
        "the secret",
        ("google_secret_manager_secret_version",),
        "with the module in `slack_token/`",
    ),
)


def appliers() -> str:
    """Return the table of roles needed to apply the module."""
    return table(
        ("role", "on", "for", "when"),
        (
            (
                ", ".join(f"`{role}`" for role in each.role.split(", ")),
                each.on,
                ", ".join(f"`{kind}`" for kind in each.kinds),
                each.when or "always",
            )
            for each in APPLIERS
        ),
    )
