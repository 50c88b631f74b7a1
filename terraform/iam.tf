# Two accounts without keys: the exporter's reads streams and writes metrics, the scheduler's can only
# start the jobs.

resource "google_service_account" "exporter" {
  project      = local.job_project
  account_id   = var.name
  display_name = "Datastream exporter"
  description  = "Lists Datastream streams and writes their states to Cloud Monitoring."

  depends_on = [google_project_service.enabled]
}

resource "google_service_account" "scheduler" {
  count = local.scheduled ? 1 : 0

  project      = local.job_project
  account_id   = "${var.name}-cron"
  display_name = "Datastream exporter's schedule"
  description  = "Starts the Cloud Run jobs of the Datastream exporter."

  depends_on = [google_project_service.enabled]
}

# roles/datastream.viewer would also show connection profiles with their hosts and users.
resource "google_project_iam_custom_role" "lister" {
  for_each = local.watched_projects

  project     = each.key
  role_id     = replace("${var.name}-lister", "-", "_")
  title       = "Datastream lister of ${var.name}"
  description = "Only what the Datastream exporter reads."
  permissions = concat(
    ["datastream.streams.list"],
    contains(local.discovering, each.key) ? ["datastream.locations.list"] : [],
    local.collect.objects ? ["datastream.objects.list"] : [],
    local.collect.private_connections ? ["datastream.privateConnections.list"] : [],
  )

  depends_on = [google_project_service.enabled]
}

resource "google_project_iam_member" "lister" {
  for_each = local.watched_projects

  project = each.key
  role    = google_project_iam_custom_role.lister[each.key].name
  member  = google_service_account.exporter.member
}

resource "google_project_iam_member" "metric_writer" {
  project = local.metrics_project
  role    = "roles/monitoring.metricWriter"
  member  = google_service_account.exporter.member

  depends_on = [google_project_service.enabled]
}

# On each job, not on the project.
resource "google_cloud_run_v2_job_iam_member" "scheduler" {
  for_each = google_cloud_run_v2_job.exporter

  project  = each.value.project
  location = each.value.location
  name     = each.value.name
  role     = "roles/run.invoker"
  member   = google_service_account.scheduler[0].member
}
