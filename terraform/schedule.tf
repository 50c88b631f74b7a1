# Cloud Scheduler: what it calls, and when. A worker pool needs none.

locals {
  schedules = merge(
    {
      for key, job in local.jobs : key => {
        name        = job.name
        description = "Starts the Cloud Run job ${job.name}."
        schedule    = job.schedule
        uri         = "https://run.googleapis.com/v2/projects/${local.job_project}/locations/${var.region}/jobs/${job.name}:run"
        # Cloud Run answers when it accepts the execution, usually within a second. A hanging call ends
        # before the next one.
        attempt_deadline = "30s"
        audience         = null
      }
    },
    {
      for function in google_cloudfunctions2_function.exporter : "streams" => {
        name        = var.name
        description = "Calls the Cloud Run function ${var.name}."
        schedule    = "* * * * *"
        # The service's own address: the function's other one isn't internal.
        uri = function.service_config[0].uri
        # The function answers when its run is over.
        attempt_deadline = "${local.function_timeout}s"
        audience         = function.service_config[0].uri
      }
    },
  )
}

resource "google_cloud_scheduler_job" "exporter" {
  for_each = local.schedules

  project     = local.job_project
  region      = coalesce(var.scheduler_region, var.region)
  name        = each.value.name
  description = each.value.description
  schedule    = each.value.schedule
  time_zone   = "Etc/UTC"
  paused      = var.paused

  attempt_deadline = each.value.attempt_deadline

  http_target {
    http_method = "POST"
    uri         = each.value.uri

    # Google's APIs need an access token; an OIDC token doesn't work.
    dynamic "oauth_token" {
      for_each = local.is_function ? [] : [local.scheduler_email]

      content {
        service_account_email = oauth_token.value
        scope                 = "https://www.googleapis.com/auth/cloud-platform"
      }
    }

    # A service of Cloud Run needs an OIDC token.
    dynamic "oidc_token" {
      for_each = local.is_function ? [local.scheduler_email] : []

      content {
        service_account_email = oidc_token.value
        audience              = each.value.audience
      }
    }
  }

  depends_on = [
    google_cloud_run_v2_job_iam_member.scheduler,
    google_cloud_run_v2_service_iam_member.scheduler,
  ]
}
