locals {
  console = "https://console.cloud.google.com"
}

output "check_command" {
  description = "Command that checks whether the exporter's account has all the permissions it needs."
  value       = "datastream-exporter check --impersonate-service-account ${google_service_account.exporter.email}"
}

output "dashboard" {
  description = "Link to the dashboard."
  value       = "${local.console}/monitoring/dashboards/builder/${element(split("/", google_monitoring_dashboard.fleet.id), 3)}?project=${local.metrics_project}"
}

output "job" {
  description = "Full name of the job, or of the worker pool in continuous mode."
  value       = "projects/${local.job_project}/locations/${var.region}/${local.scheduled ? "jobs" : "workerPools"}/${var.name}"
}

output "log_policies" {
  description = "By watched project: `made`, or why there are no policies on its log."
  value = {
    for project in local.watched_projects : project => length([for key, policy in local.placed_beside_logs : key if policy.project == project]) > 0 ? "made" : (
      project == local.metrics_project
      ? "none: notification_channels has no WARNING channel, which these policies need"
      : "none: log_notification_channels has no channel in ${project}, where policies on its log must be"
    )
  }
}

output "policies" {
  description = "Links to the policies by file name; for policies on a log, by project and file name."
  value = {
    for key, policy in google_monitoring_alert_policy.policy :
    key => "${local.console}/monitoring/alerting/policies/${element(split("/", policy.name), 3)}?project=${policy.project}"
  }
}

output "run_now_command" {
  description = "Command that runs the job now; in continuous mode, a command that reads the worker pool's log."
  value = (
    local.scheduled
    ? "gcloud run jobs execute ${var.name} --project ${local.job_project} --region ${var.region} --wait"
    : "gcloud beta run worker-pools logs read ${var.name} --project ${local.job_project} --region ${var.region}"
  )
}

output "service_account" {
  description = "Account that the exporter runs as."
  value       = google_service_account.exporter.email
}
