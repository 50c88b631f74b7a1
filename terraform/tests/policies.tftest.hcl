# What inputs change in the alert policies, for every policy at once. The Python tests compare each
# policy with its file. It needs no cloud and no credentials: terraform init && terraform test

mock_provider "google" {
  override_during = plan

  mock_resource "google_monitoring_dashboard" {
    defaults = { id = "projects/123/dashboards/9" }
  }
}

variables {
  mode                  = "job"
  region                = "europe-west1"
  image                 = "europe-west1-docker.pkg.dev/orders-prod/tools/datastream-exporter@sha256:0000000000000000000000000000000000000000000000000000000000000000"
  config_yaml           = <<-EOT
    metrics: {project: orders-prod}
    sources:
      - {project: orders-prod}
      - {project: billing-prod, locations: [europe-west1]}
  EOT
  notification_channels = { CRITICAL = ["projects/orders-prod/notificationChannels/1"] }
}

run "every_policy_changed" {
  command         = plan
  expect_failures = [check.everything_alerts]

  variables {
    mode = "worker_pool"
    policy_overrides = {
      for file in fileset("../alerting_policies", "*.yaml") : trimsuffix(file, ".yaml") => {
        enabled               = false
        severity              = "ERROR"
        notification_channels = ["projects/orders-prod/notificationChannels/9"]
      }
    }
    labels = { team = "data" }
    # Every policy has channels of its own, so there is no warning.
    notification_channels = {}
  }

  assert {
    condition = alltrue([
      for key, policy in google_monitoring_alert_policy.policy :
      !policy.enabled && policy.severity == "ERROR" &&
      policy.notification_channels == tolist(["projects/orders-prod/notificationChannels/9"]) &&
      policy.user_labels == tomap(merge(local.originals[basename(key)].userLabels, { team = "data" }))
    ])
    error_message = "Every policy can be disabled and have its own severity and channels; labels apply to all."
  }

  assert {
    condition     = keys(google_monitoring_alert_policy.policy) == [for name, file in local.originals : name if !can(file.enabled)]
    error_message = "What policy_overrides switches off stays, disabled. What its file switches off is absent, also on logs."
  }
}

run "mentions_and_reminders" {
  command = plan

  variables {
    slack_mentions     = { CRITICAL = "<!subteam^S0123>" }
    renotify_intervals = { CRITICAL = "3600s", WARNING = "7200s" }
  }

  assert {
    condition = alltrue([
      for key, policy in google_monitoring_alert_policy.policy :
      policy.documentation[0].content == "${local.texts[basename(key)][0]}${policy.severity == "CRITICAL" ? "\n\n<!subteam^S0123>" : ""}"
    ])
    error_message = "A mention ends the text of every policy of its severity, and of no other."
  }

  assert {
    condition = alltrue([
      for key, policy in google_monitoring_alert_policy.policy :
      join(",", policy.alert_strategy[0].notification_channel_strategy[*].renotify_interval) == (
        can(local.promql[key]) ? lookup({ CRITICAL = "3600s", WARNING = "7200s" }, policy.severity, "") : ""
      )
    ])
    error_message = "Open incidents notify again at their severity's interval. Policies on a log have no such setting."
  }
}

run "routes" {
  command = plan

  variables {
    config_yaml = <<-EOT
      metrics: {project: orders-prod}
      sources: [{project: orders-prod}, {project: "example.com:billing"}, {project: shop-prod}]
    EOT
    routes = {
      billing = {
        projects = ["example.com:billing", "orders-prod"]
        notification_channels = {
          CRITICAL = ["projects/orders-prod/notificationChannels/2"]
          WARNING  = ["projects/orders-prod/notificationChannels/3"]
        }
        log_notification_channels = { "example.com:billing" = ["projects/example.com:billing/notificationChannels/5"] }
        slack_mentions            = { CRITICAL = "<!here>" }
        runbook_url               = "https://wiki.example.com/billing"
      }
      shop = {
        projects                  = ["shop-prod"]
        notification_channels     = null
        log_notification_channels = { shop-prod = ["projects/shop-prod/notificationChannels/4"] }
      }
    }
    mode           = "worker_pool"
    name           = "streams-prod"
    slack_mentions = { CRITICAL = "<!channel>" }
    policy_overrides = {
      stream-errors = {
        notification_channels = ["projects/orders-prod/notificationChannels/5"]
        runbook_url           = "https://wiki.example.com/errors"
      }
      stream-changed = { enabled = true }
    }
  }

  assert {
    condition = {
      for key, policy in google_monitoring_alert_policy.policy : key => policy.notification_channels[0]
      if can(regex("stream-(failed|errors|changed|state-changed)$", key))
      } == {
      "billing/stream-failed"              = "projects/orders-prod/notificationChannels/2"
      "billing/stream-errors"              = "projects/orders-prod/notificationChannels/3"
      "billing/stream-state-changed"       = "projects/orders-prod/notificationChannels/3"
      "stream-state-changed"               = "projects/orders-prod/notificationChannels/1"
      "stream-failed"                      = "projects/orders-prod/notificationChannels/1"
      "stream-errors"                      = "projects/orders-prod/notificationChannels/5"
      "orders-prod/stream-changed"         = "projects/orders-prod/notificationChannels/3"
      "shop-prod/stream-changed"           = "projects/shop-prod/notificationChannels/4"
      "example.com:billing/stream-changed" = "projects/example.com:billing/notificationChannels/5"
    }
    error_message = "A route has its own channels, also for the metrics project's log, or channels for its projects' logs only; policy_overrides changes those of the default route."
  }

  assert {
    condition = (
      endswith(google_monitoring_alert_policy.policy["billing/stream-failed"].documentation[0].content, "<!here>") &&
      endswith(google_monitoring_alert_policy.policy["stream-failed"].documentation[0].content, "<!channel>") &&
      google_monitoring_alert_policy.policy["billing/stream-failed"].user_labels.route == "billing" &&
      google_monitoring_alert_policy.policy["billing/stream-failed"].display_name == "${google_monitoring_alert_policy.policy["stream-failed"].display_name} (billing)" &&
      endswith(google_monitoring_alert_policy.policy["shop-prod/stream-changed"].display_name, " (shop)")
    )
    error_message = "A route has its own mentions; its policies are named and labelled after it."
  }

  assert {
    condition = {
      for key in ["billing/stream-failed", "billing/stream-errors", "stream-failed", "stream-errors"] : key => [
        for documentation in google_monitoring_alert_policy.policy[key].documentation :
        "${split("\n", documentation.content)[0]} ${join(", ", documentation.links[*].display_name)}"
      ]
      } == {
      "billing/stream-failed" = ["**Runbook.** [Open the runbook](https://wiki.example.com/billing). Runbook, Stream, Log of the stream"]
      "billing/stream-errors" = ["**Runbook.** [Open the runbook](https://wiki.example.com/errors). Runbook, Stream, Log of the stream"]
      "stream-failed"         = ["${split("\n", local.texts["stream-failed"][0])[0]} Stream, Log of the stream, Dashboard"]
      "stream-errors"         = ["**Runbook.** [Open the runbook](https://wiki.example.com/errors). Runbook, Stream, Log of the stream"]
    }
    error_message = "A runbook comes first: that of the policy, else that of the route."
  }

  assert {
    condition = {
      for key, policy in google_monitoring_alert_policy.policy :
      "${policy.project} ${key}" => [
        for log in policy.conditions[0].condition_matched_log : split("\n", log.filter)[0]
        if strcontains(log.filter, "worker_pool_name=\"streams-prod\"")
      ] if endswith(key, "stream-state-changed")
      } == {
      "orders-prod stream-state-changed"         = ["NOT jsonPayload.project=~\"^(example[.]com:billing|orders-prod)$\""]
      "orders-prod billing/stream-state-changed" = ["jsonPayload.project=~\"^(example[.]com:billing|orders-prod)$\""]
    }
    error_message = "Policies on the exporter's log read the log of this deployment: in its project, once for each route, narrowed by the project in the entry."
  }
}
