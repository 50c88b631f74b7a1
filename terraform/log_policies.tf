# A policy on a log sees only its own project's log, regardless of the metrics scope. So each watched
# project with a channel gets its own.

locals {
  log_conditions = {
    for name, policy in local.originals : name => policy.conditions[0].conditionMatchedLog
    if can(policy.conditions[0].conditionMatchedLog)
  }

  # A channel works only in its own project. The metrics project already has channels by severity.
  log_channels = { for project, channels in var.log_notification_channels : project => channels if length(channels) > 0 }

  placed_beside_logs = merge([
    for project in local.watched_projects : {
      for name, condition in local.log_conditions : "${project}/${name}" => merge(local.policies[name], {
        project = project
        channels = (
          can(local.log_channels[project])
          ? [for channel in local.log_channels[project] : local.channel_names["${project}/${channel}"]]
          : local.policy_channels[name]
        )
        log               = [condition]
        promql            = []
        renotify_interval = null
      }) if can(local.log_channels[project]) || (project == local.metrics_project && local.has_channels[name])
    }
  ]...)
}
