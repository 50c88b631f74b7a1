# A route gives the alerts of some watched projects to their team. Each policy on streams exists once for
# each route, with the route's projects in its selectors, and once for everything else: the default route,
# whose key is "". So every stream alerts in exactly one of them, also in projects added later.

locals {
  # Routes with policies of their own. Others only have channels for policies on their projects' logs.
  own_routes = { for route, given in var.routes : route => given if given.notification_channels != null }

  # Each route's projects as a regular expression. A dot in a project's id must not match every character.
  # The default route's has what it doesn't get.
  route_patterns = {
    for route, projects in merge({ "" = flatten(values(local.own_routes)[*].projects) }, { for route, given in local.own_routes : route => given.projects }) :
    route => replace(join("|", sort(projects)), ".", "[.]")
  }

  # A query can be narrowed if each of its selectors of streams, locations and private connections has
  # braces. Others, and those of exporter-*, are for the default route only.
  stream_selector = "custom_googleapis_com:datastream_(?:stream|location|private_connection)_[a-z_]+"
  narrowable = {
    for name, condition in local.promql : name => !startswith(name, "exporter-") &&
    length(regexall("${local.stream_selector}\\{", condition.query)) > 0 &&
    length(regexall("${local.stream_selector}\\{", condition.query)) == length(regexall("${local.stream_selector}", condition.query))
  }

  # A policy on metrics is in the metrics project, once for each route. One that is off is left out: it may cost.
  on_metrics = merge([
    for name, query in local.queries : {
      for route, pattern in local.route_patterns : route == "" ? name : "${route}/${name}" => {
        name    = name
        project = local.metrics_project
        route   = route
        query = (
          pattern == "" || !local.narrowable[name] ? query :
          replace(query, "/(${local.stream_selector}\\{)/", "$${1}namespace${route == "" ? "!~" : "=~"}\"${pattern}\", ")
        )
        filter   = null
        channels = local.policy_channels[name][route]
      } if anytrue([local.enabled[name], try(local.originals[name].enabled, true)]) && (route == "" || local.narrowable[name])
    }
  ]...)

  # Channels by route and severity. A severity without a list uses that of the next higher one. A route
  # without channels of its own has those of the default route, with the Slack channel created here.
  route_channels = {
    for route, given in merge({ "" = var.notification_channels }, { for route, given in var.routes : route => coalesce(given.notification_channels, var.notification_channels) }) :
    route => {
      for severity, channels in {
        CRITICAL = coalesce(lookup(given, "CRITICAL", null), [])
        ERROR    = coalesce(lookup(given, "ERROR", null), lookup(given, "CRITICAL", null), [])
        WARNING  = coalesce(lookup(given, "WARNING", null), lookup(given, "ERROR", null), lookup(given, "CRITICAL", null), [])
      } :
      severity => concat(channels, [
        for slack in var.slack_channel[*] : google_monitoring_notification_channel.slack[0].name
        if !contains(keys(local.own_routes), route) && contains(slack.severities, severity)
      ])
    }
  }

  # By policy and route. The channels in policy_overrides are for the default route.
  policy_channels = {
    for name, severity in local.severity : name => {
      for route, channels in local.route_channels : route => (
        contains(keys(local.own_routes), route) ? channels[severity] : coalesce(local.changes[name].notification_channels, channels[severity])
      )
    }
  }

  route_mentions = merge({ "" = var.slack_mentions }, { for route, given in var.routes : route => given.slack_mentions })

  # The runbook of each policy by route, if there is one: its own, else the route's.
  runbooks = {
    for name, change in local.changes : name => {
      for route, url in merge({ "" = null }, { for route, given in var.routes : route => given.runbook_url }) :
      route => [for each in [change.runbook_url == null ? url : change.runbook_url] : each if each != null]
    }
  }

  # The route of each project, for the policies on its log.
  project_routes = {
    for project in local.watched_projects : project => element(concat([for route, given in var.routes : route if contains(given.projects, project)], [""]), 0)
  }
}
