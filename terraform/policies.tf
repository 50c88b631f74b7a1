# The policies are files in the API's own form. What a user changes of one is put in here, so that a
# changed threshold is one changed policy in the plan.

locals {
  own_folder = "${path.module}/../alerting_policies"

  # Names are file names: they stay when a text changes.
  files = merge(
    { for file in fileset(local.own_folder, "*.yaml") : trimsuffix(file, ".yaml") => "${local.own_folder}/${file}" },
    var.policy_directory == null ? {} : {
      for file in fileset(var.policy_directory, "*.yaml") : trimsuffix(file, ".yaml") => "${var.policy_directory}/${file}"
    },
  )

  policy_names = sort(keys(local.files))

  # A policy of Cloud Run's count of executions makes sense where there is a job.
  unwanted = local.scheduled ? [] : ["exporter-executions-failing"]

  originals = {
    for name, file in local.files : name => yamldecode(file(file)) if !contains(local.unwanted, name)
  }

  unchanged = {
    enabled = null, severity = null, duration = null, threshold = null, notification_channels = null
  }
  changes = { for name in local.policy_names : name => try(var.policies[name], local.unchanged) }

  enabled = {
    for name, policy in local.originals : name => coalesce(local.changes[name].enabled, try(policy.enabled, true))
  }

  # By policy that has one. Switched off, it is reached by nothing: those that yield to it no longer do.
  thresholds = {
    for name, policy in local.originals : name => {
      original = policy.userLabels.threshold
      chosen   = tostring(coalesce(local.changes[name].threshold, policy.userLabels.threshold))
      reached  = local.enabled[name] ? tostring(coalesce(local.changes[name].threshold, policy.userLabels.threshold)) : "Inf"
    } if can(policy.userLabels.threshold)
  }

  no_threshold     = { original = "none", chosen = "none", reached = "none" }
  own_thresholds   = { for name in keys(local.originals) : name => try(local.thresholds[name], local.no_threshold) }
  other_thresholds = { for name, policy in local.originals : name => try(local.thresholds[policy.userLabels.yields_to], local.no_threshold) }

  promql = {
    for name, policy in local.originals : name => policy.conditions[0].conditionPrometheusQueryLanguage
    if can(policy.conditions[0].conditionPrometheusQueryLanguage)
  }

  holds = {
    for name, condition in local.promql : name => {
      original = tonumber(trimsuffix(condition.duration, "s"))
      now      = tonumber(trimsuffix(coalesce(local.changes[name].duration, condition.duration), "s"))
    }
  }

  # What was last seen counts for an hour, or, where the hold is longer than two minutes, for two
  # thirds of it: else one sighting would fill the hold. A look-back that is written as this one is
  # grows and shrinks with the hold.
  look_backs = {
    for name, hold in local.holds : name => {
      for when, seconds in hold : when => seconds <= 120 ? "1h" : "${floor(seconds * 2 / 3)}s"
    }
  }

  # Step by step: the look-back, the policy's own threshold, that of the policy it yields to, and the
  # job's name.
  queries = {
    for name, condition in local.promql : name => replace(
      replace(
        replace(
          replace(
            condition.query,
            "[${local.look_backs[name].original}]",
            "[${local.look_backs[name].now}]",
          ),
          "/(>=?) ${local.own_thresholds[name].original}\\b/",
          "$1 ${local.own_thresholds[name].chosen}",
        ),
        "/(>=?) ${local.other_thresholds[name].original}\\b/",
        "$1 ${local.other_thresholds[name].reached}",
      ),
      "job_name=\"datastream-exporter\"",
      "job_name=\"${var.name}\"",
    )
  }

  # The longest range of each query, in seconds.
  longest = {
    for name, query in local.queries : name => max(0, [
      for range in regexall("\\[([0-9]+)([smh])\\]", query) : tonumber(range[0]) * { s = 1, m = 60, h = 3600 }[range[1]]
    ]...)
  }

  severity = { for name, policy in local.originals : name => coalesce(local.changes[name].severity, policy.severity) }

  has_channels = {
    for name, severity in local.severity : name => (
      local.changes[name].notification_channels == null
      ? local.notified[severity]
      : length(local.changes[name].notification_channels) > 0
    )
  }

  policy_channels = {
    for name, severity in local.severity : name => (
      local.changes[name].notification_channels == null
      ? local.channels[severity]
      : [for channel in local.changes[name].notification_channels : local.channel_names["${local.metrics_project}/${channel}"]]
    )
  }

  # What each policy is, wherever it is made.
  policies = {
    for name, policy in local.originals : name => {
      policy   = policy
      severity = local.severity[name]
      enabled  = local.enabled[name]
      content  = join("\n\n", compact([trimspace(policy.documentation.content), var.mentions[local.severity[name]]]))
      labels = merge(
        try(policy.userLabels, {}),
        can(local.thresholds[name]) ? { threshold = local.thresholds[name].chosen } : {},
      )
    }
  }

  # Policies on metrics live once, in the metrics project; those on logs beside the logs.
  placed = merge(
    {
      for name, condition in local.promql : name => merge(local.policies[name], {
        project  = local.metrics_project
        channels = local.policy_channels[name]
        log      = []
        promql   = [merge(condition, { query = local.queries[name], duration = "${local.holds[name].now}s" })]
        # One that names no channel would be refused.
        renotify_interval = local.has_channels[name] ? var.renotify_intervals[local.severity[name]] : null
      })
    },
    local.placed_beside_logs,
  )
}

resource "google_monitoring_alert_policy" "policy" {
  for_each = local.placed

  project      = each.value.project
  display_name = each.value.policy.displayName
  severity     = each.value.severity
  enabled      = each.value.enabled
  combiner     = each.value.policy.combiner
  user_labels  = merge(var.labels, each.value.labels)

  notification_channels = each.value.channels

  conditions {
    display_name = each.value.policy.conditions[0].displayName

    dynamic "condition_prometheus_query_language" {
      for_each = each.value.promql

      content {
        query                     = condition_prometheus_query_language.value.query
        duration                  = condition_prometheus_query_language.value.duration
        evaluation_interval       = condition_prometheus_query_language.value.evaluationInterval
        disable_metric_validation = condition_prometheus_query_language.value.disableMetricValidation
      }
    }

    dynamic "condition_matched_log" {
      for_each = each.value.log

      content {
        filter           = condition_matched_log.value.filter
        label_extractors = try(condition_matched_log.value.labelExtractors, null)
      }
    }
  }

  documentation {
    mime_type = each.value.policy.documentation.mimeType
    subject   = each.value.policy.documentation.subject
    content   = each.value.content

    dynamic "links" {
      for_each = try(each.value.policy.documentation.links, [])

      content {
        display_name = links.value.displayName
        url          = links.value.url
      }
    }
  }

  alert_strategy {
    auto_close           = coalesce(var.auto_close, each.value.policy.alertStrategy.autoClose)
    notification_prompts = try(each.value.policy.alertStrategy.notificationPrompts, null)

    dynamic "notification_rate_limit" {
      for_each = try([each.value.policy.alertStrategy.notificationRateLimit], [])

      content {
        period = notification_rate_limit.value.period
      }
    }

    dynamic "notification_channel_strategy" {
      for_each = compact([each.value.renotify_interval])

      content {
        notification_channel_names = each.value.channels
        renotify_interval          = notification_channel_strategy.value
      }
    }
  }

  lifecycle {
    precondition {
      condition     = !can(local.longest[each.key]) || try(local.longest[each.key] + local.holds[each.key].now <= 90000, false)
      error_message = "policies: ${each.key} would wait ${try(local.holds[each.key].now, 0)}s and looks back ${try(local.longest[each.key], 0)}s. Cloud Monitoring takes 90000s (25 hours) of both together: take a shorter duration."
    }
  }

  # Descriptors and scope first: a policy that names what is not there sees nothing. The exporter
  # too: its first run comes before exporter-silent has waited for long enough.
  depends_on = [
    google_cloud_run_v2_worker_pool.exporter,
    google_cloud_scheduler_job.exporter,
    google_monitoring_metric_descriptor.exporter,
    google_monitoring_monitored_project.watched,
    google_project_service.enabled,
  ]
}
