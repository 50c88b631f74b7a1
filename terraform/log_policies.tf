# A policy on a log sees only its own project's log, regardless of the metrics scope. So each watched project with a
# channel gets its own. A channel works only in its own project; the metrics project already has channels by severity.
#
# A policy on the exporter's own log, whose filter names the job "datastream-exporter", is in the exporter's project
# instead. The exporter's entries name each stream's project, so it covers all watched projects and can have routes.

locals {
  log_conditions = {
    for name, policy in local.originals : name => policy.conditions[0].conditionMatchedLog
    if can(policy.conditions[0].conditionMatchedLog)
  }

  # The filters that name the exporter, with its name
  exporter_log_filters = {
    for name, condition in local.log_conditions : name =>
    replace(condition.filter, "\"datastream-exporter\"", "\"${var.name}\"")
    if strcontains(condition.filter, "\"datastream-exporter\"")
  }

  # Channels for policies on a project's log, by project.
  log_channels = merge([
    for route in values(local.routes) :
    { for project, given in route.log_notification_channels : project => given if length(coalesce(given, [])) > 0 }
  ]...)

  on_project_logs = merge([
    for project, route in local.project_routes : {
      for name, condition in local.log_conditions : "${project}/${name}" => {
        name    = name
        project = project
        route   = route
        query   = null
        filter  = condition.filter
        channels = lookup(
          local.log_channels, project, project == local.metrics_project ? local.policy_channels[name][route] : [],
        )
      } if !contains(keys(local.exporter_log_filters), name)
    }
  ]...)

  # In another project than the metrics project, there are no channels by severity, and so no routes.
  exporter_log_patterns = local.job_project == local.metrics_project ? local.route_patterns : { "" = "" }

  on_exporter_log = merge([
    for name, filter in local.exporter_log_filters : {
      for route, pattern in local.exporter_log_patterns : route == "" ? name : "${route}/${name}" => {
        name    = name
        project = local.job_project
        route   = route
        query   = null
        filter = join("\n", concat(
          pattern == "" ? [] : ["${route == "" ? "NOT " : ""}jsonPayload.project=~\"^(${pattern})$\""],
          [pattern == "" ? filter : "(${trimspace(filter)})"],
        ))
        channels = (
          local.job_project == local.metrics_project ? local.policy_channels[name][route] :
          lookup(local.log_channels, local.job_project, [])
        )
      }
    }
  ]...)
}
