# Continuous mode: one instance that reads and writes again and again.

resource "google_cloud_run_v2_worker_pool" "exporter" {
  count = local.scheduled ? 0 : 1

  project  = local.job_project
  location = var.region
  name     = var.name
  labels   = var.labels

  # It holds no data: what it wrote is in Cloud Monitoring.
  deletion_protection = false

  scaling {
    scaling_mode = "MANUAL"
    # Two would write the same series.
    manual_instance_count = 1
  }

  template {
    service_account = google_service_account.exporter.email

    containers {
      image = var.image
      args  = ["watch", "--interval", var.interval]

      resources {
        limits = { cpu = "1", memory = "512Mi" }
      }

      # The whole file, so that a change of it shows in the plan.
      env {
        name  = "DATASTREAM_EXPORTER_CONFIG"
        value = local.config_text
      }
    }
  }

  # Its first run finds all that it needs.
  depends_on = [
    google_monitoring_metric_descriptor.exporter,
    google_project_iam_member.lister,
    google_project_iam_member.metric_writer,
  ]
}
