# After a lost state: what exists under a name that can't be taken twice, for both modes. Copy this file beside your
# main.tf, change the values below, apply, and delete it. An imported policy takes its project from the provider, so set
# GOOGLE_PROJECT to the metrics project, or `project` in the provider's block.

locals {
  mode            = "function"
  name            = "datastream-exporter"
  region          = "europe-west1"
  metrics_project = "orders-prod"
  project         = "orders-prod"   # that the exporter runs in
  log_metrics     = ["orders-prod"] # the watched projects; none with log_metrics = false

  # This keeps open incidents, and you needn't delete the old dashboard and policies. The commands print the id and the
  # lines. Leave out those of log_policies:
  # gcloud monitoring dashboards list --project orders-prod --format 'value(name.basename())'
  # gcloud monitoring policies list --project orders-prod --filter 'userLabels.policy:*' \
  #   --format 'value[separator="/"](userLabels.route, userLabels.policy, name)' \
  #   | sed -E 's|^/?(.+)/(projects/.+)|"\1" = "\2"|'
  dashboard = "00000000-0000-0000-0000-000000000000"
  policies = {
    "stream-failed" = "projects/orders-prod/alertPolicies/1234567890123456789" # a route's: "payments/stream-failed"
  }

  # Those in service_accounts, and with manage_iam = false the roles, are not the module's: leave them out.
  accounts = module.datastream_exporter.service_account_emails
  roles = {
    for grant in module.datastream_exporter.iam_grants : basename(grant.resource) => grant.role
    if grant.permissions != null
  }
  scoped    = concat(keys(local.roles), [local.project])
  in_region = "projects/${local.project}/locations/${local.region}"

  # Each thing below belongs to a mode. It exists once, as number 0, or not at all.
  has = { for mode in ["function", "job"] : mode => local.mode == mode ? { only = 0 } : {} }
}

import {
  to = module.datastream_exporter.google_monitoring_custom_service.deployment
  id = "${local.metrics_project} projects/${local.metrics_project}/services/one-datastream-exporter-per-metrics-project"
}

import {
  to = module.datastream_exporter.google_monitoring_dashboard.fleet
  id = "projects/${local.metrics_project}/dashboards/${local.dashboard}"
}

import {
  for_each = local.policies
  to       = module.datastream_exporter.google_monitoring_alert_policy.policy[each.key]
  id       = each.value
}

import {
  for_each = setsubtract(local.scoped, [local.metrics_project])
  to       = module.datastream_exporter.google_monitoring_monitored_project.scoped[each.key]
  id       = "v1/locations/global/metricsScopes/${local.metrics_project}/projects/${each.key}"
}

import {
  for_each = toset(local.log_metrics)
  to       = module.datastream_exporter.google_logging_metric.checkpoint[each.key]
  id       = "${each.key} datastream_checkpoint"
}

import {
  for_each = local.accounts
  to       = module.datastream_exporter.google_service_account.account[each.key]
  id       = "projects/${local.project}/serviceAccounts/${each.value}"
}

import {
  for_each = local.roles
  to       = module.datastream_exporter.google_project_iam_custom_role.lister[each.key]
  id       = each.value
}

import {
  to = module.datastream_exporter.google_cloud_scheduler_job.exporter
  id = "${local.in_region}/jobs/${local.name}"
}

import {
  for_each = local.has.job
  to       = module.datastream_exporter.google_cloud_run_v2_job.exporter[each.value]
  id       = "${local.in_region}/jobs/${local.name}"
}

import {
  for_each = local.has.function
  to       = module.datastream_exporter.google_cloudfunctions2_function.exporter[each.value]
  id       = "${local.in_region}/functions/${local.name}"
}

import {
  for_each = local.has.function
  to       = module.datastream_exporter.google_storage_bucket.source[each.value]
  id       = "${local.project}/${replace(local.project, "/[.:]/", "-")}-${local.name}-source"
}

import {
  for_each = local.has.function
  to       = module.datastream_exporter.google_artifact_registry_repository.build[each.value]
  id       = "${local.in_region}/repositories/${local.name}"
}
