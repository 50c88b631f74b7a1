# A policy on a log sees only its own project's log, regardless of the metrics scope. So each watched
# project with a channel gets its own. A channel works only in its own project; the metrics project already
# has channels by severity.

locals {
  log_conditions = {
    for name, policy in local.originals : name => policy.conditions[0].conditionMatchedLog
    if can(policy.conditions[0].conditionMatchedLog)
  }

  # The route whose channels by severity a policy on the metrics project's log uses.
  metrics_project_route = try([for route, given in local.own_routes : route if contains(given.projects, local.metrics_project)][0], "")

  placed_beside_logs = merge([
    for project in local.watched_projects : {
      for name, condition in local.log_conditions : "${project}/${name}" => merge(local.policies[name], {
        project      = project
        display_name = local.originals[name].displayName
        content      = join("\n\n", compact([local.texts[name], lookup(local.route_mentions[local.project_routes[project]], local.severity[name], null)]))
        has_channels = true
        channels = (
          can(local.log_channels[project])
          ? [for channel in local.log_channels[project] : local.channel_names["${project}/${channel}"]]
          : local.policy_channels[name][local.metrics_project_route]
        )
        log               = [condition]
        promql            = []
        renotify_interval = null
      }) if can(local.log_channels[project]) || (project == local.metrics_project && local.has_channels[name][local.metrics_project_route])
    }
  ]...)
}
