# What the module creates in mode job, what organisations bring themselves or switch, and what
# inputs change in the policies; the Python tests compare each policy with its file. It needs no cloud and no
# credentials: terraform init && terraform test

mock_provider "google" {
  override_during = plan

  mock_resource "google_monitoring_dashboard" {
    defaults = { deletion_policy = "DELETE", id = "projects/123/dashboards/9" }
  }
}

variables {
  mode                  = "job"
  region                = "europe-west1"
  image                 = "orders/exporter@sha256:0000000000000000000000000000000000000000000000000000000000000000"
  config_yaml           = <<-EOT
    metrics: {project: orders-prod}
    sources:
      - {project: orders-prod}
      - {project: billing-prod, locations: [europe-west1]}
  EOT
  notification_channels = { CRITICAL = ["projects/orders-prod/notificationChannels/1"] }
}

run "job" {
  command = plan

  assert {
    condition = alltrue([
      for template in google_cloud_run_v2_job.exporter[0].template :
      template.task_count == 1 && template.template[0].timeout == "55s" && template.template[0].max_retries == 0
    ])
    error_message = "One task, which ends before the next run starts and is not retried: the next run replaces it."
  }

  assert {
    condition = alltrue([
      for container in google_cloud_run_v2_job.exporter[0].template[0].template[0].containers :
      "${container.image} ${join(" ", container.args)}" == "${var.image} run" &&
      { for env in container.env : env.name => env.value } == {
        DATASTREAM_EXPORTER_CONFIG   = var.config_yaml
        DATASTREAM_EXPORTER_LOCATION = "europe-west1"
        MALLOC_ARENA_MAX             = "2"
      }
    ])
    error_message = "The job makes one run of the image. It has config.yaml's text, the region and a limit of memory."
  }

  assert {
    condition = alltrue([
      for job in [google_cloud_scheduler_job.exporter] :
      job.schedule == "* * * * *" && job.http_target[0].http_method == "POST" &&
      endswith(job.http_target[0].uri, "/projects/orders-prod/locations/europe-west1/jobs/datastream-exporter:run") &&
      job.http_target[0].oauth_token[0].scope == "https://www.googleapis.com/auth/cloud-platform"
    ])
    error_message = "Cloud Scheduler starts the job every minute, with an access token."
  }

  assert {
    condition = setsubtract(local.policy_names, keys(local.originals)) == toset([
      "exporter-not-collecting", "stream-backfill-failed", "stream-backfill-long", "stream-quiet",
      "stream-state-changed",
    ])
    error_message = "Config collects and limits nothing, and a job logs no changes, so policies on that are left out. Every other policy exists."
  }

  assert {
    condition = {
      for project, role in google_project_iam_custom_role.lister :
      project => join(" ", [for each in role.permissions : replace(each, "/^[a-z]+[.]|[.]list$/", "")])
      } == {
      billing-prod = "streams"
      orders-prod  = "locations streams timeSeries.create timeSeries"
    }
    error_message = "Only a discovered project's locations are listed. Series are in the metrics project alone."
  }
}

run "left_to_somebody_else" {
  command = plan

  variables {
    config_yaml           = <<-EOT
      ${replace(var.config_yaml, "metrics: {project: orders-prod}", "metrics: {project: metrics-prod}")}
      collect: {objects: true}
      run: {location: europe-west4}
    EOT
    create_policies       = false
    enable_apis           = false
    manage_metrics_scope  = false
    notification_channels = {}
  }

  assert {
    condition = 0 == sum([
      length(google_project_service.enabled),
      length(google_monitoring_alert_policy.policy),
      length(google_monitoring_monitored_project.scoped),
    ])
    error_message = "The module leaves alone what it is told to, and doesn't warn of missing channels without policies."
  }

  assert {
    condition = one([
      for env in google_cloud_run_v2_job.exporter[0].template[0].template[0].containers[0].env : env.value
      if env.name == "DATASTREAM_EXPORTER_LOCATION"
    ]) == "europe-west4"
    error_message = "The location of its own series is that in config.yaml."
  }

  assert {
    condition = {
      for project, role in google_project_iam_custom_role.lister :
      project => join(" ", [for each in role.permissions : replace(each, "/^[a-z]+[.]|[.]list$/", "")])
      } == {
      billing-prod = "objects streams"
      metrics-prod = "timeSeries.create timeSeries"
      orders-prod  = "locations objects streams"
    }
    error_message = "What is collected is listed. A metrics project that isn't watched has permissions on series only."
  }
}

run "exporter_in_a_third_project" {
  command = plan

  variables {
    name       = "streams-prod"
    project_id = "jobs-prod"
  }

  assert {
    condition     = keys(google_monitoring_monitored_project.scoped) == ["billing-prod", "jobs-prod"]
    error_message = "The metrics scope has the watched projects and the exporter's: the dashboard sees its executions."
  }

  assert {
    condition = alltrue([
      for policy in google_monitoring_alert_policy.policy : alltrue([
        for text in concat([policy.documentation[0].content], policy.documentation[0].links[*].url) :
        length(regexall("(?:run/jobs|cloudscheduler|cloud_run_job)[^?]*\\?project=\\$", text)) == 0
      ])
      ]) && endswith(google_monitoring_alert_policy.policy["exporter-silent"].documentation[0].links[0].url,
    "/run/jobs/details/europe-west1/streams-prod?project=jobs-prod")
    error_message = "Links to the exporter, its log and its schedule lead to what is deployed, in its project."
  }

  assert {
    condition = alltrue([
      for policy in google_monitoring_alert_policy.policy : alltrue([
        for text in concat([policy.documentation[0].content], policy.documentation[0].links[*].url) :
        !strcontains(replace(text, "monitoring/dashboards/builder/9?project=orders-prod", ""), "monitoring/dashboards")
      ])
    ]) && google_monitoring_alert_policy.policy["stream-failed"].documentation[0].links[2].url == output.dashboard_url
    error_message = "Links to the dashboard lead to the one that is created."
  }

  assert {
    condition = alltrue([for text in [google_monitoring_dashboard.fleet.dashboard_json] :
      !strcontains(text, "datastream-exporter") && strcontains(text, "job_name=\\\"streams-prod\\\"")
    ])
    error_message = "Title and queries name this deployment."
  }

  assert {
    condition = {
      for tile in jsondecode(google_monitoring_dashboard.fleet.dashboard_json).mosaicLayout.tiles :
      tile.widget.title => join(" ", tile.widget.logsPanel.resourceNames) if can(tile.widget.logsPanel)
      } == {
      "Log of the exporter"                      = "projects/jobs-prod"
      "Log of the streams, and who changed them" = "projects/billing-prod projects/orders-prod"
    }
    error_message = "The exporter's log comes from the job's project, the streams' logs from the watched projects."
  }
}

run "outputs" {
  variables {
    notification_channels = { WARNING = [], CRITICAL = ["projects/orders-prod/notificationChannels/1"] }
    slack_channel         = { channel_name = "#data-alerts", severities = ["WARNING"] }
    slack_token           = "xoxb-1"
  }

  assert {
    condition = {
      account   = regex("[^ ]+$", output.check_command)
      dashboard = output.dashboard_url
      exporter  = output.created.exporter
      run_now   = output.run_now_command
      } == {
      account   = "datastream-exporter@orders-prod.iam.gserviceaccount.com"
      dashboard = "https://console.cloud.google.com/monitoring/dashboards/builder/9?project=orders-prod"
      exporter  = google_cloud_run_v2_job.exporter[0].id
      run_now   = "gcloud run jobs execute datastream-exporter --region europe-west1 --wait --project orders-prod"
    }
    error_message = "The outputs name and link what was created."
  }

  assert {
    condition = alltrue([
      for policy in google_monitoring_alert_policy.policy : policy.notification_channels == tolist([
        policy.severity == "WARNING" ? output.created.slack_channel : "projects/orders-prod/notificationChannels/1"
      ])
    ])
    error_message = "The Slack channel gets its severities only, ERROR has CRITICAL's channels, and [] has none."
  }
}

run "every_policy_changed" {
  command         = plan
  expect_failures = [check.inputs_are_as_intended]

  variables {
    mode = "function"
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
    mode           = "function"
    image          = null
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
        if strcontains(log.filter, "service_name=\"streams-prod\"")
      ] if endswith(key, "stream-state-changed")
      } == {
      "orders-prod stream-state-changed"         = ["NOT jsonPayload.project=~\"^(example[.]com:billing|orders-prod)$\""]
      "orders-prod billing/stream-state-changed" = ["jsonPayload.project=~\"^(example[.]com:billing|orders-prod)$\""]
    }
    error_message = "Policies on the exporter's log read the log of this deployment: in its project, once for each route, narrowed by the project in the entry."
  }
}
