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

  # Channels for policies on a project's log, by project.
  log_channels = merge([
    for given in values(var.routes) : {
      for project, channels in given.log_notification_channels : project => channels if length(coalesce(channels, [])) > 0
    }
  ]...)

  on_project_logs = merge([
    for project, route in local.project_routes : {
      for name, condition in local.log_conditions : "${project}/${name}" => {
        name     = name
        project  = project
        route    = route
        query    = null
        filter   = condition.filter
        channels = lookup(local.log_channels, project, project == local.metrics_project ? local.policy_channels[name][route] : [])
      } if !contains(local.exporter_log_policies, name)
    }
  ]...)

  # In another project than the metrics project, there are no channels by severity, and so no routes.
  exporter_log_patterns = local.job_project == local.metrics_project ? local.route_patterns : { "" = "" }

  on_exporter_log = merge([
    for name in local.exporter_log_policies : {
      for route, pattern in local.exporter_log_patterns : route == "" ? name : "${route}/${name}" => {
        name    = name
        project = local.job_project
        route   = route
        query   = null
        filter = join("\n", concat(
          pattern == "" ? [] : ["${route == "" ? "NOT " : ""}jsonPayload.project=~\"^(${pattern})$\""],
          [replace(pattern == "" ? local.log_conditions[name].filter : "(${trimspace(local.log_conditions[name].filter)})", "\"datastream-exporter\"", "\"${var.name}\"")],
        ))
        channels = local.job_project == local.metrics_project ? local.policy_channels[name][route] : lookup(local.log_channels, local.job_project, [])
      }
    }
  ]...)
}
