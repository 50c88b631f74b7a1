# Continuous mode: one instance that runs every `interval`.

resource "google_cloud_run_v2_worker_pool" "exporter" {
  count = local.scheduled ? 0 : 1

  project  = local.job_project
  location = var.region
  name     = var.name
  labels   = var.labels

  # The worker pool holds no data: everything it wrote is in Cloud Monitoring.
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
      args  = ["watch", "--interval", var.watch_interval]

      resources {
        limits = { cpu = "1", memory = "512Mi" }
      }

      # The whole file, so that plan shows when it changes.
      env {
        name  = "DATASTREAM_EXPORTER_CONFIG"
        value = local.config_text
      }
    }
  }

  # Everything that the first run needs.
  depends_on = [
    google_monitoring_metric_descriptor.exporter,
    google_project_iam_member.lister,
    google_project_iam_member.metric_writer,
  ]
}
