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

run "channels_by_severity" {
  command = plan

  variables {
    notification_channels = {
      ERROR   = ["projects/orders-prod/notificationChannels/1"]
      WARNING = []
    }
  }

  # Nobody gets the CRITICAL and the WARNING alerts.
  expect_failures = [check.somebody_is_notified]

  assert {
    condition = { for policy in google_monitoring_alert_policy.policy : policy.severity => length(policy.notification_channels)... } == {
      for severity, count in { CRITICAL = 0, ERROR = 1, WARNING = 0 } : severity => [for policy in google_monitoring_alert_policy.policy : count if policy.severity == severity]
    }
    error_message = "A severity has its own channels, or those of the next higher one."
  }
}

run "every_policy_changed" {
  command         = plan
  expect_failures = [check.everything_alerts]

  variables {
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
        projects = ["example.com:billing"]
        notification_channels = {
          CRITICAL = ["projects/orders-prod/notificationChannels/2"]
          WARNING  = ["projects/orders-prod/notificationChannels/3"]
        }
        slack_mentions = { CRITICAL = "<!here>" }
        runbook_url    = "https://wiki.example.com/billing"
      }
      shop = {
        projects                  = ["shop-prod"]
        notification_channels     = null
        log_notification_channels = { shop-prod = ["projects/shop-prod/notificationChannels/4"] }
      }
    }
    slack_mentions = { CRITICAL = "<!channel>" }
    policy_overrides = {
      stream-errors = {
        notification_channels = ["projects/orders-prod/notificationChannels/5"]
        runbook_url           = "https://wiki.example.com/errors"
      }
    }
  }

  assert {
    condition = alltrue([
      for name, condition in local.promql : alltrue([
        for key, matcher in { (name) = "namespace!~\"example[.]com:billing\"", "billing/${name}" = "namespace=~\"example[.]com:billing\"" } : (
          google_monitoring_alert_policy.policy[key].conditions[0].condition_prometheus_query_language[0].query
          == replace(local.queries[name], "/(datastream_(?:stream|location|private_connection)_[a-z_]+\\{)/", "$${1}${matcher}, ")
        )
      ]) if contains(keys(google_monitoring_alert_policy.policy), "billing/${name}")
    ]) && length([for key in keys(google_monitoring_alert_policy.policy) : key if startswith(key, "billing/exporter-")]) == 0
    error_message = "Every selector of streams, locations and private connections is narrowed, and nothing else; exporter-* has no route."
  }

  assert {
    condition = {
      for key in ["billing/stream-failed", "billing/stream-errors", "stream-failed", "stream-errors", "shop-prod/stream-changed"] :
      key => google_monitoring_alert_policy.policy[key].notification_channels[0]
      } == {
      "billing/stream-failed"    = "projects/orders-prod/notificationChannels/2"
      "billing/stream-errors"    = "projects/orders-prod/notificationChannels/3"
      "stream-failed"            = "projects/orders-prod/notificationChannels/1"
      "stream-errors"            = "projects/orders-prod/notificationChannels/5"
      "shop-prod/stream-changed" = "projects/shop-prod/notificationChannels/4"
    }
    error_message = "A route has its own channels, or channels for its projects' logs only; policy_overrides changes those of the default route."
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
}

run "route_of_the_metrics_project" {
  command = plan

  variables {
    routes = {
      orders = {
        projects = ["orders-prod"]
        notification_channels = {
          CRITICAL = []
          ERROR    = ["projects/orders-prod/notificationChannels/2"]
          WARNING  = ["projects/orders-prod/notificationChannels/3"]
        }
        slack_mentions = { WARNING = "<!here>" }
      }
    }
  }

  # Nobody gets the route's CRITICAL alerts.
  expect_failures = [check.somebody_is_notified]

  assert {
    condition = (
      google_monitoring_alert_policy.policy["orders-prod/stream-changed"].notification_channels == tolist(["projects/orders-prod/notificationChannels/3"]) &&
      endswith(google_monitoring_alert_policy.policy["orders-prod/stream-changed"].documentation[0].content, "<!here>")
    )
    error_message = "Policies on the metrics project's log follow the route of that project."
  }
}

run "policies_on_the_exporters_log" {
  command = plan

  variables {
    name = "streams-prod"
    mode = "worker_pool"
    routes = {
      billing = {
        projects              = ["billing-prod"]
        notification_channels = { CRITICAL = ["projects/orders-prod/notificationChannels/2"] }
      }
    }
  }

  assert {
    condition = {
      for key, policy in google_monitoring_alert_policy.policy : key => [
        policy.project, policy.notification_channels[0], split("\n", policy.conditions[0].condition_matched_log[0].filter)[0]
      ] if endswith(key, "stream-state-changed")
      } == {
      stream-state-changed           = ["orders-prod", "projects/orders-prod/notificationChannels/1", "NOT jsonPayload.project=~\"^(billing-prod)$\""]
      "billing/stream-state-changed" = ["orders-prod", "projects/orders-prod/notificationChannels/2", "jsonPayload.project=~\"^(billing-prod)$\""]
    }
    error_message = "They are in the exporter's project, once for each route, narrowed by the project in the entry."
  }

  assert {
    condition     = strcontains(google_monitoring_alert_policy.policy["stream-state-changed"].conditions[0].condition_matched_log[0].filter, "worker_pool_name=\"streams-prod\"")
    error_message = "They read the log of this deployment."
  }
}
