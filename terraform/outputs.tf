locals {
  console = "https://console.cloud.google.com"

  dashboard_url = "${local.console}/monitoring/dashboards/builder/${element(split("/", google_monitoring_dashboard.fleet.id), 3)}?project=${local.metrics_project}"
}

output "check_command" {
  description = "Command that checks whether the exporter's account has all the permissions it needs. Run it in the folder with `main.tf` and `config.yaml`, with `roles/iam.serviceAccountTokenCreator` on the account."
  value       = "make -C ${local.shared} setup && ${local.shared}/.venv/bin/datastream-exporter check --config config.yaml --impersonate-service-account ${local.emails.exporter}"
}

output "dashboard_url" {
  description = "Link to the dashboard."
  value       = local.dashboard_url
}

output "iam_grant_commands" {
  description = "Commands that make the grants in `iam_grants`; they can be run again. The owners of a key, a Shared VPC, a private pool and a package index run theirs before the first apply. With `manage_iam = false`, somebody who may grant has to run the others, those for the job, the function, its repository, its topic and the log sinks after the first apply."
  value = concat(
    [for project, permissions in local.lister_permissions : "gcloud iam roles update ${local.lister_id} --project ${project} --permissions ${join(",", permissions)} --quiet || gcloud iam roles create ${local.lister_id} --project ${project} --title \"Datastream lister of ${var.name}\" --permissions ${join(",", permissions)}"],
    [
      for key, grant in local.grants : join(" ", concat(
        ["${local.grant_kinds[grant.kind].command} ${grant.project} --member ${grant.member} --role ${grant.role}"],
        [for condition in grant.condition[*] : "--condition 'title=${condition.title},expression=${condition.expression}'"],
        grant.kind == "project" && grant.condition == null ? ["--condition None"] : [],
      ))
    ],
    [for grant in local.owners_grants : "${grant.command} --member ${replace(grant.member, "NUMBER", "$(gcloud projects describe ${local.job_project} --format 'value(projectNumber)')")} --role ${grant.role}"],
  )
}

output "iam_grants" {
  description = "Every grant that the exporter needs: `member`, `role`, `resource`, and the `permissions` of a custom role. In a service agent's address, NUMBER stands for the number of the exporter's project."
  value = concat(
    [for key, grant in local.grants : { member = grant.member, role = grant.role, resource = coalesce(local.grant_kinds[grant.kind].resource, "projects/${grant.project}"), permissions = startswith(grant.role, "projects/") ? local.lister_permissions[grant.project] : null }],
    [for grant in local.owners_grants : { member = grant.member, role = grant.role, resource = grant.resource, permissions = null }],
  )
}

output "policy_names" {
  description = "Full names of the alert policies, by file name without .yaml; those of a route and of a project's log begin with it and a slash. For snoozes, for example."
  value       = { for key, policy in google_monitoring_alert_policy.policy : key => policy.name }
}

output "run_now_command" {
  description = "Command that starts a run now; with a worker pool, a command that reads the worker pool's log. A function can't be called from outside, so the command asks Cloud Scheduler to call it."
  value = {
    function    = "gcloud scheduler jobs run ${var.name} --project ${local.job_project} --location ${var.region}"
    job         = "gcloud run jobs execute ${var.name} --project ${local.job_project} --region ${var.region} --wait"
    worker_pool = "gcloud beta run worker-pools logs read ${var.name} --project ${local.job_project} --region ${var.region}"
  }[var.mode]
}

output "service_account_emails" {
  description = "Addresses of the accounts, by what they do, as in `service_accounts`. For other grants and for ingress rules of VPC Service Controls, for example."
  value       = { for key, account in local.accounts : key => local.emails[key] if account.needed }
}
