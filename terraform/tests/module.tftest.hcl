# What the module makes of its inputs. No cloud and no credentials are needed:
# terraform init && terraform test

mock_provider "google" {
  mock_data "google_monitoring_notification_channel" {
    defaults = { name = "projects/orders-prod/notificationChannels/7" }
  }
}

variables {
  region = "europe-west1"
  image  = "europe-west1-docker.pkg.dev/orders-prod/tools/datastream-exporter@sha256:0000000000000000000000000000000000000000000000000000000000000000"
  config = <<-EOT
    metrics: {project: orders-prod}
    sources:
      - {project: orders-prod}
      - {project: billing-prod, locations: [europe-west1]}
  EOT
  notification_channels = {
    CRITICAL = ["On-call"]
    ERROR    = ["projects/orders-prod/notificationChannels/1"]
  }
}

run "scheduled" {
  command = plan

  assert {
    condition     = keys(google_cloud_run_v2_job.exporter) == ["streams"] && length(google_cloud_run_v2_worker_pool.exporter) == 0
    error_message = "The scheduled mode makes one job and no worker pool."
  }

  assert {
    condition     = google_cloud_scheduler_job.exporter["streams"].schedule == "* * * * *"
    error_message = "The job runs every minute."
  }

  assert {
    condition     = google_cloud_run_v2_job.exporter["streams"].template[0].template[0].max_retries == 0
    error_message = "A run is not tried again: the next minute's run does that."
  }

  assert {
    condition     = one([for env in google_cloud_run_v2_job.exporter["streams"].template[0].template[0].containers[0].env : env.value if env.name == "DATASTREAM_EXPORTER_CONFIG"]) == var.config
    error_message = "The job gets the whole text of config.yaml."
  }
}

run "least_permissions" {
  command = plan

  assert {
    condition     = google_project_iam_custom_role.lister["orders-prod"].permissions == toset(["datastream.locations.list", "datastream.streams.list"])
    error_message = "A project whose locations are discovered needs the right to list them."
  }

  assert {
    condition     = google_project_iam_custom_role.lister["billing-prod"].permissions == toset(["datastream.streams.list"])
    error_message = "A project whose locations are listed does not."
  }
}

run "objects_on_a_schedule_of_their_own" {
  command = plan

  variables {
    collect_objects_schedule = "7 * * * *"
  }

  assert {
    condition     = google_cloud_run_v2_job.exporter["objects"].template[0].template[0].containers[0].args == tolist(["run", "--collect", "objects"])
    error_message = "The second job collects objects and nothing else."
  }

  assert {
    condition     = contains(google_project_iam_custom_role.lister["billing-prod"].permissions, "datastream.objects.list")
    error_message = "It may list them."
  }
}

run "continuous" {
  command = plan

  variables {
    mode     = "continuous"
    interval = "30s"
  }

  assert {
    condition     = length(google_cloud_run_v2_job.exporter) == 0 && length(google_cloud_scheduler_job.exporter) == 0 && length(google_service_account.scheduler) == 0
    error_message = "The continuous mode makes no job, no schedule and no account for it."
  }

  assert {
    condition     = google_cloud_run_v2_worker_pool.exporter[0].template[0].containers[0].args == tolist(["watch", "--interval", "30s"])
    error_message = "The worker pool watches at the given interval."
  }

  assert {
    condition     = !contains(keys(google_monitoring_alert_policy.policy), "exporter-executions-failing")
    error_message = "Without a job there are no executions to watch."
  }
}

run "channels_by_severity" {
  command = plan

  assert {
    condition     = google_monitoring_alert_policy.policy["stream-failed"].notification_channels == tolist(["projects/orders-prod/notificationChannels/7"])
    error_message = "A channel that is named by its display name is looked up."
  }

  assert {
    condition     = google_monitoring_alert_policy.policy["stream-unexpected-state"].notification_channels == tolist(["projects/orders-prod/notificationChannels/1"])
    error_message = "A channel that is named in full is taken as it is."
  }

  assert {
    condition     = output.log_policies["billing-prod"] != "made" && output.log_policies["orders-prod"] != "made"
    error_message = "No policy on a log without a channel for it, and the output says so."
  }
}

run "nobody_is_notified" {
  command = plan

  variables {
    notification_channels = {}
  }

  expect_failures = [check.somebody_is_notified]
}

run "changes_of_policies" {
  command = plan

  variables {
    policies = {
      streams-failing-together    = { enabled = false }
      streams-unexpected-together = { threshold = 10 }
      stream-stuck                = { duration = "1800s", severity = "WARNING" }
      stream-failed               = { notification_channels = ["projects/orders-prod/notificationChannels/9"] }
    }
    mentions           = { CRITICAL = "<!channel>" }
    renotify_intervals = { CRITICAL = "3600s" }
    auto_close         = "7200s"
  }

  assert {
    condition     = google_monitoring_alert_policy.policy["streams-failing-together"].enabled == false && google_monitoring_alert_policy.policy["stream-failed"].enabled == true
    error_message = "A policy that is switched off stays, disabled."
  }

  assert {
    condition     = !strcontains(google_monitoring_alert_policy.policy["stream-failed"].conditions[0].condition_prometheus_query_language[0].query, ">= 5") && strcontains(google_monitoring_alert_policy.policy["stream-failed"].conditions[0].condition_prometheus_query_language[0].query, ">= Inf")
    error_message = "Nothing keeps quiet for a policy that is switched off."
  }

  assert {
    condition     = strcontains(google_monitoring_alert_policy.policy["stream-unexpected-state"].conditions[0].condition_prometheus_query_language[0].query, ">= 10") && strcontains(google_monitoring_alert_policy.policy["streams-unexpected-together"].conditions[0].condition_prometheus_query_language[0].query, ">= 10")
    error_message = "A threshold changes in its policy and in those that yield to it."
  }

  assert {
    condition     = google_monitoring_alert_policy.policy["streams-unexpected-together"].user_labels["threshold"] == "10"
    error_message = "The label tells the threshold that is in force."
  }

  assert {
    condition     = google_monitoring_alert_policy.policy["stream-stuck"].conditions[0].condition_prometheus_query_language[0].duration == "1800s" && strcontains(google_monitoring_alert_policy.policy["stream-stuck"].conditions[0].condition_prometheus_query_language[0].query, "[1200s]") && google_monitoring_alert_policy.policy["stream-stuck"].severity == "WARNING"
    error_message = "The look-back stays two thirds of the hold."
  }

  assert {
    condition     = google_monitoring_alert_policy.policy["stream-failed"].notification_channels == tolist(["projects/orders-prod/notificationChannels/9"])
    error_message = "A policy can have channels of its own."
  }

  assert {
    condition     = endswith(google_monitoring_alert_policy.policy["stream-failed"].documentation[0].content, "\n\n<!channel>") && !strcontains(google_monitoring_alert_policy.policy["stream-stuck"].documentation[0].content, "<!channel>")
    error_message = "A mention is appended to the pages of its severity alone."
  }

  assert {
    condition     = google_monitoring_alert_policy.policy["stream-failed"].alert_strategy[0].notification_channel_strategy[0].renotify_interval == "3600s" && length(google_monitoring_alert_policy.policy["stream-errors"].alert_strategy[0].notification_channel_strategy) == 0
    error_message = "Only incidents of a severity with an interval notify again."
  }

  assert {
    condition     = google_monitoring_alert_policy.policy["stream-failed"].alert_strategy[0].auto_close == "7200s"
    error_message = "Auto-close can be set."
  }
}

run "policies_of_ones_own" {
  command = plan

  variables {
    policy_directory = "./examples/organisation/policies"
    policies         = { orders-paused = { severity = "ERROR" } }
  }

  assert {
    condition     = google_monitoring_alert_policy.policy["orders-paused"].severity == "ERROR"
    error_message = "A folder of one's own adds policies, which can be changed like the others."
  }
}

run "a_slack_channel" {
  command = plan

  variables {
    slack_channel = { channel_name = "#data-alerts", severities = ["WARNING"] }
    slack_token   = "xoxb-1"
  }

  assert {
    condition     = google_monitoring_notification_channel.slack[0].type == "slack" && google_monitoring_notification_channel.slack[0].labels["channel_name"] == "#data-alerts"
    error_message = "A Slack channel is made."
  }

  assert {
    condition     = output.log_policies["orders-prod"] == "made"
    error_message = "With a channel for their severity, policies on the metrics project's log are made."
  }
}
