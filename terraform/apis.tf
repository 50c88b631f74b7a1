locals {
  # Every API that the module needs, as PROJECT/API.
  apis = toset(flatten([
    length(local.created_accounts) > 0 ? ["${local.job_project}/iam.googleapis.com"] : [],
    "${local.job_project}/run.googleapis.com",
    "${local.job_project}/cloudscheduler.googleapis.com",
    # What a function is stored in, built by, logged to and kept in.
    [for api in ["artifactregistry", "cloudbuild", "cloudfunctions", "logging", "storage"] :
    "${local.job_project}/${api}.googleapis.com" if local.is_function],
    local.is_triggered ? ["${local.job_project}/pubsub.googleapis.com"] : [],
    [for project in local.triggering_projects : "${project}/logging.googleapis.com"],
    "${local.metrics_project}/monitoring.googleapis.com",
    [for project in local.watched_projects : "${project}/datastream.googleapis.com"],
    # For the custom role.
    [for project in keys(local.lister_permissions) : "${project}/iam.googleapis.com" if var.manage_iam],
    # A policy on a log must be in the project that has the log.
    [for project in keys(local.log_channels) : "${project}/monitoring.googleapis.com"],
  ]))
}

resource "google_project_service" "enabled" {
  for_each = var.enable_apis ? local.apis : toset([])

  project = split("/", each.key)[0]
  service = split("/", each.key)[1]
  # Others may use the API: destroying this module must not disable it.
  disable_on_destroy = false
}
