locals {
  console       = "https://console.cloud.google.com"
  fleet_id      = basename(google_monitoring_dashboard.fleet.id)
  dashboard_url = "${local.console}/monitoring/dashboards/builder/${local.fleet_id}?project=${local.metrics_project}"

  # How gcloud makes a grant, by what it is on: $1 is the project, $2 the region, $3 the name.
  full_name = "/^projects/([^/]+)(?:/(?:locations|regions)/([^/]+))?(?:/.+/([^/]+))?$/"
  gcloud = {
    cryptoKeys   = "kms keys add-iam-policy-binding $0"
    jobs         = "run jobs add-iam-policy-binding $3 --region $2 --project $1"
    projects     = "projects add-iam-policy-binding $1"
    repositories = "artifacts repositories add-iam-policy-binding $3 --location $2 --project $1"
    services     = "run services add-iam-policy-binding $3 --region $2 --project $1"
    subnetworks  = "compute networks subnets add-iam-policy-binding $3 --region $2 --project $1"
    topics       = "pubsub topics add-iam-policy-binding $3 --project $1"
  }
  all_grants = concat(values(local.grants), values(local.sink_grants), local.owners_grants)
  number     = "$(gcloud projects describe ${local.job_project} --format 'value(projectNumber)')"
}

output "check_command" {
  description = "Command that checks the permissions of the exporter's account; run it where `config.yaml` is."
  value = join(" ", [
    "python3 -m venv ~/.cache/datastream-exporter && ~/.cache/datastream-exporter/bin/pip install --quiet",
    "--require-hashes --requirement ${local.shared}/requirements/function.txt && PYTHONPATH=${local.shared}",
    "~/.cache/datastream-exporter/bin/python -m exporter check --config config.yaml",
    "--impersonate-service-account ${local.emails.exporter}",
  ])
}

output "created" {
  description = "Full names of the `dashboard`, the `exporter` (function or job) and the `slack_channel`."
  value = {
    dashboard = google_monitoring_dashboard.fleet.id
    exporter = one(concat(
      google_cloudfunctions2_function.exporter[*].id, google_cloud_run_v2_job.exporter[*].id,
    ))
    slack_channel = one(google_monitoring_notification_channel.slack[*].name)
  }
}

output "dashboard_url" {
  description = "Link to the dashboard."
  value       = local.dashboard_url
}

output "iam_grant_commands" {
  description = "Commands that make the grants in `iam_grants`; they can be run again."
  value = concat(
    [for project, permissions in local.lister_permissions : join(" || ", formatlist(
      "gcloud iam roles %s ${local.lister_id} --project ${project} --permissions ${join(",", permissions)} --quiet",
      ["update", "create"],
    ))],
    [for service in local.key_agents : "gcloud ${local.agent_commands[service]} --project ${local.job_project}"],
    [for grant in local.all_grants : join(" ", concat(
      ["gcloud", replace(grant.on, local.full_name, local.gcloud[basename(dirname(grant.on))])],
      ["--member", replace(grant.member, "NUMBER", local.number), "--role", grant.role],
      dirname(grant.on) != "projects" ? [] : ["--condition", try(
        "'title=${grant.condition.title},expression=${grant.condition.expression}'", "None"
      )],
    ))],
  )
}

output "iam_grants" {
  description = "Every grant: `member`, `role`, `resource`, and the `permissions` of a custom role."
  value = [for grant in local.all_grants : {
    member = grant.member, role = grant.role, resource = grant.on, permissions = lookup(grant, "permissions", null)
  }]
}

output "policy_names" {
  description = "Full names of the policies, by file name without .yaml, after ROUTE/ or PROJECT/ (of a log) if any."
  value       = { for key, policy in google_monitoring_alert_policy.policy : key => policy.name }
}

output "run_now_command" {
  description = "Command that starts a run now."
  value = join(" ", [lookup({
    function = "gcloud scheduler jobs run ${var.name} --location ${var.region}"
    job      = "gcloud run jobs execute ${var.name} --region ${var.region} --wait"
  }, var.mode, ""), "--project", local.job_project])
}

output "service_account_emails" {
  description = "Addresses of the accounts, by what they do, as in `service_accounts`: for ingress rules, for example."
  value       = { for key in local.needed_accounts : key => local.emails[key] }
}
