# Checks what the module creates from its inputs. It needs no cloud and no credentials:
# terraform init && terraform test

mock_provider "google" {
  mock_data "google_monitoring_notification_channel" {
    defaults = { name = "projects/orders-prod/notificationChannels/7" }
  }

  mock_resource "google_monitoring_alert_policy" {
    defaults = { name = "projects/orders-prod/alertPolicies/8" }
  }

  mock_resource "google_monitoring_dashboard" {
    defaults = { id = "projects/123/dashboards/9" }
  }
}

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
    CRITICAL = ["On-call"]
    ERROR    = ["projects/orders-prod/notificationChannels/1"]
    WARNING  = ["projects/orders-prod/notificationChannels/1"]
  }
}

run "job" {
  command = plan

  assert {
    condition     = keys(google_cloud_run_v2_job.exporter) == ["streams"] && length(google_cloud_run_v2_worker_pool.exporter) == 0
    error_message = "Mode job creates one job and no worker pool."
  }

  assert {
    condition     = google_cloud_run_v2_job.exporter["streams"].template[0].task_count == 1
    error_message = "One task reads every location by default."
  }

  assert {
    condition     = google_cloud_run_v2_job.exporter["streams"].template[0].template[0].timeout == "55s"
    error_message = "A run ends before the next one starts."
  }

  assert {
    condition     = google_cloud_run_v2_job.exporter["streams"].template[0].template[0].max_retries == 0
    error_message = "A failed run is not retried: the next minute's run replaces it."
  }

  assert {
    condition     = google_cloud_run_v2_job.exporter["streams"].template[0].template[0].containers[*].image == tolist([var.image])
    error_message = "The job runs the given image and no other."
  }

  assert {
    condition     = google_cloud_run_v2_job.exporter["streams"].template[0].template[0].containers[0].args == tolist(["run"])
    error_message = "The job makes one run."
  }

  assert {
    condition     = { for env in google_cloud_run_v2_job.exporter["streams"].template[0].template[0].containers[0].env : env.name => env.value } == { DATASTREAM_EXPORTER_CONFIG = var.config_yaml, DATASTREAM_EXPORTER_RUN__LOCATION = "europe-west1" }
    error_message = "The job gets the whole text of config.yaml and its region, and no other variable."
  }

  assert {
    condition     = google_cloud_scheduler_job.exporter["streams"].schedule == "* * * * *"
    error_message = "The job runs every minute."
  }

  assert {
    condition     = google_cloud_scheduler_job.exporter["streams"].http_target[0].http_method == "POST"
    error_message = "Cloud Scheduler starts the job with a POST."
  }

  assert {
    condition     = google_cloud_scheduler_job.exporter["streams"].http_target[0].uri == "https://run.googleapis.com/v2/projects/orders-prod/locations/europe-west1/jobs/datastream-exporter:run"
    error_message = "Cloud Scheduler calls the job's run method."
  }

  assert {
    condition     = google_cloud_scheduler_job.exporter["streams"].http_target[0].oauth_token[0].scope == "https://www.googleapis.com/auth/cloud-platform"
    error_message = "Google's APIs need an access token with the cloud-platform scope."
  }
}

run "apis_and_metrics_scope" {
  command = plan

  assert {
    condition = keys(google_project_service.enabled) == [
      "billing-prod/datastream.googleapis.com",
      "billing-prod/iam.googleapis.com",
      "orders-prod/cloudscheduler.googleapis.com",
      "orders-prod/datastream.googleapis.com",
      "orders-prod/iam.googleapis.com",
      "orders-prod/monitoring.googleapis.com",
      "orders-prod/run.googleapis.com",
    ]
    error_message = "Each project gets the APIs it needs and no others: ${join(", ", keys(google_project_service.enabled))}."
  }

  assert {
    condition     = alltrue([for key, api in google_project_service.enabled : key == "${api.project}/${api.service}" && !api.disable_on_destroy])
    error_message = "Destroying the module leaves the APIs enabled."
  }

  assert {
    condition     = [for each in google_monitoring_monitored_project.scoped : "${each.metrics_scope} ${each.name}"] == ["orders-prod billing-prod"]
    error_message = "The metrics scope includes every other watched project."
  }
}

run "apis_and_metrics_scope_managed_elsewhere" {
  command = plan

  variables {
    enable_apis          = false
    manage_metrics_scope = false
  }

  assert {
    condition     = length(google_project_service.enabled) == 0 && length(google_monitoring_monitored_project.scoped) == 0
    error_message = "The module leaves APIs and metrics scope alone when told to."
  }
}

run "least_permissions" {
  command = plan

  assert {
    condition     = google_project_iam_custom_role.lister["orders-prod"].permissions == toset(["datastream.locations.list", "datastream.streams.list"])
    error_message = "Discovering a project's locations needs the permission to list them."
  }

  assert {
    condition     = google_project_iam_custom_role.lister["billing-prod"].permissions == toset(["datastream.streams.list"])
    error_message = "A project with listed locations does not need it."
  }
}

run "permissions_for_objects" {
  command = plan

  variables {
    config_yaml = "${var.config_yaml}\ncollect: {objects: true}"
  }

  assert {
    condition     = google_project_iam_custom_role.lister["orders-prod"].permissions == toset(["datastream.locations.list", "datastream.objects.list", "datastream.streams.list"])
    error_message = "Collecting objects needs the permission to list them, in a discovered project too."
  }

  assert {
    condition     = google_project_iam_custom_role.lister["billing-prod"].permissions == toset(["datastream.objects.list", "datastream.streams.list"])
    error_message = "Collecting objects needs the permission to list them."
  }
}

run "permissions_for_private_connections" {
  command = plan

  variables {
    config_yaml = "${var.config_yaml}\ncollect: {private_connections: true}"
  }

  assert {
    condition     = google_project_iam_custom_role.lister["orders-prod"].permissions == toset(["datastream.locations.list", "datastream.privateConnections.list", "datastream.streams.list"])
    error_message = "Collecting private connections needs the permission to list them, in a discovered project too."
  }

  assert {
    condition     = google_project_iam_custom_role.lister["billing-prod"].permissions == toset(["datastream.privateConnections.list", "datastream.streams.list"])
    error_message = "Collecting private connections needs the permission to list them."
  }
}

run "objects_job" {
  command = plan

  variables {
    collect_objects_schedule = "7 * * * *"
  }

  assert {
    condition     = { for job in google_cloud_scheduler_job.exporter : job.name => job.schedule } == { "datastream-exporter" = "* * * * *", "datastream-exporter-objects" = "7 * * * *" }
    error_message = "Objects have a job of their own, on their own schedule."
  }

  assert {
    condition     = google_cloud_run_v2_job.exporter["objects"].template[0].template[0].containers[0].args == tolist(["run", "--collect", "objects"])
    error_message = "The second job collects objects only."
  }

  assert {
    condition     = { for env in google_cloud_run_v2_job.exporter["objects"].template[0].template[0].containers[0].env : env.name => env.value } == { DATASTREAM_EXPORTER_CONFIG = var.config_yaml, DATASTREAM_EXPORTER_RUN__DEADLINE = "14m", DATASTREAM_EXPORTER_RUN__LOCATION = "europe-west1" }
    error_message = "The second job has the same config and a longer deadline."
  }

  assert {
    condition     = google_cloud_run_v2_job.exporter["objects"].template[0].template[0].timeout == "900s" && google_cloud_run_v2_job.exporter["objects"].template[0].template[0].max_retries == 0
    error_message = "The second job has 15 minutes and no retry."
  }

  assert {
    condition = { for project, role in google_project_iam_custom_role.lister : project => sort(role.permissions) } == {
      billing-prod = tolist(["datastream.objects.list", "datastream.streams.list"])
      orders-prod  = tolist(["datastream.locations.list", "datastream.objects.list", "datastream.streams.list"])
    }
    error_message = "The exporter may list objects in each project."
  }
}

run "worker_pool" {
  command = plan

  variables {
    mode           = "worker_pool"
    watch_interval = "30s"
  }

  assert {
    condition     = length(google_cloud_run_v2_job.exporter) == 0 && length(google_cloud_scheduler_job.exporter) == 0 && length(google_service_account.scheduler) == 0
    error_message = "Mode worker_pool creates no job, no schedule and no account for one."
  }

  assert {
    condition     = google_cloud_run_v2_worker_pool.exporter[0].scaling[0].manual_instance_count == 1
    error_message = "Exactly one instance runs: two would write the same series."
  }

  assert {
    condition     = google_cloud_run_v2_worker_pool.exporter[0].template[0].containers[0].args == tolist(["watch", "--interval", "30s"])
    error_message = "The worker pool watches at the given interval."
  }

  assert {
    condition     = { for env in google_cloud_run_v2_worker_pool.exporter[0].template[0].containers[0].env : env.name => env.value } == { DATASTREAM_EXPORTER_CONFIG = var.config_yaml, DATASTREAM_EXPORTER_RUN__LOCATION = "europe-west1" }
    error_message = "The worker pool gets the whole text of config.yaml and its region, and no other variable."
  }

  assert {
    condition     = setsubtract(local.policy_names, keys(local.originals)) == toset(["exporter-executions-failing", "exporter-requests-failing"])
    error_message = "Without a job or a function there are no executions and requests to alert on. Every other policy exists."
  }
}

run "dashboard" {
  command = plan

  variables {
    name       = "streams-prod"
    project_id = "jobs-prod"
  }

  assert {
    condition     = jsondecode(google_monitoring_dashboard.fleet[0].dashboard_json).displayName == "Datastream streams (streams-prod)"
    error_message = "The title names the deployment."
  }

  assert {
    condition     = !strcontains(google_monitoring_dashboard.fleet[0].dashboard_json, "datastream-exporter") && strcontains(google_monitoring_dashboard.fleet[0].dashboard_json, "streams-prod(-objects)?")
    error_message = "Queries select this deployment's jobs."
  }

  assert {
    condition = {
      for tile in jsondecode(google_monitoring_dashboard.fleet[0].dashboard_json).mosaicLayout.tiles :
      tile.widget.title => join(" ", tile.widget.logsPanel.resourceNames) if can(tile.widget.logsPanel)
      } == {
      "Log of the exporter" = "projects/jobs-prod"
      "Log of the streams"  = "projects/billing-prod projects/orders-prod"
      "Who changed streams" = "projects/billing-prod projects/orders-prod"
    }
    error_message = "The exporter's log comes from the job's project, the streams' logs from the watched projects."
  }
}

run "slack_channel" {
  variables {
    slack_channel = { channel_name = "#data-alerts", severities = ["WARNING"] }
    slack_token   = "xoxb-1"
  }

  assert {
    condition     = google_monitoring_notification_channel.slack[0].type == "slack" && google_monitoring_notification_channel.slack[0].labels["channel_name"] == "#data-alerts"
    error_message = "The module creates the Slack channel."
  }

  assert {
    condition = alltrue([
      for policy in google_monitoring_alert_policy.policy :
      contains(policy.notification_channels, google_monitoring_notification_channel.slack[0].name) == (policy.severity == "WARNING")
    ])
    error_message = "The Slack channel gets the alerts of its severities only."
  }

  assert {
    condition     = output.log_policies["orders-prod"] == "made"
    error_message = "With a WARNING channel, the metrics project gets policies on its log."
  }
}

run "outputs" {
  variables {
    notification_channels = { CRITICAL = ["On-call"], ERROR = ["On-call"], WARNING = ["On-call"] }
    slack_channel         = { channel_name = "#data-alerts" }
    slack_token           = "xoxb-1"
  }

  assert {
    condition     = output.job_id == "projects/orders-prod/locations/europe-west1/jobs/datastream-exporter"
    error_message = "job_id is the job's full name."
  }

  assert {
    condition     = output.job_names == { streams = "datastream-exporter" }
    error_message = "job_names has the name of each job."
  }

  assert {
    condition     = output.scheduler_service_account_email == google_service_account.scheduler[0].email
    error_message = "scheduler_service_account_email is the scheduler's account."
  }

  assert {
    condition     = output.slack_channel_id == google_monitoring_notification_channel.slack[0].name
    error_message = "slack_channel_id is the created channel."
  }

  assert {
    condition     = output.dashboard_id == "projects/123/dashboards/9"
    error_message = "dashboard_id is the dashboard's id."
  }

  assert {
    condition     = output.policy_ids["stream-failed"] == "projects/orders-prod/alertPolicies/8" && keys(output.policy_ids) == keys(output.policy_urls)
    error_message = "policy_ids has each policy's full name."
  }

  assert {
    condition     = output.run_now_command == "gcloud run jobs execute datastream-exporter --project orders-prod --region europe-west1 --wait"
    error_message = "run_now_command is the command that starts the job."
  }

  assert {
    condition     = output.service_account_email == google_service_account.exporter[0].email
    error_message = "service_account_email is the exporter's account."
  }

  assert {
    condition     = endswith(output.check_command, " --impersonate-service-account ${google_service_account.exporter[0].email}")
    error_message = "check runs as the exporter's account."
  }

  assert {
    condition     = output.dashboard_url == "https://console.cloud.google.com/monitoring/dashboards/builder/9?project=orders-prod"
    error_message = "dashboard_url links to the dashboard: ${output.dashboard_url}."
  }

  assert {
    condition     = output.policy_urls["stream-failed"] == "https://console.cloud.google.com/monitoring/alerting/policies/8?project=orders-prod"
    error_message = "policy_urls links to each policy: ${output.policy_urls["stream-failed"]}."
  }

  assert {
    condition = output.log_policies == {
      billing-prod = "none: no route has log_notification_channels for billing-prod, where policies on its log must be"
      orders-prod  = "made"
    }
    error_message = "log_policies says why a project has no policies on its log."
  }
}

run "region_of_a_later_version" {
  command = plan

  variables {
    region             = "europe-west13"
    additional_regions = ["europe-west13"]
    scheduler_region   = "europe-west1"
  }

  assert {
    condition     = google_cloud_run_v2_job.exporter["streams"].location == "europe-west13" && google_cloud_scheduler_job.exporter["streams"].region == "europe-west1"
    error_message = "A region that Google opened later can be added."
  }
}

run "schedule_with_every_form_of_field" {
  command = plan

  variables {
    collect_objects_schedule = "*/15 0-5,7-23/2 1,31 JAN-mar mon"
  }

  assert {
    condition     = google_cloud_scheduler_job.exporter["objects"].schedule == var.collect_objects_schedule
    error_message = "Steps, ranges, lists and names are allowed."
  }
}
