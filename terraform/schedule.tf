# Cloud Scheduler: what it calls, and when.

locals {
  minutes = trimsuffix(local.config.run.interval, "m")
}

resource "google_cloud_scheduler_job" "exporter" {
  project     = local.job_project
  region      = var.region
  name        = var.name
  description = "${local.is_function ? "Calls the Cloud Run function" : "Starts the Cloud Run job"} ${var.name}."
  schedule    = local.minutes == "1" ? "* * * * *" : "*/${local.minutes} * * * *"
  time_zone   = "Etc/UTC"
  paused      = var.paused
  # A function answers at the end of its run, Cloud Run as soon as it accepts a job. A call ends before the next one.
  attempt_deadline = local.is_function ? "${local.function_timeout}s" : "30s"

  http_target {
    http_method = "POST"
    uri         = local.is_function ? local.function_uri : "https://run.googleapis.com/v2/${local.job_name}:run"
    # Google's APIs need an access token; an OIDC token doesn't work.
    dynamic "oauth_token" {
      for_each = local.is_function ? [] : [local.emails.scheduler]
      content {
        service_account_email = oauth_token.value
        scope                 = "https://www.googleapis.com/auth/cloud-platform"
      }
    }
    # A service of Cloud Run needs an OIDC token.
    dynamic "oidc_token" {
      for_each = local.is_function ? [local.emails.scheduler] : []
      content {
        service_account_email = oidc_token.value
        audience              = local.function_uri
      }
    }
  }
  depends_on = [
    google_cloud_run_v2_job_iam_member.grant, google_cloud_run_v2_service_iam_member.grant, terraform_data.account
  ]
}
