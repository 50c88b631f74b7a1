# The alert policies. The user's changes are applied here: a new threshold shows in the plan as one changed policy.

locals {
  severity = { for name, policy in local.originals : name => coalesce(local.changes[name].severity, policy.severity) }

  # What the files can't name: the page of what is deployed, and the dashboard.
  exporter_page  = "${local.console}/run/${lookup(local.exporter_pages, var.mode, "")}/${var.region}/${var.name}?"
  exporter_pages = { function = "detail", job = "jobs/details" }
  dashboards     = "${local.console}/monitoring/dashboards?project=$${project}"

  # The text of each policy, then its links' addresses. Each place that changes is an exact text in the file. The
  # dashboard's address is known after the first apply.
  links = { for name, policy in local.originals : name => try(policy.documentation.links, []) }
  texts = {
    for name, policy in local.originals : name => [
      for text in concat([trimspace(policy.documentation.content)], local.links[name][*].url) : replace(replace(
        strcontains(text, local.dashboards) ? replace(text, local.dashboards, local.dashboard_url) : text,
        "${local.console}/run?", local.exporter_page),
      "project=exporter-project", "project=${local.job_project}")
    ]
  }

  # What is present, and what every place of a policy has. Nobody needs a policy on a log without a channel.
  placed = {
    for key, place in merge(local.on_metrics, local.on_project_logs, local.on_exporter_log) : key => merge(place, {
      policy       = local.originals[place.name]
      severity     = local.severity[place.name]
      enabled      = local.enabled[place.name]
      display_name = "${local.originals[place.name].displayName}${place.route == "" ? "" : " (${place.route})"}"
      labels = merge(
        try(local.originals[place.name].userLabels, {}),
        can(local.thresholds[place.name]) ? { threshold = local.thresholds[place.name].chosen } : {},
        place.route == "" ? {} : { route = place.route },
      )
      content = join("\n\n", compact(concat(
        [for url in local.runbooks[place.name][place.route] : "**Runbook.** [Open the runbook](${url})."],
        [local.texts[place.name][0], lookup(local.route_mentions[place.route], local.severity[place.name], null)],
      )))
      links = concat(
        [for url in local.runbooks[place.name][place.route] : { displayName = "Runbook", url = url }],
        [for index, link in local.links[place.name] : merge(link, { url = local.texts[place.name][index + 1] })],
      )
      # The API rejects one in a policy on a log, and without channels.
      renotify_intervals = place.query == null || length(place.channels) == 0 ? {} : var.renotify_intervals
    }) if contains(local.present, place.name) && (place.query != null || length(place.channels) > 0)
  }
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
      for_each = each.value.query == null ? [] : [local.promql[each.value.name]]
      content {
        query                     = each.value.query
        duration                  = local.durations[each.value.name]
        evaluation_interval       = condition_prometheus_query_language.value.evaluationInterval
        disable_metric_validation = try(condition_prometheus_query_language.value.disableMetricValidation, true)
      }
    }

    dynamic "condition_matched_log" {
      for_each = each.value.filter == null ? [] : [local.log_conditions[each.value.name]]
      content {
        filter           = each.value.filter
        label_extractors = try(condition_matched_log.value.labelExtractors, null)
      }
    }
  }

  documentation {
    mime_type = each.value.policy.documentation.mimeType
    subject   = each.value.policy.documentation.subject
    content   = each.value.content

    # The API allows three.
    dynamic "links" {
      for_each = slice(each.value.links, 0, min(3, length(each.value.links)))
      content {
        display_name = links.value.displayName
        url          = links.value.url
      }
    }
  }

  alert_strategy {
    auto_close           = each.value.policy.alertStrategy.autoClose
    notification_prompts = try(each.value.policy.alertStrategy.notificationPrompts, null)

    dynamic "notification_rate_limit" {
      for_each = try([each.value.policy.alertStrategy.notificationRateLimit], [])
      content {
        period = notification_rate_limit.value.period
      }
    }

    dynamic "notification_channel_strategy" {
      for_each = compact([lookup(each.value.renotify_intervals, each.value.severity, null)])
      content {
        notification_channel_names = each.value.channels
        renotify_interval          = notification_channel_strategy.value
      }
    }
  }

  lifecycle {
    precondition {
      condition     = !contains(keys(local.too_far_back), each.value.name)
      error_message = lookup(local.too_far_back, each.value.name, "It looks back too far.")
    }
  }

  # Descriptors and metrics scope first: without them, a policy sees nothing. The exporter too, so that it runs before
  # exporter-silent's retest window ends.
  depends_on = [
    google_cloud_scheduler_job.exporter,
    google_monitoring_custom_service.deployment,
    google_monitoring_metric_descriptor.exporter,
    google_monitoring_monitored_project.scoped,
    google_project_service.enabled,
  ]
}
