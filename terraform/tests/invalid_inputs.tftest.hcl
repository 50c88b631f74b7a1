# Checks that plan rejects invalid inputs, and which variable reports it. It needs no cloud and
# no credentials: terraform init && terraform test

mock_provider "google" {}

# A check reads the function's state, which is otherwise unknown before the first apply.
override_resource {
  target          = google_cloudfunctions2_function.exporter[0]
  override_during = plan
  values          = { state = "ACTIVE" }
}

variables {
  region      = "europe-west1"
  image       = "europe-west1-docker.pkg.dev/orders-prod/tools/datastream-exporter@sha256:0000000000000000000000000000000000000000000000000000000000000000"
  config_yaml = <<-EOT
    metrics: {project: orders-prod}
    sources: [{project: orders-prod}, {project: billing-prod}]
  EOT
  notification_channels = {
    CRITICAL = ["projects/orders-prod/notificationChannels/1"]
    ERROR    = ["projects/orders-prod/notificationChannels/1"]
    WARNING  = ["projects/orders-prod/notificationChannels/1"]
  }
}

run "config_is_a_file_name" {
  command = plan

  variables {
    config_yaml = "config.yaml"
  }

  expect_failures = [var.config_yaml]
}

run "config_without_sources" {
  command = plan

  variables {
    config_yaml = "metrics: {project: orders-prod}"
  }

  expect_failures = [var.config_yaml]
}

run "config_with_the_placeholder_project" {
  command = plan

  variables {
    config_yaml = "metrics: {project: my-project}\nsources: [{project: my-project}]"
  }

  expect_failures = [var.config_yaml]
}

run "config_too_long" {
  command = plan

  variables {
    config_yaml = "metrics: {project: orders-prod}\nsources: [{project: orders-prod}]\n# ${join("", [for _ in range(1024) : "a comment of thirty-two letters."])}"
  }

  expect_failures = [var.config_yaml]
}

run "interval_too_long" {
  command = plan

  variables {
    mode           = "worker_pool"
    watch_interval = "120s"
  }

  expect_failures = [var.watch_interval]
}

run "interval_too_short" {
  command = plan

  variables {
    mode           = "worker_pool"
    watch_interval = "5s"
  }

  expect_failures = [var.watch_interval]
}

run "interval_in_minutes" {
  command = plan

  variables {
    mode           = "worker_pool"
    watch_interval = "1m"
  }

  expect_failures = [var.watch_interval]
}

run "unknown_mode" {
  command = plan

  variables {
    mode = "hourly"
  }

  expect_failures = [var.mode]
}

run "image_without_digest" {
  command = plan

  variables {
    image = "europe-west1-docker.pkg.dev/orders-prod/tools/datastream-exporter:latest"
  }

  expect_failures = [var.image]
}

run "region_is_a_zone" {
  command = plan

  variables {
    region = "europe-west1-b"
  }

  expect_failures = [var.region]
}

run "region_is_global" {
  command = plan

  variables {
    region = "global"
  }

  expect_failures = [var.region]
}

run "name_too_long" {
  command = plan

  variables {
    name = "datastream-exporter-of-the-data-platform"
  }

  expect_failures = [var.name]
}

run "label_in_capitals" {
  command = plan

  variables {
    labels = { Team = "data" }
  }

  expect_failures = [var.labels]
}

run "schedule_without_five_fields" {
  command = plan

  variables {
    collect_objects_schedule = "hourly"
  }

  expect_failures = [var.collect_objects_schedule]
}

run "objects_job_of_the_worker_pool" {
  command = plan

  variables {
    mode                     = "worker_pool"
    collect_objects_schedule = "7 * * * *"
  }

  expect_failures = [var.collect_objects_schedule]
}

run "objects_collected_twice" {
  command = plan

  variables {
    collect_objects_schedule = "7 * * * *"
    config_yaml              = "metrics: {project: orders-prod}\nsources: [{project: orders-prod}]\ncollect: {objects: true}"
  }

  expect_failures = [var.collect_objects_schedule]
}

run "fractional_tasks" {
  command = plan

  variables {
    task_count = 1.5
  }

  expect_failures = [var.task_count]
}

run "tasks_of_the_worker_pool" {
  command = plan

  variables {
    mode       = "worker_pool"
    task_count = 2
  }

  expect_failures = [var.task_count]
}

run "channel_of_another_project" {
  command = plan

  variables {
    notification_channels = { CRITICAL = ["projects/billing-prod/notificationChannels/1"] }
  }

  expect_failures = [var.notification_channels]
}

run "log_channels_outside_routes" {
  command = plan

  variables {
    log_notification_channels = { billing-prod = ["Billing team"] }
  }

  expect_failures = [var.log_notification_channels]
}

run "route_of_an_unwatched_project" {
  command = plan

  variables {
    routes = { shop = { projects = ["shop-prod"], notification_channels = { CRITICAL = ["projects/orders-prod/notificationChannels/1"], ERROR = ["projects/orders-prod/notificationChannels/1"], WARNING = ["projects/orders-prod/notificationChannels/1"] } } }
  }

  expect_failures = [var.routes]
}

run "project_in_two_routes" {
  command = plan

  variables {
    routes = {
      a = { projects = ["billing-prod"], notification_channels = { CRITICAL = ["projects/orders-prod/notificationChannels/1"], ERROR = ["projects/orders-prod/notificationChannels/1"], WARNING = ["projects/orders-prod/notificationChannels/1"] } }
      b = { projects = ["billing-prod"], notification_channels = { CRITICAL = ["projects/orders-prod/notificationChannels/1"], ERROR = ["projects/orders-prod/notificationChannels/1"], WARNING = ["projects/orders-prod/notificationChannels/1"] } }
    }
  }

  expect_failures = [var.routes]
}

run "route_without_projects" {
  command = plan

  variables {
    routes = { billing = { projects = [], notification_channels = { CRITICAL = ["projects/orders-prod/notificationChannels/1"], ERROR = ["projects/orders-prod/notificationChannels/1"], WARNING = ["projects/orders-prod/notificationChannels/1"] } } }
  }

  expect_failures = [var.routes]
}

run "route_without_a_severity" {
  command = plan

  variables {
    routes = { billing = { projects = ["billing-prod"], notification_channels = { CRITICAL = ["projects/orders-prod/notificationChannels/1"], ERROR = ["projects/orders-prod/notificationChannels/1"] } } }
  }

  expect_failures = [var.routes]
}

run "route_with_a_misspelled_severity" {
  command = plan

  variables {
    routes = { billing = { projects = ["billing-prod"], notification_channels = { CRITCAL = ["projects/orders-prod/notificationChannels/1"], ERROR = [], WARNING = [] } } }
  }

  expect_failures = [var.routes]
}

run "route_with_an_unknown_attribute" {
  command = plan

  variables {
    routes = { billing = { project = "billing-prod" } }
  }

  expect_failures = [var.routes]
}

run "route_with_channels_of_another_project" {
  command = plan

  variables {
    routes = { billing = { projects = ["billing-prod"], notification_channels = { CRITICAL = ["projects/billing-prod/notificationChannels/1"], ERROR = [], WARNING = [] } } }
  }

  expect_failures = [var.routes]
}

run "route_with_log_channels_of_another_route" {
  command = plan

  variables {
    routes = { billing = { projects = ["billing-prod"], log_notification_channels = { orders-prod = ["Orders team"] } } }
  }

  expect_failures = [var.routes]
}

run "route_with_log_channels_in_another_project" {
  command = plan

  variables {
    routes = { billing = { projects = ["billing-prod"], log_notification_channels = { billing-prod = ["projects/orders-prod/notificationChannels/1"] } } }
  }

  expect_failures = [var.routes]
}

run "route_with_a_mention_in_plain_text" {
  command = plan

  variables {
    routes = { billing = { projects = ["billing-prod"], slack_mentions = { CRITICAL = "@oncall" } } }
  }

  expect_failures = [var.routes]
}

run "route_in_capitals" {
  command = plan

  variables {
    routes = { Billing = { projects = ["billing-prod"] } }
  }

  expect_failures = [var.routes]
}

run "mention_in_plain_text" {
  command = plan

  variables {
    slack_mentions = { CRITICAL = "@oncall" }
  }

  expect_failures = [var.slack_mentions]
}

run "renotify_interval_too_short" {
  command = plan

  variables {
    renotify_intervals = { CRITICAL = "60s" }
  }

  expect_failures = [var.renotify_intervals]
}

run "renotify_interval_in_hours" {
  command = plan

  variables {
    renotify_intervals = { CRITICAL = "4h" }
  }

  expect_failures = [var.renotify_intervals]
}

run "auto_close_too_short" {
  command = plan

  variables {
    auto_close = "60s"
  }

  expect_failures = [var.auto_close]
}

run "unknown_policy" {
  command = plan

  variables {
    policy_overrides = { stream-faild = { enabled = false } }
  }

  expect_failures = [var.policy_overrides]
}

run "unknown_severity" {
  command = plan

  variables {
    policy_overrides = { stream-failed = { severity = "P1" } }
  }

  expect_failures = [var.policy_overrides]
}

run "duration_in_minutes" {
  command = plan

  variables {
    policy_overrides = { stream-failed = { duration = "5m" } }
  }

  expect_failures = [var.policy_overrides]
}

run "duration_too_long" {
  command = plan

  variables {
    policy_overrides = { stream-failed = { duration = "90000s" } }
  }

  expect_failures = [var.policy_overrides]
}

run "duration_of_a_log_policy" {
  command = plan

  variables {
    policy_overrides = { stream-changed = { duration = "60s" } }
  }

  expect_failures = [var.policy_overrides]
}

run "threshold_of_a_policy_without_one" {
  command = plan

  variables {
    policy_overrides = { stream-failed = { threshold = 3 } }
  }

  expect_failures = [var.policy_overrides]
}

run "negative_threshold" {
  command = plan

  variables {
    policy_overrides = { stream-lagging = { threshold = -1 } }
  }

  expect_failures = [var.policy_overrides]
}

run "policy_channel_of_another_project" {
  command = plan

  variables {
    policy_overrides = { stream-failed = { notification_channels = ["projects/billing-prod/notificationChannels/1"] } }
  }

  expect_failures = [var.policy_overrides]
}

run "policy_directory_without_policies" {
  command = plan

  variables {
    policy_directory = "./examples/one-project"
  }

  expect_failures = [var.policy_directory]
}

run "policy_directory_with_the_modules_names" {
  command = plan

  variables {
    policy_directory = "../alerting_policies"
  }

  expect_failures = [var.policy_directory]
}

run "slack_channel_without_its_hash" {
  command = plan

  variables {
    slack_channel = { channel_name = "alerts" }
    slack_token   = "xoxb-1"
  }

  expect_failures = [var.slack_channel]
}

run "slack_channel_without_token" {
  command = plan

  variables {
    slack_channel = { channel_name = "#alerts" }
  }

  expect_failures = [var.slack_channel]
}

run "slack_channel_for_unknown_severity" {
  command = plan

  variables {
    slack_channel = { channel_name = "#alerts", severities = ["HIGH"] }
    slack_token   = "xoxb-1"
  }

  expect_failures = [var.slack_channel]
}

run "deadline_longer_than_a_minute" {
  command = plan

  variables {
    config_yaml = "metrics: {project: orders-prod}\nsources: [{project: orders-prod}]\nrun: {deadline: 2m}"
  }

  expect_failures = [google_cloud_run_v2_job.exporter]
}

run "duration_too_long_for_its_look_back_window" {
  command = plan

  variables {
    policy_overrides = { stream-missing = { duration = "7200s" } }
  }

  expect_failures = [google_monitoring_alert_policy.policy]
}

run "label_that_policies_use" {
  command = plan

  variables {
    labels = { policy = "mine" }
  }

  expect_failures = [var.labels]
}

run "existing_account_without_email" {
  command = plan

  variables {
    service_account = { create = false }
  }

  expect_failures = [var.service_account]
}

run "new_account_with_email" {
  command = plan

  variables {
    service_account = { email = "exporter@orders-prod.iam.gserviceaccount.com" }
  }

  expect_failures = [var.service_account]
}

run "existing_account_with_prefix" {
  command = plan

  variables {
    scheduler_service_account = { create = false, email = "serviceAccount:cron@orders-prod.iam.gserviceaccount.com" }
  }

  expect_failures = [var.scheduler_service_account]
}

run "binary_authorization_without_policy" {
  command = plan

  variables {
    binary_authorization = {}
  }

  expect_failures = [var.binary_authorization]
}

run "binary_authorization_with_two_policies" {
  command = plan

  variables {
    binary_authorization = { use_default = true, policy = "projects/p/platforms/cloudRun/policies/x" }
  }

  expect_failures = [var.binary_authorization]
}

run "half_a_cpu" {
  command = plan

  variables {
    cpu = "0.5"
  }

  expect_failures = [var.cpu]
}

run "too_little_memory" {
  command = plan

  variables {
    memory = "256Mi"
  }

  expect_failures = [var.memory]
}

run "memory_without_unit" {
  command = plan

  variables {
    memory = "512"
  }

  expect_failures = [var.memory]
}

run "key_version_as_encryption_key" {
  command = plan

  variables {
    encryption_key = "projects/keys/locations/europe-west1/keyRings/run/cryptoKeys/jobs/cryptoKeyVersions/1"
  }

  expect_failures = [var.encryption_key]
}

run "config_as_environment_variable" {
  command = plan

  variables {
    environment_variables = { DATASTREAM_EXPORTER_CONFIG = "metrics: {project: p}" }
  }

  expect_failures = [var.environment_variables]
}

run "environment_variable_with_a_dash" {
  command = plan

  variables {
    environment_variables = { "HTTPS-PROXY" = "http://proxy" }
  }

  expect_failures = [var.environment_variables]
}

run "tags_of_the_worker_pool" {
  command = plan

  variables {
    mode = "worker_pool"
    tags = { "tagKeys/1" = "tagValues/2" }
  }

  expect_failures = [var.tags]
}

run "vpc_with_connector_and_network" {
  command = plan

  variables {
    vpc_access = { connector = "c", network = "n" }
  }

  expect_failures = [var.vpc_access]
}

run "vpc_without_network" {
  command = plan

  variables {
    vpc_access = { egress = "ALL_TRAFFIC" }
  }

  expect_failures = [var.vpc_access]
}

run "vpc_with_unknown_egress" {
  command = plan

  variables {
    vpc_access = { network = "n", egress = "all-traffic" }
  }

  expect_failures = [var.vpc_access]
}

run "config_with_unknown_key" {
  command = plan

  variables {
    config_yaml = "metrics: {project: orders-prod}\nsources: [{project: orders-prod}]\nexpectatons: []"
  }

  expect_failures = [var.config_yaml]
}

run "config_with_unknown_key_of_a_source" {
  command = plan

  variables {
    config_yaml = "metrics: {project: orders-prod}\nsources: [{project: orders-prod, location: [europe-west1]}]"
  }

  expect_failures = [var.config_yaml]
}

run "config_with_text_for_a_list" {
  command = plan

  variables {
    config_yaml = "metrics: {project: orders-prod}\nsources: [{project: orders-prod, locations: europe-west1}]"
  }

  expect_failures = [var.config_yaml]
}

run "config_with_an_empty_list" {
  command = plan

  variables {
    config_yaml = "metrics: {project: orders-prod}\nsources: []"
  }

  expect_failures = [var.config_yaml]
}

run "config_with_unknown_state" {
  command = plan

  variables {
    config_yaml = "metrics: {project: orders-prod}\nsources: [{project: orders-prod}]\nexpectations: [{match: \"*\", states: [PAUSD]}]"
  }

  expect_failures = [var.config_yaml]
}

run "config_with_text_for_a_switch" {
  command = plan

  variables {
    config_yaml = "metrics: {project: orders-prod}\nsources: [{project: orders-prod}]\ncollect: {objects: \"yes\"}"
  }

  expect_failures = [var.config_yaml]
}

run "config_with_yes_for_a_switch" {
  command = plan

  variables {
    config_yaml = "metrics: {project: orders-prod}\nsources: [{project: orders-prod}]\ncollect:\n  objects: yes # every hour"
  }

  expect_failures = [var.config_yaml]
}

run "config_with_a_number_for_a_duration" {
  command = plan

  variables {
    config_yaml = "metrics: {project: orders-prod}\nsources: [{project: orders-prod}]\nrun: {deadline: 60}"
  }

  expect_failures = [var.config_yaml]
}

run "config_with_fractional_concurrency" {
  command = plan

  variables {
    config_yaml = "metrics: {project: orders-prod}\nsources: [{project: orders-prod}]\nrun: {concurrency: 1.5}"
  }

  expect_failures = [var.config_yaml]
}

run "config_that_is_not_yaml" {
  command = plan

  variables {
    config_yaml = "metrics: {project: orders-prod"
  }

  expect_failures = [var.config_yaml]
}

run "misspelled_severity_of_channels" {
  command = plan

  variables {
    notification_channels = { CRITCAL = ["projects/orders-prod/notificationChannels/1"] }
  }

  expect_failures = [var.notification_channels]
}

run "lower_case_severity_of_channels" {
  command = plan

  variables {
    notification_channels = { critical = ["projects/orders-prod/notificationChannels/1"] }
  }

  expect_failures = [var.notification_channels]
}

run "channel_id_that_is_none" {
  command = plan

  variables {
    notification_channels = { CRITICAL = ["projects/orders-prod/notificationChannels/on-call"] }
  }

  expect_failures = [var.notification_channels]
}

run "lower_case_severity_of_mentions" {
  command = plan

  variables {
    slack_mentions = { critical = "<!channel>" }
  }

  expect_failures = [var.slack_mentions]
}

run "lower_case_severity_of_renotifications" {
  command = plan

  variables {
    renotify_intervals = { warning = "3600s" }
  }

  expect_failures = [var.renotify_intervals]
}

run "misspelled_threshold" {
  command = plan

  variables {
    policy_overrides = { stream-lagging = { treshold = 1800 } }
  }

  expect_failures = [var.policy_overrides]
}

run "misspelled_enabled" {
  command = plan

  variables {
    policy_overrides = { stream-lagging = { enable = false } }
  }

  expect_failures = [var.policy_overrides]
}

run "override_that_is_no_object" {
  command = plan

  variables {
    policy_overrides = { stream-lagging = false }
  }

  expect_failures = [var.policy_overrides]
}

run "fractional_threshold" {
  command = plan

  variables {
    policy_overrides = { stream-lagging = { threshold = 900.5 } }
  }

  expect_failures = [var.policy_overrides]
}

run "fractional_duration" {
  command = plan

  variables {
    policy_overrides = { stream-lagging = { duration = "60.5s" } }
  }

  expect_failures = [var.policy_overrides]
}

run "fractional_auto_close" {
  command = plan

  variables {
    auto_close = "3600.5s"
  }

  expect_failures = [var.auto_close]
}

run "fractional_renotify_interval" {
  command = plan

  variables {
    renotify_intervals = { CRITICAL = "3600.5s" }
  }

  expect_failures = [var.renotify_intervals]
}

run "misspelled_severities_of_a_slack_channel" {
  command = plan

  variables {
    slack_channel = { channel_name = "#alerts", severites = ["CRITICAL"] }
    slack_token   = "xoxb-1"
  }

  expect_failures = [var.slack_channel]
}

run "slack_channel_without_name" {
  command = plan

  variables {
    slack_channel = { severities = ["CRITICAL"] }
    slack_token   = "xoxb-1"
  }

  expect_failures = [var.slack_channel]
}

run "empty_slack_token" {
  command = plan

  variables {
    slack_channel = { channel_name = "#alerts" }
    slack_token   = ""
  }

  expect_failures = [var.slack_channel]
}

run "webhook_as_slack_token" {
  command = plan

  variables {
    slack_channel = { channel_name = "#alerts" }
    slack_token   = "https://hooks.slack.com/services/T/B/x"
  }

  expect_failures = [var.slack_channel]
}

run "unknown_attribute_of_binary_authorization" {
  command = plan

  variables {
    binary_authorization = { use_default = true, breakglass = "incident" }
  }

  expect_failures = [var.binary_authorization]
}

run "unknown_attribute_of_vpc_access" {
  command = plan

  variables {
    vpc_access = { network = "shared", subnetwrk = "run" }
  }

  expect_failures = [var.vpc_access]
}

run "region_that_does_not_exist" {
  command = plan

  variables {
    region = "europe-west5"
  }

  expect_failures = [var.region]
}

run "region_without_scheduler" {
  command = plan

  variables {
    region = "us-east5"
  }

  expect_failures = [var.scheduler_region]
}

run "scheduler_region_that_does_not_exist" {
  command = plan

  variables {
    scheduler_region = "us-est1"
  }

  expect_failures = [var.scheduler_region]
}

run "image_of_another_registry" {
  command = plan

  variables {
    image = "ghcr.io/me/datastream-exporter@sha256:0000000000000000000000000000000000000000000000000000000000000000"
  }

  expect_failures = [var.image]
}

run "minute_out_of_range" {
  command = plan

  variables {
    collect_objects_schedule = "60 * * * *"
  }

  expect_failures = [var.collect_objects_schedule]
}

run "month_out_of_range" {
  command = plan

  variables {
    collect_objects_schedule = "0 * 1 0 *"
  }

  expect_failures = [var.collect_objects_schedule]
}

run "unknown_day_of_the_week" {
  command = plan

  variables {
    collect_objects_schedule = "0 * * * monday"
  }

  expect_failures = [var.collect_objects_schedule]
}

run "policy_without_severity" {
  command = plan

  variables {
    policy_directory = "./tests/policies/without_severity"
  }

  expect_failures = [var.policy_directory]
}

run "policy_misspelled_severity" {
  command = plan

  variables {
    policy_directory = "./tests/policies/misspelled_severity"
  }

  expect_failures = [var.policy_directory]
}

run "policy_without_documentation" {
  command = plan

  variables {
    policy_directory = "./tests/policies/without_documentation"
  }

  expect_failures = [var.policy_directory]
}

run "policy_without_alert_strategy" {
  command = plan

  variables {
    policy_directory = "./tests/policies/without_alert_strategy"
  }

  expect_failures = [var.policy_directory]
}

run "policy_without_evaluation_interval" {
  command = plan

  variables {
    policy_directory = "./tests/policies/without_evaluation_interval"
  }

  expect_failures = [var.policy_directory]
}

run "policy_with_unclosed_bracket" {
  command = plan

  variables {
    policy_directory = "./tests/policies/unclosed_bracket"
  }

  expect_failures = [var.policy_directory]
}

run "policy_with_unclosed_quote" {
  command = plan

  variables {
    policy_directory = "./tests/policies/unclosed_quote"
  }

  expect_failures = [var.policy_directory]
}

run "policy_with_empty_query" {
  command = plan

  variables {
    policy_directory = "./tests/policies/empty_query"
  }

  expect_failures = [var.policy_directory]
}

run "policy_with_two_conditions" {
  command = plan

  variables {
    policy_directory = "./tests/policies/two_conditions"
  }

  expect_failures = [var.policy_directory]
}

run "job_without_an_image" {
  command = plan

  variables {
    image = null
  }

  expect_failures = [var.image]
}

run "log_triggers_of_a_job" {
  command = plan

  variables {
    log_triggers = true
  }

  expect_failures = [var.log_triggers]
}

run "build_repository_of_a_job" {
  command = plan

  variables {
    build_repository = "projects/orders-prod/locations/europe-west1/repositories/tools"
  }

  expect_failures = [var.build_repository]
}

run "build_repository_by_its_name" {
  command = plan

  variables {
    mode             = "function"
    build_repository = "tools"
  }

  expect_failures = [var.build_repository]
}

run "several_tasks_of_a_function" {
  command = plan

  variables {
    mode       = "function"
    task_count = 2
  }

  expect_failures = [var.task_count]
}

run "objects_schedule_of_a_function" {
  command = plan

  variables {
    mode                     = "function"
    collect_objects_schedule = "7 * * * *"
  }

  expect_failures = [var.collect_objects_schedule]
}

run "deadline_longer_than_a_request_to_the_function" {
  command = plan

  variables {
    mode        = "function"
    config_yaml = "${var.config_yaml}\nrun: {deadline: 51s}"
  }

  expect_failures = [google_cloudfunctions2_function.exporter]
}

run "accounts_of_the_function_without_an_address" {
  command = plan

  variables {
    mode                  = "function"
    build_service_account = { create = false }
    push_service_account  = { create = false, email = "push" }
  }

  expect_failures = [var.build_service_account, var.push_service_account]
}

run "misspelled_email_of_an_account" {
  command = plan

  variables {
    service_account = { emial = "exporter@orders-prod.iam.gserviceaccount.com" }
  }

  expect_failures = [var.service_account]
}
