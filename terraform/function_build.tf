# What Google needs to build the function: a place for the image, and grants that work.

locals {
  # The account's project, which a build needs too: that of orders.example.com is example.com:orders.
  build_home = try(regex("@([^.]+)[.]?(.*)[.]iam[.]gserviceaccount[.]com$", local.emails.build), [local.job_project])
  # Full names, known at plan.
  build_account_id = "projects/${join(":", compact(reverse(local.build_home)))}/serviceAccounts/${local.emails.build}"
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
  # Each upgrade builds an image, and a cache for the next build. A month's stay, and the newest of each.
  cleanup_policies {
    id     = "old"
    action = "DELETE"
    condition { older_than = "2592000s" }
  }
  cleanup_policies {
    id     = "newest"
    action = "KEEP"
    most_recent_versions { keep_count = 5 }
  }
  depends_on = [google_monitoring_custom_service.deployment]
}

# New grants and newly enabled APIs take about two minutes to work, and nothing tries a failed build again.
resource "time_sleep" "before_build" {
  count = local.is_function ? 1 : 0

  create_duration = "120s"
  # A new account waits again, and so does a new repository, which has new grants.
  triggers = { account = local.build_account_id, repository = google_artifact_registry_repository.build[0].create_time }
  lifecycle { replace_triggered_by = [terraform_data.account["build"]] }
  depends_on = [
    google_artifact_registry_repository_iam_member.grant, google_project_iam_member.build,
    google_project_service.enabled,
  ]
}
