# What Google needs to build the function: a place for the image, and grants that work.

locals {
  build_account_id = local.is_function ? (
    contains(keys(var.service_accounts), "build")
    ? "projects/${try(regex("@(.+)[.]iam[.]gserviceaccount[.]com$", local.emails.build)[0], local.job_project)}/serviceAccounts/${local.emails.build}"
    : google_service_account.account["build"].id
  ) : null

  # Its full name, known at plan.
  build_repository = "projects/${local.job_project}/locations/${var.region}/repositories/${var.name}"
}

resource "google_artifact_registry_repository" "build" {
  count = local.is_function ? 1 : 0

  project       = local.job_project
  location      = var.region
  repository_id = var.name
  description   = "Images of the Datastream exporter's function, which Google builds."
  format        = "DOCKER"
  kms_key_name  = var.encryption_key
  labels        = var.labels

  depends_on = [google_monitoring_custom_service.deployment]
}

# New grants and newly enabled APIs take about two minutes to work, and nothing tries a failed build
# again.
resource "time_sleep" "before_build" {
  count = local.is_function ? 1 : 0

  create_duration = "120s"

  # A new account waits again, and so does a new repository, which has new grants.
  triggers = {
    account    = local.build_account_id
    repository = google_artifact_registry_repository.build[0].create_time
  }

  depends_on = [
    google_artifact_registry_repository_iam_member.grant,
    google_project_iam_member.grant,
    google_project_service.enabled,
  ]
}
