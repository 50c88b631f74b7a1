# What organisations bring themselves or switch: identities, grants, platform options, projects.
# It needs no cloud and no credentials: terraform init && terraform test

mock_provider "google" {}

variables {
  region      = "europe-west1"
  image       = "europe-west1-docker.pkg.dev/orders-prod/tools/datastream-exporter@sha256:0000000000000000000000000000000000000000000000000000000000000000"
  config_yaml = <<-EOT
    metrics: {project: orders-prod}
    sources:
      - {project: orders-prod}
      - {project: billing-prod, locations: [europe-west1]}
  EOT
  notification_channels = {
    CRITICAL = ["projects/orders-prod/notificationChannels/1"]
    ERROR    = ["projects/orders-prod/notificationChannels/1"]
    WARNING  = ["projects/orders-prod/notificationChannels/1"]
  }
}

run "existing_accounts" {
  command = plan

  variables {
    service_account           = { create = false, email = "exporter@identities.iam.gserviceaccount.com" }
    scheduler_service_account = { create = false, email = "cron@identities.iam.gserviceaccount.com" }
  }

  assert {
    condition     = length(google_service_account.exporter) + length(google_service_account.scheduler) == 0
    error_message = "The module creates no account."
  }

  assert {
    condition = (
      google_cloud_run_v2_job.exporter["streams"].template[0].template[0].service_account == "exporter@identities.iam.gserviceaccount.com" &&
      google_cloud_scheduler_job.exporter["streams"].http_target[0].oauth_token[0].service_account_email == "cron@identities.iam.gserviceaccount.com"
    )
    error_message = "The job runs and the schedule calls as the given account."
  }

  assert {
    condition = (
      toset([for grant in google_project_iam_member.lister : grant.member]) == toset(["serviceAccount:exporter@identities.iam.gserviceaccount.com"]) &&
      google_cloud_run_v2_job_iam_member.scheduler["streams"].member == "serviceAccount:cron@identities.iam.gserviceaccount.com"
    )
    error_message = "The given accounts get the grants."
  }
}

run "grants_made_elsewhere" {
  command = plan

  variables {
    manage_iam                = false
    service_account           = { create = false, email = "exporter@identities.iam.gserviceaccount.com" }
    scheduler_service_account = { create = false, email = "cron@identities.iam.gserviceaccount.com" }
  }

  assert {
    condition = (
      length(google_project_iam_custom_role.lister) + length(google_project_iam_member.lister) +
      length(google_project_iam_member.metric_writer) + length(google_cloud_run_v2_job_iam_member.scheduler) +
      length([for key in keys(google_project_service.enabled) : key if endswith(key, "/iam.googleapis.com")]) == 0
    )
    error_message = "The module grants nothing, and no project needs the IAM API."
  }

  assert {
    condition = output.iam_grant_commands == [
      "gcloud iam roles create datastream_exporter_lister --project billing-prod --title \"Datastream lister of datastream-exporter\" --permissions datastream.streams.list",
      "gcloud projects add-iam-policy-binding billing-prod --member serviceAccount:exporter@identities.iam.gserviceaccount.com --role projects/billing-prod/roles/datastream_exporter_lister --condition None",
      "gcloud iam roles create datastream_exporter_lister --project orders-prod --title \"Datastream lister of datastream-exporter\" --permissions datastream.locations.list,datastream.streams.list",
      "gcloud projects add-iam-policy-binding orders-prod --member serviceAccount:exporter@identities.iam.gserviceaccount.com --role projects/orders-prod/roles/datastream_exporter_lister --condition None",
      "gcloud projects add-iam-policy-binding orders-prod --member serviceAccount:exporter@identities.iam.gserviceaccount.com --role roles/monitoring.metricWriter --condition None",
      "gcloud run jobs add-iam-policy-binding datastream-exporter --project orders-prod --region europe-west1 --member serviceAccount:cron@identities.iam.gserviceaccount.com --role roles/run.invoker",
    ]
    error_message = "A command creates each role and makes each grant."
  }
}

run "platform_options_of_the_job" {
  command = plan

  variables {
    binary_authorization  = { use_default = true }
    cpu                   = "2"
    deletion_protection   = true
    encryption_key        = "projects/keys/locations/europe-west1/keyRings/run/cryptoKeys/jobs"
    environment_variables = { HTTPS_PROXY = "http://proxy:3128" }
    labels                = { team = "data" }
    memory                = "1Gi"
    slack_channel         = { channel_name = "#data-alerts" }
    slack_token           = "xoxb-1"
    tags                  = { "tagKeys/1" = "tagValues/2" }
    vpc_access            = { network = "shared", subnetwork = "run", egress = "ALL_TRAFFIC", tags = ["nat"] }
  }

  assert {
    condition = alltrue([
      for job in google_cloud_run_v2_job.exporter :
      job.binary_authorization[0].use_default && job.deletion_protection && job.tags == tomap({ "tagKeys/1" = "tagValues/2" })
    ])
    error_message = "The job has binary authorization, deletion protection and the tags."
  }

  assert {
    condition = alltrue([
      for template in google_cloud_run_v2_job.exporter["streams"].template[0].template :
      template.encryption_key == var.encryption_key &&
      template.containers[0].resources[0].limits == tomap({ cpu = "2", memory = "1Gi" }) &&
      contains([for env in template.containers[0].env : "${env.name}=${env.value}"], "HTTPS_PROXY=http://proxy:3128")
    ])
    error_message = "The job has the key, the CPU, the memory and the environment variable."
  }

  assert {
    condition = alltrue([
      for access in google_cloud_run_v2_job.exporter["streams"].template[0].template[0].vpc_access :
      access.egress == "ALL_TRAFFIC" && access.network_interfaces[0].subnetwork == "run" && access.network_interfaces[0].tags == tolist(["nat"])
    ])
    error_message = "The job's traffic leaves through the subnetwork."
  }

  assert {
    condition = alltrue([
      for labels in concat(
        [
          google_cloud_run_v2_job.exporter["streams"].labels,
          google_cloud_run_v2_job.exporter["streams"].template[0].labels,
          google_monitoring_notification_channel.slack[0].user_labels,
          google_monitoring_custom_service.deployment.user_labels,
          jsondecode(google_monitoring_dashboard.fleet[0].dashboard_json).labels,
        ],
        values(google_monitoring_alert_policy.policy)[*].user_labels,
      ) : labels.team == "data"
    ])
    error_message = "Everything that takes labels has them."
  }
}

run "platform_options_of_the_worker_pool" {
  command = plan

  variables {
    mode                  = "worker_pool"
    binary_authorization  = { policy = "projects/orders-prod/platforms/cloudRun/policies/signed" }
    cpu                   = "2"
    deletion_protection   = true
    encryption_key        = "projects/keys/locations/europe-west1/keyRings/run/cryptoKeys/jobs"
    environment_variables = { HTTPS_PROXY = "http://proxy:3128" }
    labels                = { team = "data" }
    memory                = "1Gi"
    vpc_access            = { connector = "projects/orders-prod/locations/europe-west1/connectors/run" }
  }

  assert {
    condition = alltrue([
      for pool in google_cloud_run_v2_worker_pool.exporter :
      pool.binary_authorization[0].policy == var.binary_authorization.policy && pool.deletion_protection && pool.labels.team == "data"
    ])
    error_message = "The worker pool has binary authorization, deletion protection and the labels."
  }

  assert {
    condition = alltrue([
      for template in google_cloud_run_v2_worker_pool.exporter[0].template :
      template.encryption_key == var.encryption_key && template.labels.team == "data" &&
      template.containers[0].resources[0].limits == tomap({ cpu = "2", memory = "1Gi" }) &&
      contains([for env in template.containers[0].env : "${env.name}=${env.value}"], "HTTPS_PROXY=http://proxy:3128")
    ])
    error_message = "Its revisions have the key, the labels, the CPU, the memory and the environment variable."
  }

  assert {
    condition = alltrue([
      for access in google_cloud_run_v2_worker_pool.exporter[0].template[0].vpc_access :
      access.connector == var.vpc_access.connector && length(access.network_interfaces) == 0
    ])
    error_message = "The worker pool's traffic leaves through the connector."
  }
}

run "exporter_in_a_third_project" {
  command = plan

  variables {
    project_id = "jobs-prod"
  }

  assert {
    condition     = keys(google_monitoring_monitored_project.scoped) == ["billing-prod", "jobs-prod"] && local.enabled["exporter-executions-failing"]
    error_message = "The metrics scope has the watched projects and the exporter's, so the policy on its executions sees them."
  }

  assert {
    condition = alltrue([
      for policy in google_monitoring_alert_policy.policy : alltrue([
        for text in concat([policy.documentation[0].content], policy.documentation[0].links[*].url) :
        length(regexall("(?:run/jobs|cloudscheduler|cloud_run_job)[^?]*\\?project=\\$", text)) == 0
      ])
    ]) && strcontains(google_monitoring_alert_policy.policy["exporter-silent"].documentation[0].content, "run/jobs?project=jobs-prod")
    error_message = "Links to the exporter, its log and its schedule lead to its project."
  }

  assert {
    condition     = strcontains(google_monitoring_alert_policy.policy["exporter-silent"].documentation[0].content, "alerting/snoozes?project=$${project}")
    error_message = "Links to Cloud Monitoring lead to the policy's project."
  }
}

run "scope_managed_elsewhere" {
  command = plan

  variables {
    project_id           = "jobs-prod"
    manage_metrics_scope = false
  }

  expect_failures = [check.exporter_in_metrics_scope]

  assert {
    condition     = [for name, policy in local.policies : name if !policy.enabled && name != "stream-activity-errors"] == ["exporter-executions-failing"]
    error_message = "The policy that sees no run outside the scope, and would page for ever, is disabled, and no other."
  }
}

run "scope_managed_elsewhere_has_the_exporter" {
  command = plan

  variables {
    project_id           = "jobs-prod"
    manage_metrics_scope = false
    policy_overrides     = { exporter-executions-failing = { enabled = true } }
  }

  assert {
    condition     = local.enabled["exporter-executions-failing"]
    error_message = "Who manages the scope can enable the policy; the plan then doesn't warn."
  }
}

run "paused" {
  command = plan

  variables {
    paused = true
  }

  expect_failures = [check.not_paused]

  assert {
    condition     = alltrue(values(google_cloud_scheduler_job.exporter)[*].paused)
    error_message = "The schedule is paused."
  }

  assert {
    condition     = [for key, policy in google_monitoring_alert_policy.policy : key if !policy.enabled] == ["exporter-executions-failing", "exporter-silent", "orders-prod/stream-activity-errors"]
    error_message = "Only the policies that would page about the pause are disabled, and the one that is off by default."
  }
}

run "paused_worker_pool" {
  command = plan

  variables {
    mode   = "worker_pool"
    paused = true
  }

  expect_failures = [check.not_paused]

  assert {
    condition     = length(google_cloud_run_v2_worker_pool.exporter) == 0
    error_message = "A paused worker pool is removed."
  }
}

run "another_name" {
  command = plan

  variables {
    name                          = "streams-test"
    delete_metric_data_on_destroy = true
  }

  assert {
    condition     = google_monitoring_custom_service.deployment.project == "orders-prod" && google_monitoring_custom_service.deployment.service_id == "datastream-exporter"
    error_message = "The marker's id is the same whatever the name, so a second deployment in the metrics project is refused."
  }

  assert {
    condition     = strcontains(google_monitoring_alert_policy.policy["exporter-executions-failing"].conditions[0].condition_prometheus_query_language[0].query, "job_name=\"streams-test\"")
    error_message = "The policy on the job's executions names this deployment's job."
  }

  assert {
    condition     = toset(values(google_monitoring_metric_descriptor.exporter)[*].deletion_policy) == toset(["DELETE"])
    error_message = "A destroy deletes the descriptors if asked to."
  }
}
