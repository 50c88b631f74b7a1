# Checks what organisations bring themselves or switch: identities, grants, platform options, labels.
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
    condition     = google_cloud_run_v2_job.exporter["streams"].template[0].template[0].service_account == "exporter@identities.iam.gserviceaccount.com"
    error_message = "The job runs as the given account."
  }

  assert {
    condition     = google_cloud_scheduler_job.exporter["streams"].http_target[0].oauth_token[0].service_account_email == "cron@identities.iam.gserviceaccount.com"
    error_message = "The schedule calls as the given account."
  }

  assert {
    condition     = toset([for grant in google_project_iam_member.lister : grant.member]) == toset(["serviceAccount:exporter@identities.iam.gserviceaccount.com"])
    error_message = "The given account gets the custom role."
  }

  assert {
    condition     = google_cloud_run_v2_job_iam_member.scheduler["streams"].member == "serviceAccount:cron@identities.iam.gserviceaccount.com"
    error_message = "The given account may start the job."
  }

  assert {
    condition     = !contains(keys(google_project_service.enabled), "jobs-prod/iam.googleapis.com")
    error_message = "Without accounts to create, the job's project needs no IAM API."
  }
}

run "grants_made_elsewhere" {
  command = plan

  variables {
    manage_iam                = false
    collect_objects_schedule  = "7 * * * *"
    service_account           = { create = false, email = "exporter@identities.iam.gserviceaccount.com" }
    scheduler_service_account = { create = false, email = "cron@identities.iam.gserviceaccount.com" }
  }

  assert {
    condition = (
      length(google_project_iam_custom_role.lister) + length(google_project_iam_member.lister) +
      length(google_project_iam_member.metric_writer) + length(google_cloud_run_v2_job_iam_member.scheduler) == 0
    )
    error_message = "The module grants nothing."
  }

  assert {
    condition     = !anytrue([for key in keys(google_project_service.enabled) : endswith(key, "/iam.googleapis.com")])
    error_message = "No project needs the IAM API."
  }

  assert {
    condition = [for grant in output.iam_grants : "${trimprefix(grant.member, "serviceAccount:")} ${grant.role} ${grant.resource}"] == [
      "exporter@identities.iam.gserviceaccount.com projects/billing-prod/roles/datastream_exporter_lister projects/billing-prod",
      "exporter@identities.iam.gserviceaccount.com projects/orders-prod/roles/datastream_exporter_lister projects/orders-prod",
      "exporter@identities.iam.gserviceaccount.com roles/monitoring.metricWriter projects/orders-prod",
      "cron@identities.iam.gserviceaccount.com roles/run.invoker projects/orders-prod/locations/europe-west1/jobs/datastream-exporter-objects",
      "cron@identities.iam.gserviceaccount.com roles/run.invoker projects/orders-prod/locations/europe-west1/jobs/datastream-exporter",
    ]
    error_message = "iam_grants lists every grant that the module would make."
  }

  assert {
    condition     = output.iam_grants[0].permissions == tolist(["datastream.objects.list", "datastream.streams.list"])
    error_message = "iam_grants has the permissions of the custom role."
  }

  assert {
    condition     = output.iam_grant_commands[0] == "gcloud iam roles create datastream_exporter_lister --project billing-prod --title \"Datastream lister of datastream-exporter\" --permissions datastream.objects.list,datastream.streams.list"
    error_message = "The first command creates the custom role: ${output.iam_grant_commands[0]}."
  }

  assert {
    condition     = output.iam_grant_commands[1] == "gcloud projects add-iam-policy-binding billing-prod --member serviceAccount:exporter@identities.iam.gserviceaccount.com --role projects/billing-prod/roles/datastream_exporter_lister --condition None"
    error_message = "The second one grants it: ${output.iam_grant_commands[1]}."
  }

  assert {
    condition     = length(output.iam_grant_commands) == 7
    error_message = "Each grant has its command, and each custom role one that creates it."
  }
}

run "grants_of_the_worker_pool" {
  command = plan

  variables {
    mode       = "worker_pool"
    manage_iam = false
  }

  assert {
    condition     = length(output.iam_grants) == 3 && output.scheduler_service_account_email == null
    error_message = "A worker pool needs no grant for a scheduler."
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
    tags                  = { "tagKeys/1" = "tagValues/2" }
    vpc_access            = { network = "shared", subnetwork = "run", egress = "ALL_TRAFFIC", tags = ["nat"] }
  }

  assert {
    condition     = google_cloud_run_v2_job.exporter["streams"].binary_authorization[0].use_default && google_cloud_run_v2_job.exporter["streams"].deletion_protection
    error_message = "The job has binary authorization and deletion protection."
  }

  assert {
    condition     = google_cloud_run_v2_job.exporter["streams"].tags == tomap({ "tagKeys/1" = "tagValues/2" })
    error_message = "The job has the tags."
  }

  assert {
    condition     = google_cloud_run_v2_job.exporter["streams"].template[0].template[0].encryption_key == var.encryption_key
    error_message = "The job uses the key."
  }

  assert {
    condition     = google_cloud_run_v2_job.exporter["streams"].template[0].template[0].containers[0].resources[0].limits == tomap({ cpu = "2", memory = "1Gi" })
    error_message = "The job has the CPU and the memory."
  }

  assert {
    condition     = { for env in google_cloud_run_v2_job.exporter["streams"].template[0].template[0].containers[0].env : env.name => env.value } == { DATASTREAM_EXPORTER_CONFIG = var.config_yaml, DATASTREAM_EXPORTER_RUN__LOCATION = "europe-west1", HTTPS_PROXY = "http://proxy:3128" }
    error_message = "The job has the environment variables."
  }

  assert {
    condition = (
      google_cloud_run_v2_job.exporter["streams"].template[0].template[0].vpc_access[0].egress == "ALL_TRAFFIC" &&
      google_cloud_run_v2_job.exporter["streams"].template[0].template[0].vpc_access[0].network_interfaces[0].subnetwork == "run" &&
      google_cloud_run_v2_job.exporter["streams"].template[0].template[0].vpc_access[0].network_interfaces[0].tags == tolist(["nat"])
    )
    error_message = "The job's traffic leaves through the subnetwork."
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
    memory                = "1Gi"
    vpc_access            = { connector = "projects/orders-prod/locations/europe-west1/connectors/run" }
  }

  assert {
    condition     = google_cloud_run_v2_worker_pool.exporter[0].binary_authorization[0].policy == "projects/orders-prod/platforms/cloudRun/policies/signed" && google_cloud_run_v2_worker_pool.exporter[0].deletion_protection
    error_message = "The worker pool has binary authorization and deletion protection."
  }

  assert {
    condition     = google_cloud_run_v2_worker_pool.exporter[0].template[0].encryption_key == var.encryption_key
    error_message = "The worker pool uses the key."
  }

  assert {
    condition     = google_cloud_run_v2_worker_pool.exporter[0].template[0].containers[0].resources[0].limits == tomap({ cpu = "2", memory = "1Gi" })
    error_message = "The worker pool has the CPU and the memory."
  }

  assert {
    condition     = { for env in google_cloud_run_v2_worker_pool.exporter[0].template[0].containers[0].env : env.name => env.value } == { DATASTREAM_EXPORTER_CONFIG = var.config_yaml, DATASTREAM_EXPORTER_RUN__LOCATION = "europe-west1", HTTPS_PROXY = "http://proxy:3128" }
    error_message = "The worker pool has the environment variables."
  }

  assert {
    condition     = google_cloud_run_v2_worker_pool.exporter[0].template[0].vpc_access[0].connector == var.vpc_access.connector && length(google_cloud_run_v2_worker_pool.exporter[0].template[0].vpc_access[0].network_interfaces) == 0
    error_message = "The worker pool's traffic leaves through the connector."
  }
}

run "labels" {
  command = plan

  variables {
    labels        = { team = "data" }
    slack_channel = { channel_name = "#data-alerts" }
    slack_token   = "xoxb-1"
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

run "labels_of_the_worker_pool" {
  command = plan

  variables {
    mode   = "worker_pool"
    labels = { team = "data" }
  }

  assert {
    condition     = google_cloud_run_v2_worker_pool.exporter[0].labels.team == "data" && google_cloud_run_v2_worker_pool.exporter[0].template[0].labels.team == "data"
    error_message = "The worker pool and its revisions have the labels."
  }
}

run "exporter_in_a_third_project" {
  command = plan

  variables {
    project_id = "jobs-prod"
  }

  assert {
    condition     = keys(google_monitoring_monitored_project.scoped) == ["billing-prod", "jobs-prod"]
    error_message = "The metrics scope has the watched projects and the exporter's: policies and dashboard read Cloud Run's own metrics."
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

run "exporter_in_a_third_project_and_scope_managed_elsewhere" {
  command = plan

  variables {
    project_id           = "jobs-prod"
    manage_metrics_scope = false
  }

  expect_failures = [check.exporter_in_metrics_scope]

  assert {
    condition     = [for name, policy in local.policies : name if !policy.enabled && name != "stream-activity-errors"] == ["exporter-executions-failing"]
    error_message = "Only the policy that would page for ever is disabled, and the one that is off by default."
  }
}

run "exporter_in_the_scope_managed_elsewhere" {
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
    paused                   = true
    collect_objects_schedule = "7 * * * *"
  }

  expect_failures = [check.not_paused]

  assert {
    condition     = alltrue(values(google_cloud_scheduler_job.exporter)[*].paused)
    error_message = "Every schedule is paused."
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

run "without_policies_and_dashboard" {
  command = plan

  variables {
    create_dashboard      = false
    create_policies       = false
    notification_channels = {}
  }

  assert {
    condition     = length(google_monitoring_alert_policy.policy) == 0 && length(google_monitoring_dashboard.fleet) == 0
    error_message = "Neither exists. Without policies, missing channels are no reason to warn."
  }

  assert {
    condition     = output.dashboard_url == null && output.dashboard_id == null && output.policy_ids == {} && toset(values(output.log_policies)) == toset(["none: create_policies is false"])
    error_message = "The outputs say so."
  }

  assert {
    condition     = length(google_cloud_run_v2_job.exporter) == 1 && length(google_monitoring_metric_descriptor.exporter) > 0
    error_message = "The exporter still runs."
  }
}

run "metric_data_outlives_the_module" {
  command = plan

  assert {
    condition     = toset(values(google_monitoring_metric_descriptor.exporter)[*].deletion_policy) == toset(["ABANDON"])
    error_message = "Destroy leaves the descriptors and their data."
  }
}

run "metric_data_deleted_on_request" {
  command = plan

  variables {
    delete_metric_data_on_destroy = true
  }

  assert {
    condition     = toset(values(google_monitoring_metric_descriptor.exporter)[*].deletion_policy) == toset(["DELETE"])
    error_message = "Destroy deletes the descriptors if asked to."
  }
}

run "descriptors_managed_elsewhere" {
  command = plan

  variables {
    create_metric_descriptors = false
  }

  assert {
    condition     = length(google_monitoring_metric_descriptor.exporter) == 0
    error_message = "The module leaves descriptors alone."
  }
}

run "one_deployment_for_each_metrics_project" {
  command = plan

  variables {
    name = "streams-test"
  }

  assert {
    condition     = google_monitoring_custom_service.deployment.project == "orders-prod" && google_monitoring_custom_service.deployment.service_id == "datastream-exporter"
    error_message = "The marker's id doesn't depend on the deployment's name."
  }
}
