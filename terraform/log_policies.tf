# A policy on a log sees only its own project's log, regardless of the metrics scope. So each watched
# project with a channel gets its own. A channel works only in its own project; the metrics project already
# has channels by severity.
#
# A policy on the exporter's own log, whose filter names the job "datastream-exporter", is in the exporter's
# project instead. The exporter's entries name the project of each stream, so it covers all watched projects
# and can have routes.

locals {
  log_conditions = {
    for name, policy in local.originals : name => policy.conditions[0].conditionMatchedLog
    if can(policy.conditions[0].conditionMatchedLog)
  }
  exporter_log_policies = [
    for name, condition in local.log_conditions : name if strcontains(condition.filter, "\"datastream-exporter\"")
  ]

  # The route whose channels by severity a policy on the metrics project's log uses.
  metrics_project_route = try([for route, given in local.own_routes : route if contains(given.projects, local.metrics_project)][0], "")

  placed_beside_logs = merge([
    for project in local.watched_projects : {
      for name, condition in local.log_conditions : "${project}/${name}" => merge(local.policies[name], {
        project      = project
        runbook      = local.runbooks[name][local.project_routes[project]]
        display_name = local.originals[name].displayName
        content      = join("\n\n", compact([local.texts[name][0], lookup(local.route_mentions[local.project_routes[project]], local.severity[name], null)]))
        has_channels = true
        channels = (
          can(local.log_channels[project])
          ? local.log_channels[project]
          : local.policy_channels[name][local.metrics_project_route]
        )
        log               = [condition]
        promql            = []
        renotify_interval = null
        }) if !contains(local.exporter_log_policies, name) && (
        can(local.log_channels[project]) || (project == local.metrics_project && local.has_channels[name][local.metrics_project_route])
      )
    }
  ]...)

  # In another project than the metrics project, there are no channels by severity, and so no routes.
  exporter_log_patterns = local.job_project == local.metrics_project ? local.route_patterns : { "" = "" }

  placed_on_exporter_log = merge([
    for name in local.exporter_log_policies : {
      for route, pattern in local.exporter_log_patterns : route == "" ? name : "${route}/${name}" => merge(local.policies[name], {
        project      = local.job_project
        runbook      = local.runbooks[name][route]
        display_name = route == "" ? local.originals[name].displayName : "${local.originals[name].displayName} (${route})"
        content      = join("\n\n", compact([local.texts[name][0], lookup(local.route_mentions[route], local.severity[name], null)]))
        labels       = merge(local.policies[name].labels, { for key, value in { route = route } : key => value if value != "" })
        has_channels = true
        channels = (
          local.job_project == local.metrics_project
          ? local.policy_channels[name][route]
          : local.log_channels[local.job_project]
        )
        log = [merge(local.log_conditions[name], {
          filter = join("\n", concat(
            pattern == "" ? [] : ["${route == "" ? "NOT " : ""}jsonPayload.project=~\"^(${pattern})$\""],
            [replace(pattern == "" ? local.log_conditions[name].filter : "(${trimspace(local.log_conditions[name].filter)})", "\"datastream-exporter\"", "\"${var.name}\"")],
          ))
        })]
        promql            = []
        renotify_interval = null
      }) if local.job_project == local.metrics_project ? local.has_channels[name][route] : can(local.log_channels[local.job_project])
    }
  ]...)
}
