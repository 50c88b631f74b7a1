# A route gives the alerts of some watched projects to their team. Each policy on streams exists once for each route,
# with the route's projects in its selectors, and once for everything else: the default route, whose key is "". So every
# stream alerts in exactly one of them, also in projects added later.

locals {
  # The projects of routes with policies of their own. Others only have channels for policies on their projects' logs.
  own_routes = { for route, given in local.routes : route => given.projects if given.notification_channels != null }

  # Each route's projects as a regular expression. A dot in a project's id must not match every character. The default
  # route's has what it doesn't get.
  route_patterns = {
    for route, projects in merge({ "" = flatten(values(local.own_routes)) }, local.own_routes) :
    route => replace(join("|", sort(projects)), ".", "[.]")
  }

  # A query can be narrowed if each of its selectors of streams and locations has braces. Others, and those
  # of exporter-*, are for the default route only.
  stream_selector  = "custom_googleapis_com:datastream_(?:stream|location)_[a-z_]+"
  stream_selectors = { for name, query in local.queries : name => regexall("${local.stream_selector}\\{?", query) }
  narrowable = [
    for name, found in local.stream_selectors : name
    if !startswith(name, "exporter-") && length(found) > 0 && alltrue([for each in found : endswith(each, "{")])
  ]

  # A policy on metrics is in the metrics project, once for each route.
  on_metrics = merge([
    for name, query in local.queries : {
      for route, pattern in local.route_patterns : route == "" ? name : "${route}/${name}" => {
        name    = name
        project = local.metrics_project
        route   = route
        query = pattern == "" || !contains(local.narrowable, name) ? query : replace(
          query, "/(${local.stream_selector}\\{)/", "$${1}namespace${route == "" ? "!~" : "=~"}\"${pattern}\", ",
        )
        filter   = null
        channels = local.policy_channels[name][route]
      } if route == "" || contains(local.narrowable, name)
    }
  ]...)

  slack_severities = flatten(local.slack_channel[*].severities)

  # Channels by route and severity. A severity without a list uses that of the next higher one. A route without channels
  # of its own has those of the default route, with the Slack channel created here.
  route_channels = {
    for route, own in merge({ "" = null }, { for route, each in local.routes : route => each.notification_channels }) :
    route => {
      for index, severity in local.severities : severity => concat(
        coalesce(concat([
          for higher in reverse(slice(local.severities, 0, index + 1)) :
          lookup(own == null ? var.notification_channels : own, higher, null)
        ], [[]])...),
        own == null && contains(local.slack_severities, severity) ?
        google_monitoring_notification_channel.slack[*].name : [],
      )
    }
  }

  # By policy and route. The channels in policy_overrides are for the default route.
  policy_channels = {
    for name, severity in local.severity : name => {
      for route, channels in local.route_channels : route => coalesce(
        contains(keys(local.own_routes), route) ? null : local.changes[name].notification_channels, channels[severity],
      )
    }
  }

  route_mentions = merge({ "" = var.slack_mentions }, { for key, each in local.routes : key => each.slack_mentions })

  # The runbook of each policy by route, if there is one: its own, else the route's.
  route_runbooks = merge({ "" = null }, { for route, given in local.routes : route => given.runbook_url })
  runbooks = {
    for name, change in local.changes : name => {
      for route, url in local.route_runbooks :
      route => compact([change.runbook_url == null ? url : change.runbook_url])
    }
  }

  # The route of each project, for the policies on its log.
  project_routes = {
    for project in local.watched_projects :
    project => concat([for route, given in local.routes : route if contains(given.projects, project)], [""])[0]
  }
}
