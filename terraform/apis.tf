locals {
  # PROJECT/API of every API that is needed there.
  apis = toset(flatten([
    "${local.job_project}/iam.googleapis.com",
    "${local.job_project}/run.googleapis.com",
    local.scheduled ? ["${local.job_project}/cloudscheduler.googleapis.com"] : [],
    "${local.metrics_project}/monitoring.googleapis.com",
    [for project in local.watched_projects : [
      "${project}/datastream.googleapis.com",
      # Each holds a custom role.
      "${project}/iam.googleapis.com",
    ]],
    # Policies on a log live beside the log.
    [for project in keys(local.log_channels) : "${project}/monitoring.googleapis.com"],
  ]))
}

resource "google_project_service" "enabled" {
  for_each = var.enable_apis ? local.apis : toset([])

  project = split("/", each.key)[0]
  service = split("/", each.key)[1]

  # Others may use the API by then: a destroy takes it from nobody.
  disable_on_destroy = false
}
