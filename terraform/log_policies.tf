# A policy on a log sees the log of the project that it lives in and of no other, whatever the
# metrics scope: it is made in each watched project that has channels.

locals {
  log_conditions = {
    for name, policy in local.originals : name => policy.conditions[0].conditionMatchedLog
    if can(policy.conditions[0].conditionMatchedLog)
  }

  # A channel serves its own project alone: a project names its own. The metrics project's are there
  # already, by severity.
  log_channels = { for project, channels in var.log_notification_channels : project => channels if length(channels) > 0 }

  log_policies = merge([
    for project in local.watched_projects : {
      for name, condition in local.log_conditions : "${project}/${name}" => {
        project   = project
        name      = name
        condition = condition
      } if can(local.log_channels[project]) || (project == local.metrics_project && local.has_channels[name])
    }
  ]...)
}

resource "google_monitoring_alert_policy" "log" {
  for_each = local.log_policies

  project      = each.value.project
  display_name = local.originals[each.value.name].displayName
  severity     = local.policies[each.value.name].severity
  enabled      = local.policies[each.value.name].enabled
  combiner     = local.originals[each.value.name].combiner
  user_labels  = merge(var.labels, local.policies[each.value.name].labels)

  notification_channels = (
    can(local.log_channels[each.value.project])
    ? [for channel in local.log_channels[each.value.project] : local.channel_names["${each.value.project}/${channel}"]]
    : local.policy_channels[each.value.name]
  )

  conditions {
    display_name = local.originals[each.value.name].conditions[0].displayName

    condition_matched_log {
      filter           = each.value.condition.filter
      label_extractors = try(each.value.condition.labelExtractors, null)
    }
  }

  documentation {
    mime_type = local.originals[each.value.name].documentation.mimeType
    subject   = local.originals[each.value.name].documentation.subject
    content   = local.contents[each.value.name]

    dynamic "links" {
      for_each = try(local.originals[each.value.name].documentation.links, [])

      content {
        display_name = links.value.displayName
        url          = links.value.url
      }
    }
  }

  alert_strategy {
    auto_close = coalesce(var.auto_close, local.originals[each.value.name].alertStrategy.autoClose)

    notification_rate_limit {
      period = local.originals[each.value.name].alertStrategy.notificationRateLimit.period
    }
  }

  depends_on = [google_project_service.enabled]
}
