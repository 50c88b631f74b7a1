# Mode `job`: a Cloud Run job that Cloud Scheduler starts.

resource "google_cloud_run_v2_job" "exporter" {
  count    = local.is_function ? 0 : 1
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

  template {
    labels = var.labels
    # Each task would write the same series.
    task_count = 1
    template {
      encryption_key  = var.encryption_key
      service_account = local.emails.exporter
      # Less than a minute, so that a hanging run ends before the next one starts.
      timeout = "55s"
      # The next run replaces a failed one. Within 5 seconds, Cloud Monitoring rejects a second point of a series.
      max_retries = 0
      containers {
        image = var.image
        args  = ["run"]
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
        for_each = var.vpc_access[*]
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
  }
  # Everything that the first run needs.
  depends_on = [google_monitoring_metric_descriptor.exporter, google_project_iam_member.grant, terraform_data.account]
}
