# Two deployments in one metrics project would write the same series and alert twice. This Monitoring service is only a
# marker: its id is fixed, so a second apply fails here, before it creates anything but APIs and log-based metrics.

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
      error_message = "policy_directory:\n${join("\n", local.wrong_files)}"
    }
  }
  depends_on = [google_logging_metric.checkpoint, google_project_service.enabled]
}
