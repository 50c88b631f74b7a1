# Accounts without keys: the exporter's reads streams and writes metrics, the scheduler's can only start
# the job or call the function. Both can exist already, and somebody else can make the grants: see
# manage_iam. function_build.tf has the account that builds the function, log_triggers.tf the one that
# Pub/Sub calls it with.

locals {
  creates_accounts = anytrue([
    local.accounts.service_account.create,
    local.scheduled && local.accounts.scheduler_service_account.create,
    local.is_function && local.accounts.build_service_account.create,
    local.is_triggered && local.accounts.push_service_account.create,
  ])

  exporter_email   = local.accounts.service_account.create ? google_service_account.exporter[0].email : local.accounts.service_account.email
  exporter_member  = "serviceAccount:${local.exporter_email}"
  scheduler_email  = local.accounts.scheduler_service_account.create ? one(google_service_account.scheduler[*].email) : local.accounts.scheduler_service_account.email
  scheduler_member = local.scheduled ? "serviceAccount:${local.scheduler_email}" : null

  # roles/datastream.viewer would also show connection profiles with their hosts and users.
  lister_role = {
    id    = replace("${var.name}-lister", "-", "_")
    title = "Datastream lister of ${var.name}"
    permissions = {
      for project in local.watched_projects : project => concat(
        ["datastream.streams.list"],
        contains(local.discovering, project) ? ["datastream.locations.list"] : [],
        local.collect.objects ? ["datastream.objects.list"] : [],
        local.collect.private_connections ? ["datastream.privateConnections.list"] : [],
      )
    }
  }
}

resource "google_service_account" "exporter" {
  count = local.accounts.service_account.create ? 1 : 0

  project      = local.job_project
  account_id   = var.name
  display_name = "Datastream exporter"
  description  = "Lists Datastream streams and writes their states to Cloud Monitoring."

  depends_on = [google_monitoring_custom_service.deployment]
}

resource "google_service_account" "scheduler" {
  count = local.scheduled && local.accounts.scheduler_service_account.create ? 1 : 0

  project      = local.job_project
  account_id   = "${var.name}-cron"
  display_name = "Datastream exporter's schedule"
  description  = "Starts the runs of the Datastream exporter."

  depends_on = [google_monitoring_custom_service.deployment]
}

resource "google_project_iam_custom_role" "lister" {
  for_each = var.manage_iam ? local.watched_projects : toset([])

  project     = each.key
  role_id     = local.lister_role.id
  title       = local.lister_role.title
  description = "Only what the Datastream exporter reads."
  permissions = local.lister_role.permissions[each.key]

  depends_on = [google_monitoring_custom_service.deployment]
}

resource "google_project_iam_member" "lister" {
  for_each = google_project_iam_custom_role.lister

  project = each.key
  role    = each.value.name
  member  = local.exporter_member
}

resource "google_project_iam_member" "metric_writer" {
  count = var.manage_iam ? 1 : 0

  project = local.metrics_project
  role    = "roles/monitoring.metricWriter"
  member  = local.exporter_member

  depends_on = [google_monitoring_custom_service.deployment]
}

# On the job, not on the project.
resource "google_cloud_run_v2_job_iam_member" "scheduler" {
  for_each = var.manage_iam ? google_cloud_run_v2_job.exporter : {}

  project  = each.value.project
  location = each.value.location
  name     = each.value.name
  role     = "roles/run.invoker"
  member   = local.scheduler_member
}

# On the function's service in Cloud Run: a role on the function doesn't allow calls.
resource "google_cloud_run_v2_service_iam_member" "scheduler" {
  count = local.is_function && var.manage_iam ? 1 : 0

  project  = local.job_project
  location = var.region
  name     = google_cloudfunctions2_function.exporter[0].name
  role     = "roles/run.invoker"
  member   = local.scheduler_member
}
