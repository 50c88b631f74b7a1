# The alert policies. The user's changes are applied here, so that a new threshold shows in the plan as
# one changed policy.

locals {
  severity = { for name, policy in local.originals : name => coalesce(local.changes[name].severity, policy.severity) }

  # By policy and route. The channels in policy_overrides are for the default route.
  policy_channels = {
    for name, severity in local.severity : name => {
      for route, channels in local.route_channels : route => (
        route == "" && local.changes[name].notification_channels != null ? local.changes[name].notification_channels : channels[severity]
      )
    }
  }

  # Known at plan, unlike the channels' names.
  has_channels = {
    for name, routes in local.policy_channels : name => { for route, channels in routes : route => length(channels) > 0 }
  }

  # Links to the exporter itself, its log and its schedule. In the files, they are those of the policy's
  # project, which differs if project_id is set.
  exporter_link = {
    pattern     = "/(console\\.cloud\\.google\\.com/(?:run|cloudscheduler|logs/query;query=resource\\.type%3D%22cloud_run)[^)?\\s]*\\?project=)(\\$\\{project\\})/"
    replacement = local.job_project == local.metrics_project ? "$${1}$${2}" : "$${1}${local.job_project}"
  }

  # What the files can't name: the page of what is deployed, and the dashboard. That of a worker pool
  # isn't documented.
  exporter_page  = "console.cloud.google.com/run/${local.exporter_pages[var.mode]}/${var.region}/${var.name}?"
  exporter_pages = { function = "detail", job = "jobs/details", worker_pool = "worker-pools/details" }
  dashboards     = "${local.console}/monitoring/dashboards?project=$${project}"

  # The text of each policy, then its links' addresses.
  texts = {
    for name, policy in local.originals : name => [
      for text in concat([trimspace(policy.documentation.content)], try(policy.documentation.links[*].url, [])) : replace(
        replace(
          strcontains(text, local.dashboards) ? replace(text, local.dashboards, coalesce(local.dashboard_url, local.dashboards)) : text,
          local.exporter_link.pattern, local.exporter_link.replacement,
        ),
        "/console\\.cloud\\.google\\.com\\/run(?:\\/jobs)?\\?/", local.exporter_page,
      )
    ]
  }

  # What doesn't depend on the project that a policy is in, and on its route.
  policies = {
    for name, policy in local.originals : name => {
      name     = name
      policy   = policy
      severity = local.severity[name]
      enabled  = local.enabled[name]
      links    = [for index, link in try(policy.documentation.links, []) : merge(link, { url = local.texts[name][index + 1] })]
      labels = merge(
        try(policy.userLabels, {}),
        can(local.thresholds[name]) ? { threshold = local.thresholds[name].chosen } : {},
      )
    }
  }

  # A policy on metrics is in the metrics project, once for each route; a policy on a log is in the log's
  # project.
  placed = merge(
    merge([
      for name, queries in local.routed_queries : {
        for route, query in queries : route == "" ? name : "${route}/${name}" => merge(local.policies[name], {
          display_name = route == "" ? local.originals[name].displayName : "${local.originals[name].displayName} (${route})"
          content      = join("\n\n", compact([local.texts[name][0], lookup(local.route_mentions[route], local.severity[name], null)]))
          labels       = merge(local.policies[name].labels, { for key, value in { route = route } : key => value if value != "" })
          project      = local.metrics_project
          runbook      = local.runbooks[name][route]
          channels     = local.policy_channels[name][route]
          has_channels = local.has_channels[name][route]
          log          = []
          promql       = [merge(local.promql[name], { query = query, duration = "${local.retest_windows[name].now}s" })]
          # The API rejects a renotification without channels.
          renotify_interval = local.has_channels[name][route] ? lookup(var.renotify_intervals, local.severity[name], null) : null
        })
      }
    ]...),
    local.placed_beside_logs,
    local.placed_on_exporter_log,
  )
}

resource "google_monitoring_alert_policy" "policy" {
  for_each = { for key, policy in local.placed : key => policy if var.create_policies }

  project      = each.value.project
  display_name = each.value.display_name
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
        disable_metric_validation = try(condition_prometheus_query_language.value.disableMetricValidation, true)
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
    content   = join("\n\n", concat([for url in compact([each.value.runbook]) : "**Runbook.** [Open the runbook](${url})."], [each.value.content]))

    # The API allows three.
    dynamic "links" {
      for_each = slice(
        concat([for url in compact([each.value.runbook]) : { displayName = "Runbook", url = url }], each.value.links),
        0, min(3, length(compact([each.value.runbook])) + length(each.value.links)),
      )

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
        for number in keys(try(local.query_numbers[each.value.name], {})) : strcontains(local.promql[each.value.name].query, "> (${number})") || strcontains(local.promql[each.value.name].query, ">= (${number})")
      ])
      error_message = "${each.value.name}: its query must have each of these numbers in parentheses, as \"> (N)\" or \">= (N)\": userLabels.threshold, and the threshold of the policy in userLabels.yields_to. They are ${join(", ", keys(try(local.query_numbers[each.value.name], {})))}."
    }

    precondition {
      condition     = !can(local.thresholds[each.value.name]) || try(local.thresholds[each.value.name].original != local.thresholds[local.originals[each.value.name].userLabels.yields_to].original, true)
      error_message = "${each.value.name}: userLabels.threshold equals the threshold of the policy in userLabels.yields_to. Use different numbers, so that the query shows which one is which."
    }

    precondition {
      condition     = !can(local.longest[each.value.name]) || try(local.longest[each.value.name] + local.retest_windows[each.value.name].now <= 90000, false)
      error_message = "policy_overrides: ${each.value.name} has a retest window of ${try(local.retest_windows[each.value.name].now, 0)}s and looks back ${try(local.longest[each.value.name], 0)}s. Cloud Monitoring allows 90000s (25 hours) for both together: use a shorter duration."
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
