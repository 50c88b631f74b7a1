# A policy that names Datastream's own metrics sees them only of projects in the metrics scope of
# the project that it lives in.

resource "google_monitoring_monitored_project" "watched" {
  for_each = var.manage_metrics_scope ? setsubtract(local.watched_projects, [local.metrics_project]) : toset([])

  metrics_scope = local.metrics_project
  name          = each.key

  depends_on = [google_project_service.enabled]
}
