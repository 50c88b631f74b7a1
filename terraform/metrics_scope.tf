# Policies and dashboard see Google's own metrics only of projects in the metrics project's scope: those of Datastream
# are in the watched projects, those of Cloud Run in the project that the exporter runs in.

locals {
  scoped_projects = setsubtract(setunion(local.watched_projects, [local.job_project]), [local.metrics_project])
}

resource "google_monitoring_monitored_project" "scoped" {
  for_each      = var.manage_metrics_scope ? local.scoped_projects : toset([])
  metrics_scope = local.metrics_project
  name          = each.key
  depends_on    = [google_monitoring_custom_service.deployment]
}
