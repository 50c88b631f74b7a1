# After a lost state: what exists under a name that can't be taken twice, for any mode. Copy this file beside
# your main.tf, change the values below, and apply; the provider's own project doesn't matter. `terraform import`
# doesn't work: it needs each account in the state before the others. Then delete this file.

locals {
  mode             = "function"
  name             = "datastream-exporter"
  region           = "europe-west1"
  metrics_project  = "orders-prod"
  project          = "orders-prod" # that the exporter runs in
  watched_projects = ["orders-prod", "billing-prod"]
  log_triggers     = local.mode == "function"

  # This keeps open incidents, and you needn't delete the old dashboard and policies. The commands print
  # the lines; the key of a route's policy is "ROUTE/POLICY", of one on a project's log "PROJECT/POLICY":
  # gcloud monitoring dashboards list --project orders-prod --format 'value(name)'
  # gcloud monitoring policies list --project orders-prod --format 'value[separator=" = "](userLabels.policy, name)'
  dashboard = "projects/123456789012/dashboards/00000000-0000-0000-0000-000000000000"
  policies = {
    stream-failed = "projects/orders-prod/alertPolicies/1234567890123456789"
  }

  accounts  = merge({ exporter = "" }, local.mode == "worker_pool" ? {} : { scheduler = "-cron" }, local.mode == "function" ? { build = "-build" } : {}, local.log_triggers ? { push = "-push" } : {})
  in_region = "projects/${local.project}/locations/${local.region}"

  # A mode, or the log triggers, have one of each thing below, number 0, or none.
  has = {
    for part, exists in {
      function    = local.mode == "function"
      job         = local.mode == "job"
      worker_pool = local.mode == "worker_pool"
      schedule    = local.mode != "worker_pool"
      log         = local.log_triggers
    } : part => exists ? { only = 0 } : {}
  }
}

import {
  to = module.datastream_exporter.google_monitoring_custom_service.deployment
  id = "${local.metrics_project} projects/${local.metrics_project}/services/datastream-exporter"
}

import {
  to = module.datastream_exporter.google_monitoring_dashboard.fleet
  # The API's names have the project's number. Imported with it, the dashboard would be replaced.
  id = "projects/${local.metrics_project}/dashboards/${basename(local.dashboard)}"
}

import {
  for_each = local.policies
  to       = module.datastream_exporter.google_monitoring_alert_policy.policy[each.key]
  id       = "${split("/", each.value)[1]} ${each.value}"
}

import {
  for_each = setsubtract(local.mode == "worker_pool" ? local.watched_projects : concat(local.watched_projects, [local.project]), [local.metrics_project])
  to       = module.datastream_exporter.google_monitoring_monitored_project.scoped[each.key]
  id       = "v1/locations/global/metricsScopes/${local.metrics_project}/projects/${each.key}"
}

import {
  for_each = local.accounts
  to       = module.datastream_exporter.google_service_account.account[each.key]
  id       = "projects/${local.project}/serviceAccounts/${local.name}${each.value}@${local.project}.iam.gserviceaccount.com"
}

import {
  for_each = toset(concat(local.watched_projects, [local.metrics_project]))
  to       = module.datastream_exporter.google_project_iam_custom_role.lister[each.key]
  id       = "projects/${each.key}/roles/${replace("${local.name}_of_${local.metrics_project}", "/[^a-z0-9]/", "_")}"
}

import {
  for_each = local.has.schedule
  to       = module.datastream_exporter.google_cloud_scheduler_job.exporter[each.value]
  id       = "${local.in_region}/jobs/${local.name}"
}

import {
  for_each = local.has.job
  to       = module.datastream_exporter.google_cloud_run_v2_job.exporter[each.value]
  id       = "${local.in_region}/jobs/${local.name}"
}

import {
  for_each = local.has.worker_pool
  to       = module.datastream_exporter.google_cloud_run_v2_worker_pool.exporter[each.value]
  id       = "${local.in_region}/workerPools/${local.name}"
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

import {
  for_each = local.has.log
  to       = module.datastream_exporter.google_pubsub_topic.log[each.value]
  id       = "projects/${local.project}/topics/${local.name}-log"
}

import {
  for_each = local.has.log
  to       = module.datastream_exporter.google_pubsub_subscription.log[each.value]
  id       = "projects/${local.project}/subscriptions/${local.name}-log"
}
