output "created" {
  description = "Full names of the `dashboard`, the `exporter` (function or job) and the `slack_channel`."
  value = {
    dashboard     = google_monitoring_dashboard.fleet.id
    exporter      = one(concat(google_cloudfunctions2_function.exporter[*].id, google_cloud_run_v2_job.exporter[*].id))
    slack_channel = one(google_monitoring_notification_channel.slack[*].name)
  }
}

output "dashboard_url" {
  description = "Link to the dashboard."
  value = join("", [
    "${local.console}/monitoring/dashboards/builder/${basename(google_monitoring_dashboard.fleet.id)}",
    "?project=${local.metrics_project}",
  ])
}

output "iam_grants" {
  description = "Every grant: `member`, `role`, `resource`, `condition`, and a custom role's `permissions`."
  value = [
    for grant in concat(
      [for grant in values(local.exporter_grants) : merge(grant, { member = local.members.exporter })],
      [for grant in values(local.build_grants) : merge(grant, { member = local.members.build })],
      [for grant in values(local.repository_grants) : merge(grant, { member = local.members.build })],
      [for grant in values(local.job_grants) : merge(grant, { member = local.members.scheduler })],
      [for grant in values(local.service_grants) : merge(grant, { member = local.members.scheduler })],
    ) : merge({ condition = null, permissions = null }, grant)
  ]
}

output "policy_names" {
  description = "Full names of the policies, by file name without .yaml, after ROUTE/ if it is a route's."
  value       = { for key, policy in google_monitoring_alert_policy.policy : key => policy.name }
}

output "run_now_command" {
  description = "Command that starts a run now."
  value = join(" ", [
    local.is_function ? "gcloud scheduler jobs run ${var.name} --location ${var.region}" :
    "gcloud run jobs execute ${var.name} --region ${var.region} --wait",
    "--project ${local.job_project}",
  ])
}

output "service_account_emails" {
  description = "Addresses of the accounts, by what they do, as in `service_accounts`, such as for ingress rules."
  value       = { for key in local.needed_accounts : key => local.emails[key] }
}
