# Each input that is refused, with the variable that says why. No cloud and no credentials are needed:
# terraform init && terraform test

mock_provider "google" {}

variables {
  region = "europe-west1"
  image  = "europe-west1-docker.pkg.dev/orders-prod/tools/datastream-exporter@sha256:0000000000000000000000000000000000000000000000000000000000000000"
  config = <<-EOT
    metrics: {project: orders-prod}
    sources: [{project: orders-prod}, {project: billing-prod}]
  EOT
  notification_channels = {
    CRITICAL = ["projects/orders-prod/notificationChannels/1"]
    ERROR    = ["projects/orders-prod/notificationChannels/1"]
  }
}

run "the_name_of_a_file_instead_of_its_text" {
  command = plan

  variables {
    config = "config.yaml"
  }

  expect_failures = [var.config]
}

run "a_config_without_sources" {
  command = plan

  variables {
    config = "metrics: {project: orders-prod}"
  }

  expect_failures = [var.config]
}

run "the_examples_project" {
  command = plan

  variables {
    config = "metrics: {project: my-project}\nsources: [{project: my-project}]"
  }

  expect_failures = [var.config]
}

run "a_config_that_fits_no_variable" {
  command = plan

  variables {
    config = "metrics: {project: orders-prod}\nsources: [{project: orders-prod}]\n# ${join("", [for _ in range(1024) : "a comment of thirty-two letters."])}"
  }

  expect_failures = [var.config]
}

run "a_slower_interval" {
  command = plan

  variables {
    mode     = "continuous"
    interval = "120s"
  }

  expect_failures = [var.interval]
}

run "a_faster_interval" {
  command = plan

  variables {
    mode     = "continuous"
    interval = "5s"
  }

  expect_failures = [var.interval]
}

run "an_interval_in_minutes" {
  command = plan

  variables {
    mode     = "continuous"
    interval = "1m"
  }

  expect_failures = [var.interval]
}

run "an_unknown_mode" {
  command = plan

  variables {
    mode = "hourly"
  }

  expect_failures = [var.mode]
}

run "an_image_by_tag" {
  command = plan

  variables {
    image = "europe-west1-docker.pkg.dev/orders-prod/tools/datastream-exporter:latest"
  }

  expect_failures = [var.image]
}

run "a_zone" {
  command = plan

  variables {
    region = "europe-west1-b"
  }

  expect_failures = [var.region]
}

run "no_region" {
  command = plan

  variables {
    region = "global"
  }

  expect_failures = [var.region]
}

run "a_name_that_is_too_long" {
  command = plan

  variables {
    name = "datastream-exporter-of-the-data-platform"
  }

  expect_failures = [var.name]
}

run "labels_in_capitals" {
  command = plan

  variables {
    labels = { Team = "data" }
  }

  expect_failures = [var.labels]
}

run "no_cron_schedule" {
  command = plan

  variables {
    collect_objects_schedule = "hourly"
  }

  expect_failures = [var.collect_objects_schedule]
}

run "a_second_job_in_continuous_mode" {
  command = plan

  variables {
    mode                     = "continuous"
    collect_objects_schedule = "7 * * * *"
  }

  expect_failures = [var.collect_objects_schedule]
}

run "objects_collected_twice" {
  command = plan

  variables {
    collect_objects_schedule = "7 * * * *"
    config                   = "metrics: {project: orders-prod}\nsources: [{project: orders-prod}]\ncollect: {objects: true}"
  }

  expect_failures = [var.collect_objects_schedule]
}

run "half_a_task" {
  command = plan

  variables {
    tasks = 1.5
  }

  expect_failures = [var.tasks]
}

run "tasks_in_continuous_mode" {
  command = plan

  variables {
    mode  = "continuous"
    tasks = 2
  }

  expect_failures = [var.tasks]
}

run "another_projects_channel" {
  command = plan

  variables {
    notification_channels = { CRITICAL = ["projects/billing-prod/notificationChannels/1"] }
  }

  expect_failures = [var.notification_channels]
}

run "logs_of_a_project_that_is_not_watched" {
  command = plan

  variables {
    log_notification_channels = { shop-prod = ["Shop team"] }
  }

  expect_failures = [var.log_notification_channels]
}

run "another_projects_channel_for_logs" {
  command = plan

  variables {
    log_notification_channels = { billing-prod = ["projects/orders-prod/notificationChannels/1"] }
  }

  expect_failures = [var.log_notification_channels]
}

run "a_mention_that_notifies_nobody" {
  command = plan

  variables {
    mentions = { CRITICAL = "@oncall" }
  }

  expect_failures = [var.mentions]
}

run "a_renotification_that_is_too_frequent" {
  command = plan

  variables {
    renotify_intervals = { CRITICAL = "60s" }
  }

  expect_failures = [var.renotify_intervals]
}

run "a_renotification_in_hours" {
  command = plan

  variables {
    renotify_intervals = { CRITICAL = "4h" }
  }

  expect_failures = [var.renotify_intervals]
}

run "an_auto_close_that_is_too_soon" {
  command = plan

  variables {
    auto_close = "60s"
  }

  expect_failures = [var.auto_close]
}

run "an_unknown_policy" {
  command = plan

  variables {
    policies = { stream-faild = { enabled = false } }
  }

  expect_failures = [var.policies]
}

run "an_unknown_severity" {
  command = plan

  variables {
    policies = { stream-failed = { severity = "P1" } }
  }

  expect_failures = [var.policies]
}

run "a_duration_in_minutes" {
  command = plan

  variables {
    policies = { stream-failed = { duration = "5m" } }
  }

  expect_failures = [var.policies]
}

run "a_duration_that_is_too_long" {
  command = plan

  variables {
    policies = { stream-failed = { duration = "90000s" } }
  }

  expect_failures = [var.policies]
}

run "a_duration_of_a_policy_on_a_log" {
  command = plan

  variables {
    policies = { stream-changed = { duration = "60s" } }
  }

  expect_failures = [var.policies]
}

run "a_threshold_where_there_is_none" {
  command = plan

  variables {
    policies = { stream-failed = { threshold = 3 } }
  }

  expect_failures = [var.policies]
}

run "a_threshold_below_nothing" {
  command = plan

  variables {
    policies = { stream-lagging = { threshold = -1 } }
  }

  expect_failures = [var.policies]
}

run "another_projects_channel_for_a_policy" {
  command = plan

  variables {
    policies = { stream-failed = { notification_channels = ["projects/billing-prod/notificationChannels/1"] } }
  }

  expect_failures = [var.policies]
}

run "a_folder_without_policies" {
  command = plan

  variables {
    policy_directory = "./examples/one-project"
  }

  expect_failures = [var.policy_directory]
}

run "a_folder_with_policies_of_the_same_names" {
  command = plan

  variables {
    policy_directory = "../alerting_policies"
  }

  expect_failures = [var.policy_directory]
}

run "a_slack_channel_without_its" {
  command = plan

  variables {
    slack_channel = { channel_name = "alerts" }
    slack_token   = "xoxb-1"
  }

  expect_failures = [var.slack_channel]
}

run "a_slack_channel_without_a_token" {
  command = plan

  variables {
    slack_channel = { channel_name = "#alerts" }
  }

  expect_failures = [var.slack_channel]
}

run "a_slack_channel_for_an_unknown_severity" {
  command = plan

  variables {
    slack_channel = { channel_name = "#alerts", severities = ["HIGH"] }
    slack_token   = "xoxb-1"
  }

  expect_failures = [var.slack_channel]
}

run "a_run_that_outlasts_its_minute" {
  command = plan

  variables {
    config = "metrics: {project: orders-prod}\nsources: [{project: orders-prod}]\nrun: {deadline: 2m}"
  }

  expect_failures = [google_cloud_run_v2_job.exporter]
}

run "a_duration_that_is_too_long_for_its_look_back" {
  command = plan

  variables {
    policies = { stream-missing = { duration = "7200s" } }
  }

  expect_failures = [google_monitoring_alert_policy.policy]
}
