# What Google needs to build the function: an account of its own, and a place for the image.

locals {
  build_email = local.is_function ? (
    local.accounts.build_service_account.create ? google_service_account.build[0].email : local.accounts.build_service_account.email
  ) : null
  build_member = local.is_function ? "serviceAccount:${local.build_email}" : null
  build_account_id = local.is_function ? (
    local.accounts.build_service_account.create
    ? google_service_account.build[0].id
    : "projects/${try(regex("@(.+)[.]iam[.]gserviceaccount[.]com$", local.accounts.build_service_account.email)[0], local.job_project)}/serviceAccounts/${local.accounts.build_service_account.email}"
  ) : null

  # The repository's full name, known at plan.
  build_repository = local.is_function ? coalesce(var.build_repository, "projects/${local.job_project}/locations/${var.region}/repositories/${var.name}") : null

  # The build reads Google's own copy of the source, not this module's bucket.
  build_sources = {
    title      = "Sources of functions"
    expression = "resource.name.startsWith(\"projects/_/buckets/gcf-v2-sources-\")"
  }
}

resource "google_service_account" "build" {
  count = local.is_function && local.accounts.build_service_account.create ? 1 : 0

  project      = local.job_project
  account_id   = "${var.name}-build"
  display_name = "Datastream exporter's build"
  description  = "Builds the Cloud Run function of the Datastream exporter."

  depends_on = [google_monitoring_custom_service.deployment]
}

resource "google_artifact_registry_repository" "build" {
  count = local.is_function && var.build_repository == null ? 1 : 0

  project       = local.job_project
  location      = var.region
  repository_id = var.name
  description   = "Images of the Datastream exporter's function, which Google builds."
  format        = "DOCKER"
  kms_key_name  = var.encryption_key
  labels        = var.labels

  depends_on = [google_monitoring_custom_service.deployment]
}

resource "google_project_iam_member" "build_source" {
  count = local.is_function && var.manage_iam ? 1 : 0

  project = local.job_project
  role    = "roles/storage.objectViewer"
  member  = local.build_member

  condition {
    title      = local.build_sources.title
    expression = local.build_sources.expression
  }
}

resource "google_project_iam_member" "build_log" {
  count = local.is_function && var.manage_iam ? 1 : 0

  project = local.job_project
  role    = "roles/logging.logWriter"
  member  = local.build_member

  depends_on = [google_monitoring_custom_service.deployment]
}

resource "google_artifact_registry_repository_iam_member" "build" {
  count = local.is_function && var.manage_iam ? 1 : 0

  project    = split("/", local.build_repository)[1]
  location   = split("/", local.build_repository)[3]
  repository = split("/", local.build_repository)[5]
  role       = "roles/artifactregistry.writer"
  member     = local.build_member

  depends_on = [google_artifact_registry_repository.build]
}

# New grants and newly enabled APIs take about two minutes to work, and nothing tries a failed build
# again.
resource "time_sleep" "before_build" {
  count = local.is_function ? 1 : 0

  create_duration = "120s"

  # A new account waits again.
  triggers = { account = local.build_account_id }

  depends_on = [
    google_artifact_registry_repository_iam_member.build,
    google_project_iam_member.build_log,
    google_project_iam_member.build_source,
    google_project_service.enabled,
  ]
}
