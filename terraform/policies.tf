# The alert policies, with the changes of policy_overrides, once for each route. A route gives the alerts of some
# projects or streams to their team; the route "" is for everything else, also in projects added later.

locals {
  unchanged = {
    duration = null, enabled = null, notification_channels = null, runbook_url = null, severity = null, threshold = null
  }
  # Never use try or can on a value that may be unknown at plan, such as a channel of the same configuration: before
  # Terraform 1.12, the whole result would be unknown.
  overrides = { for name in keys(local.policies) : name => lookup(var.policy_overrides, name, local.unchanged) }

  severity = { for name, file in local.policies : name => coalesce(local.overrides[name].severity, file.severity) }
  # These would alert for as long as the exporter is paused.
  off = var.paused ? ["exporter-absent", "exporter-outdated", "exporter-silent"] : []
  enabled = {
    for name, file in local.policies : name =>
    coalesce(local.overrides[name].enabled, try(file.enabled, true) && !contains(local.off, name))
  }
  threshold = {
    for name, override in local.overrides : name =>
    override.threshold == null ? lookup(local.thresholds, name, "") : tostring(override.threshold)
  }
  duration = {
    for name, override in local.overrides : name =>
    override.duration == null ? try(local.promql[name].duration, null) : override.duration
  }
  query = {
    for name in keys(local.policies) : name =>
    replace(local.queries[name], " (${lookup(local.thresholds, name, "")})", " (${local.threshold[name]})")
  }

  # These begin the selectors of streams, and of locations. Each is filled for a route, or left out.
  stream_text   = "namespace=~\".+\", stream_id=~\".+\", "
  location_text = "namespace=~\".+\", "
  # The route "" names what all others do, so that its series are the rest.
  routes = merge(var.routes, {
    "" = {
      projects              = flatten(values(var.routes)[*].projects)
      streams               = flatten(values(var.routes)[*].streams)
      notification_channels = local.channels
      runbook_url           = null
      slack_mentions        = var.slack_mentions
    }
  })
  # A route whose channels are null is quiet: it has no policy. Channels can be sensitive; that there are none is not.
  quiet_routes = [for route, given in var.routes : route if nonsensitive(given.notification_channels == null)]
  # As regular expressions: the projects and streams that each route names. A dot would match every character.
  projects = { for route, given in local.routes : route => replace(join("|", sort(given.projects)), ".", "[.]") }
  streams  = { for route, given in local.routes : route => replace(join("|", sort(given.streams)), "*", ".*") }
  # What the series of a route match: a stream that a route names alerts there, and nowhere else.
  project_filter = {
    for route, own in local.projects : route => own == "" ? "" : "namespace${route == "" ? "!~" : "=~"}\"${own}\", "
  }
  no_streams = local.streams[""] == "" ? "" : "stream_id!~\"${local.streams[""]}\", "
  stream_filter = {
    for route, own in local.streams : route => route != "" && own != "" ? "stream_id=~\"${own}\", " : local.no_streams
  }

  # Each policy once for each route that it is in, by its key in the state: ROUTE/POLICY, or POLICY. A route of projects
  # has those with either text, a route of streams those with the first.
  copies = merge([
    for route, given in local.routes : {
      for name, file in local.policies : route == "" ? name : "${route}/${name}" => {
        name  = name
        file  = file
        route = route
        query = replace(
          replace(local.query[name], local.stream_text, "${local.project_filter[route]}${local.stream_filter[route]}"),
          local.location_text, local.project_filter[route],
        )
        runbooks = compact([
          local.overrides[name].runbook_url == null ? given.runbook_url : local.overrides[name].runbook_url
        ])
        # It names labels that only incidents about streams have.
        closing = alltrue([
          contains(local.module_files, "${name}.yaml"), strcontains(local.query[name], local.stream_text),
        ]) ? local.closing : ""
        mention = lookup(given.slack_mentions, local.severity[name], "")
      }
      if route == "" || strcontains(
        local.query[name], length(given.streams) > 0 ? local.stream_text : local.location_text,
      )
    } if !contains(local.quiet_routes, route)
  ]...)
  # The channels of policy_overrides replace those of notification_channels, not those of a route.
  policy_channels = {
    for key, copy in local.copies : key => coalesce(
      copy.route == "" ? local.overrides[copy.name].notification_channels : null,
      local.routes[copy.route].notification_channels[local.severity[copy.name]],
    )
  }
}

resource "google_monitoring_alert_policy" "policy" {
  for_each     = { for key, copy in local.copies : key => copy if var.create_policies }
  project      = local.metrics_project
  display_name = "${each.value.file.displayName}${each.value.route == "" ? "" : " (${each.value.route})"}"
  severity     = local.severity[each.value.name]
  enabled      = local.enabled[each.value.name]
  combiner     = each.value.file.combiner
  user_labels = merge(
    var.labels,
    try(each.value.file.userLabels, {}),
    local.threshold[each.value.name] == "" ? {} : { threshold = local.threshold[each.value.name] },
    each.value.route == "" ? {} : { route = each.value.route },
  )

  notification_channels = local.policy_channels[each.key]

  conditions {
    display_name = local.conditions[each.value.name].displayName

    condition_prometheus_query_language {
      query                     = each.value.query
      duration                  = local.duration[each.value.name]
      evaluation_interval       = local.promql[each.value.name].evaluationInterval
      disable_metric_validation = try(local.promql[each.value.name].disableMetricValidation, true)
    }
  }

  documentation {
    mime_type = each.value.file.documentation.mimeType
    subject   = each.value.file.documentation.subject
    content = join("\n\n", compact(concat(
      [for url in each.value.runbooks : "**Runbook.** [Open the runbook](${url})."],
      [trimspace(each.value.file.documentation.content), each.value.closing, each.value.mention],
    )))

    # The API allows three.
    dynamic "links" {
      for_each = [
        for index, link in concat(
          [for url in each.value.runbooks : { displayName = "Runbook", url = url }],
          try(each.value.file.documentation.links, []),
        ) : link if index < 3
      ]
      content {
        display_name = links.value.displayName
        url          = links.value.url
      }
    }
  }

  alert_strategy {
    auto_close           = each.value.file.alertStrategy.autoClose
    notification_prompts = try(each.value.file.alertStrategy.notificationPrompts, null)

    # The API takes none without channels.
    dynamic "notification_channel_strategy" {
      for_each = compact([
        length(local.policy_channels[each.key]) == 0 ? null :
        lookup(var.renotify_intervals, local.severity[each.value.name], null)
      ])
      content {
        notification_channel_names = local.policy_channels[each.key]
        renotify_interval          = notification_channel_strategy.value
      }
    }
  }

  # Descriptors and metrics scope first: without them, a policy sees nothing. The exporter too, so that it runs before
  # exporter-silent's retest window ends.
  depends_on = [
    google_cloud_scheduler_job.exporter, google_monitoring_metric_descriptor.exporter,
    google_monitoring_monitored_project.scoped,
  ]
}
