# Scheduled mode: a job for the streams, every minute, and one for their objects where a schedule for
# these is given.

locals {
  jobs = local.scheduled ? merge(
    {
      streams = {
        name     = var.name
        schedule = "* * * * *"
        args     = ["run"]
        # Below the minute, so that a run that hangs does not meet the next one.
        timeout = "55s"
        env     = {}
      }
    },
    var.collect_objects_schedule == null ? {} : {
      objects = {
        name     = "${var.name}-objects"
        schedule = var.collect_objects_schedule
        args     = ["run", "--collect", "objects"]
        timeout  = "900s"
        # A call or more a stream takes longer than the minute's run may.
        env = { DATASTREAM_EXPORTER_RUN__DEADLINE = "14m" }
      }
    },
  ) : {}
}

resource "google_cloud_run_v2_job" "exporter" {
  for_each = local.jobs

  project  = local.job_project
  location = var.region
  name     = each.value.name
  labels   = var.labels

  # It holds no data: what it wrote is in Cloud Monitoring.
  deletion_protection = false

  template {
    task_count = var.tasks

    template {
      service_account = google_service_account.exporter.email
      timeout         = each.value.timeout
      # The next minute's run does that. A retry would come within the 5 seconds in which Cloud
      # Monitoring takes no second point of a series.
      max_retries = 0

      containers {
        image = var.image
        args  = each.value.args

        resources {
          # The least that a job can have.
          limits = { cpu = "1", memory = "512Mi" }
        }

        # The whole file, so that a change of it shows in the plan.
        env {
          name  = "DATASTREAM_EXPORTER_CONFIG"
          value = local.config_text
        }

        dynamic "env" {
          for_each = each.value.env

          content {
            name  = env.key
            value = env.value
          }
        }
      }
    }
  }

  lifecycle {
    precondition {
      condition     = each.key != "streams" || local.deadline_seconds <= 54
      error_message = "config.yaml: run.deadline is ${local.deadline}, and a run every minute is ended after 55s. Take 54s or less (50s is the default), or mode = \"continuous\"."
    }
  }

  # Its first run finds all that it needs.
  depends_on = [
    google_monitoring_metric_descriptor.exporter,
    google_project_iam_member.lister,
    google_project_iam_member.metric_writer,
  ]
}

resource "google_cloud_scheduler_job" "exporter" {
  for_each = local.jobs

  project     = local.job_project
  region      = coalesce(var.scheduler_region, var.region)
  name        = each.value.name
  description = "Starts the Cloud Run job ${each.value.name}."
  schedule    = each.value.schedule
  time_zone   = "Etc/UTC"

  # The answer comes when the execution is accepted, within a second as a rule; a call that hangs is
  # given up before the next one.
  attempt_deadline = "30s"

  http_target {
    http_method = "POST"
    uri         = "https://run.googleapis.com/v2/projects/${local.job_project}/locations/${var.region}/jobs/${each.value.name}:run"

    # Google's own APIs take an access token, no OIDC token.
    oauth_token {
      service_account_email = google_service_account.scheduler[0].email
      scope                 = "https://www.googleapis.com/auth/cloud-platform"
    }
  }

  depends_on = [google_cloud_run_v2_job_iam_member.scheduler]
}
