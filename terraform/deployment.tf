# Two deployments in one metrics project would write the same series and alert twice. This Monitoring service is only a
# marker: its id is fixed and unique in the project, so a second deployment's apply fails here, before it creates
# anything but APIs. No data source could show it at plan.

resource "google_monitoring_custom_service" "deployment" {
  project      = local.metrics_project
  service_id   = "datastream-exporter"
  display_name = "Datastream exporter (${var.name})"
  user_labels  = var.labels
  depends_on   = [google_project_service.enabled, module.rules]
}
