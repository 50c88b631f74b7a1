# Policies on Datastream's own metrics see only the projects in the metrics project's scope.

resource "google_monitoring_monitored_project" "watched" {
  for_each = var.manage_metrics_scope ? setsubtract(local.watched_projects, [local.metrics_project]) : toset([])

  metrics_scope = local.metrics_project
  name          = each.key

  depends_on = [google_monitoring_custom_service.deployment]
}
