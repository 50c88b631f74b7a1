# The alert policies. The user's changes are applied here, so that a new threshold shows in the plan as
# one changed policy.

locals {
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

  # Links to the exporter itself, its log and its schedule. In the files, they are those of the policy's
  # project, which differs if project_id is set.
  exporter_link = {
    pattern     = "/(console\\.cloud\\.google\\.com/(?:run|cloudscheduler|logs/query;query=resource\\.type%3D%22cloud_run)[^)?\\s]*\\?project=)(\\$\\{project\\})/"
    replacement = local.job_project == local.metrics_project ? "$${1}$${2}" : "$${1}${local.job_project}"
  }
  texts = {
    for name, policy in local.originals :
    name => replace(trimspace(policy.documentation.content), local.exporter_link.pattern, local.exporter_link.replacement)
  }

  # What doesn't depend on the project that a policy is in.
  policies = {
    for name, policy in local.originals : name => {
      policy   = policy
      severity = local.severity[name]
      enabled  = local.enabled[name]
      content  = join("\n\n", compact([local.texts[name], lookup(var.slack_mentions, local.severity[name], null)]))
      links = [
        for link in try(policy.documentation.links, []) : merge(link, {
          url = replace(link.url, local.exporter_link.pattern, local.exporter_link.replacement)
        })
      ]
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
        renotify_interval = local.has_channels[name] ? lookup(var.renotify_intervals, local.severity[name], null) : null
      })
    },
    local.placed_beside_logs,
  )
}

resource "google_monitoring_alert_policy" "policy" {
  for_each = { for key, policy in local.placed : key => policy if var.create_policies }

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
      for_each = each.value.links

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
      condition = alltrue([
        for number in keys(try(local.query_numbers[each.key], {})) : strcontains(local.promql[each.key].query, "> (${number})") || strcontains(local.promql[each.key].query, ">= (${number})")
      ])
      error_message = "${each.key}: its query must have each of these numbers in parentheses, as \"> (N)\" or \">= (N)\": userLabels.threshold, and the threshold of the policy in userLabels.yields_to. They are ${join(", ", keys(try(local.query_numbers[each.key], {})))}."
    }

    precondition {
      condition     = !can(local.thresholds[each.key]) || try(local.thresholds[each.key].original != local.thresholds[local.originals[each.key].userLabels.yields_to].original, true)
      error_message = "${each.key}: userLabels.threshold equals the threshold of the policy in userLabels.yields_to. Use different numbers, so that the query shows which one is which."
    }

    precondition {
      condition     = !can(local.longest[each.key]) || try(local.longest[each.key] + local.retest_windows[each.key].now <= 90000, false)
      error_message = "policy_overrides: ${each.key} has a retest window of ${try(local.retest_windows[each.key].now, 0)}s and looks back ${try(local.longest[each.key], 0)}s. Cloud Monitoring allows 90000s (25 hours) for both together: use a shorter duration."
    }
  }

  # Descriptors and metrics scope first: without them, a policy sees nothing. The exporter too, so
  # that it runs before exporter-silent's retest window ends.
  depends_on = [
    google_cloud_run_v2_worker_pool.exporter,
    google_cloud_scheduler_job.exporter,
    google_monitoring_custom_service.deployment,
    google_monitoring_metric_descriptor.exporter,
    google_monitoring_monitored_project.scoped,
    google_project_service.enabled,
  ]
}
