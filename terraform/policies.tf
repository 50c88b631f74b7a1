# The policies are files in the API's own form. This file applies the user's changes, so that a new
# threshold shows in the plan as one changed policy.

locals {
  own_folder = "${path.module}/../alerting_policies"

  # Keyed by file name, which stays when a text changes.
  files = merge(
    { for file in fileset(local.own_folder, "*.yaml") : trimsuffix(file, ".yaml") => "${local.own_folder}/${file}" },
    var.policy_directory == null ? {} : {
      for file in fileset(var.policy_directory, "*.yaml") : trimsuffix(file, ".yaml") => "${var.policy_directory}/${file}"
    },
  )

  policy_names = sort(keys(local.files))

  # The policy on Cloud Run's execution count needs a job.
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

  # For policies that have one. A disabled policy's threshold is never reached, so that no policy
  # yields to it.
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

  retest_windows = {
    for name, condition in local.promql : name => {
      original = tonumber(trimsuffix(condition.duration, "s"))
      now      = tonumber(trimsuffix(coalesce(local.changes[name].duration, condition.duration), "s"))
    }
  }

  # The look-back window is an hour, or two thirds of a retest window longer than two minutes:
  # otherwise a single sighting would fill the retest window. A look-back window in the query that
  # has this length changes with the retest window.
  look_backs = {
    for name, window in local.retest_windows : name => {
      for when, seconds in window : when => seconds <= 120 ? "1h" : "${floor(seconds * 2 / 3)}s"
    }
  }

  # Replaces, from the inside out: the look-back window, the policy's own threshold, the threshold of
  # the policy it yields to, and the job's name.
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

  # The longest look-back window of each query, in seconds.
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

  # What doesn't depend on the project that a policy is in.
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

  # A policy on metrics is in the metrics project; a policy on a log is in the log's project.
  placed = merge(
    {
      for name, condition in local.promql : name => merge(local.policies[name], {
        project  = local.metrics_project
        channels = local.policy_channels[name]
        log      = []
        promql   = [merge(condition, { query = local.queries[name], duration = "${local.retest_windows[name].now}s" })]
        # The API rejects a renotification without channels.
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
      condition     = !can(local.longest[each.key]) || try(local.longest[each.key] + local.retest_windows[each.key].now <= 90000, false)
      error_message = "policies: ${each.key} has a retest window of ${try(local.retest_windows[each.key].now, 0)}s and looks back ${try(local.longest[each.key], 0)}s. Cloud Monitoring allows 90000s (25 hours) for both together: use a shorter duration."
    }
  }

  # Descriptors and metrics scope first: without them, a policy sees nothing. The exporter too, so
  # that it runs before exporter-silent's retest window ends.
  depends_on = [
    google_cloud_run_v2_worker_pool.exporter,
    google_cloud_scheduler_job.exporter,
    google_monitoring_metric_descriptor.exporter,
    google_monitoring_monitored_project.watched,
    google_project_service.enabled,
  ]
}
