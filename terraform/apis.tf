locals {
  # Every API that the module needs, as PROJECT/API.
  apis = toset(concat(
    [
      for api in concat(
        ["cloudscheduler", "run"],
        length(local.created_accounts) > 0 ? ["iam"] : [],
        # For the function's source, its build, its image and its log
        local.is_function ? ["artifactregistry", "cloudbuild", "cloudfunctions", "logging", "storage"] : [],
      ) : "${local.job_project}/${api}.googleapis.com"
    ],
    ["${local.metrics_project}/monitoring.googleapis.com"],
    [for project in local.watched_projects : "${project}/datastream.googleapis.com"],
    [for project in local.checkpoint_projects : "${project}/logging.googleapis.com"],
    # For the custom role.
    [for project in keys(local.lister_permissions) : "${project}/iam.googleapis.com" if var.manage_iam],
  ))
}

resource "google_project_service" "enabled" {
  for_each = var.enable_apis ? local.apis : toset([])
  project  = split("/", each.key)[0]
  service  = split("/", each.key)[1]
  # Others may use the API: destroying this module must not disable it.
  disable_on_destroy = false
}
