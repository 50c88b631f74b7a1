locals {
  console = "https://console.cloud.google.com"

  dashboard_url = one([
    for id in google_monitoring_dashboard.fleet[*].id :
    "${local.console}/monitoring/dashboards/builder/${element(split("/", id), 3)}?project=${local.metrics_project}"
  ])

  # Where a mode's resource is, in full names.
  collections = { function = "functions", job = "jobs", worker_pool = "workerPools" }
}

output "check_command" {
  description = "Command that checks whether the exporter's account has all the permissions it needs."
  value       = "datastream-exporter check --impersonate-service-account ${local.exporter_email}"
}

output "dashboard_id" {
  description = "Id of the dashboard; null without one."
  value       = one(google_monitoring_dashboard.fleet[*].id)
}

output "dashboard_url" {
  description = "Link to the dashboard; null without one."
  value       = local.dashboard_url
}

output "function_id" {
  description = "Full name of the function; null in the other modes."
  value       = one(google_cloudfunctions2_function.exporter[*].id)
}

output "function_name" {
  description = "Name of the function; null in the other modes."
  value       = one(google_cloudfunctions2_function.exporter[*].name)
}

output "function_state" {
  description = "State of the function: `ACTIVE`, or what its last build or deployment left; null in the other modes."
  value       = one(google_cloudfunctions2_function.exporter[*].state)
}

output "function_uri" {
  description = "Address of the function; only callers inside the project's network reach it. Null in the other modes."
  value       = one(google_cloudfunctions2_function.exporter[*].service_config[0].uri)
}

output "iam_grant_commands" {
  description = "Commands that make the grants in `iam_grants`, in order. With `manage_iam = false`, somebody who may grant has to run them, those for the job, the function, its topic and log sinks after the first apply."
  value       = flatten(local.grants[*].commands)
}

output "iam_grants" {
  description = "Every grant that the exporter needs: `member`, `role`, `resource`, and the `permissions` of a custom role."
  value       = [for grant in local.grants : { for key, value in grant : key => value if key != "commands" }]
}

output "job_id" {
  description = "Full name of the job, of the worker pool or of the function."
  value       = "projects/${local.job_project}/locations/${var.region}/${local.collections[var.mode]}/${var.name}"
}

output "log_policies" {
  description = "By watched project: `made`, or why there are no policies on its log."
  value = {
    for project in local.watched_projects : project => (
      !var.create_policies ? "none: create_policies is false" :
      length([for key, policy in local.placed_beside_logs : key if policy.project == project]) > 0 ? "made" :
      project == local.metrics_project
      ? "none: there is no channel for WARNING alerts, which these policies need"
      : "none: no route has log_notification_channels for ${project}, where policies on its log must be"
    )
  }
}

output "policy_ids" {
  description = "Full names of the policies by file name; for policies of a route, by route and file name; for policies on a log, by project and file name."
  value       = { for key, policy in google_monitoring_alert_policy.policy : key => policy.name }
}

output "policy_urls" {
  description = "Links to the policies, by the same keys as `policy_ids`."
  value = {
    for key, policy in google_monitoring_alert_policy.policy :
    key => "${local.console}/monitoring/alerting/policies/${element(split("/", policy.name), 3)}?project=${policy.project}"
  }
}

output "run_now_command" {
  description = "Command that starts a run now; with a worker pool, a command that reads the worker pool's log. A function can't be called from outside, so the command asks Cloud Scheduler to call it."
  value = {
    function    = "gcloud scheduler jobs run ${var.name} --project ${local.job_project} --location ${coalesce(var.scheduler_region, var.region)}"
    job         = "gcloud run jobs execute ${var.name} --project ${local.job_project} --region ${var.region} --wait"
    worker_pool = "gcloud beta run worker-pools logs read ${var.name} --project ${local.job_project} --region ${var.region}"
  }[var.mode]
}

output "scheduler_service_account_email" {
  description = "Account that starts the job or calls the function; null with a worker pool."
  value       = local.scheduled ? local.scheduler_email : null
}

output "service_account_email" {
  description = "Account that the exporter runs as."
  value       = local.exporter_email
}

output "slack_channel_id" {
  description = "Full name of the notification channel that `slack_channel` creates; null without one."
  value       = one(google_monitoring_notification_channel.slack[*].name)
}
