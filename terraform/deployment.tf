# Two deployments in one metrics project would write the same series and alert twice. This Monitoring service is only a
# marker: its id is fixed and unique in the project, so a second deployment's apply fails here, before it creates
# anything but APIs and log-based metrics, and Google's error has the id. No data source could show it at plan.

resource "google_monitoring_custom_service" "deployment" {
  project      = local.metrics_project
  service_id   = "one-datastream-exporter-per-metrics-project"
  display_name = "Datastream exporter (${var.name})"
  user_labels  = var.labels

  lifecycle {
    precondition {
      condition     = !local.config_is_too_long
      error_message = "config_yaml is longer than 32 KiB, Cloud Run's limit: use globs in match, include and exclude."
    }
    precondition {
      condition     = length(local.unknown_keys) == 0
      error_message = "config.yaml: unknown keys: ${join(", ", local.unknown_keys)}. See datastream-exporter check."
    }
    precondition {
      condition     = length(local.wrong_files) == 0
      error_message = <<-EOT
        policy_directory: ${join(", ", local.wrong_files)} must end in .yaml, have a name that no policy of the module
        has, and be in the form of alerting_policies/*.yaml, with one condition: a query without comments. This names
        each mistake: datastream-lab preview --policies FOLDER
      EOT
    }
    precondition {
      condition     = length(local.old_files) == 0
      error_message = <<-EOT
        policy_directory: ${join(", ", local.old_files)} would never alert: write METRICS_PROJECT for metrics-project,
        and EXPORTER_LOCATION for exporter-location.
      EOT
    }
  }
  depends_on = [google_logging_metric.checkpoint, google_project_service.enabled]
}
