# Mode `worker_pool`: one instance that runs every `watch_interval`.

resource "google_cloud_run_v2_worker_pool" "exporter" {
  count = var.mode == "worker_pool" && !var.paused ? 1 : 0

  project  = local.job_project
  location = var.region
  name     = var.name
  labels   = var.labels
  # It holds no data.
  deletion_protection = false

  dynamic "binary_authorization" {
    for_each = var.binary_authorization[*]
    content {
      policy      = var.binary_authorization == "default" ? null : var.binary_authorization
      use_default = var.binary_authorization == "default" ? true : null
    }
  }

  # Two would write the same series.
  scaling { manual_instance_count = 1 }
  template {
    encryption_key  = var.encryption_key
    labels          = var.labels
    service_account = local.emails.exporter
    containers {
      image = var.image
      args  = ["watch", "--interval", var.watch_interval]
      resources { limits = { cpu = var.cpu, memory = var.memory } }
      dynamic "env" {
        for_each = local.environment
        content {
          name  = env.key
          value = env.value
        }
      }
    }
    dynamic "vpc_access" {
      for_each = local.vpc_access[*]
      content {
        egress = vpc_access.value.egress
        network_interfaces {
          network    = vpc_access.value.network
          subnetwork = vpc_access.value.subnetwork
          tags       = vpc_access.value.tags
        }
      }
    }
  }
  # Everything that the first run needs.
  depends_on = [google_monitoring_metric_descriptor.exporter, google_project_iam_member.grant, terraform_data.account]
}
