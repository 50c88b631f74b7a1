# A plan warns of what is valid, but probably not intended. A failed check also fails a user's own `terraform test`.

locals {
  # Enabled policies that are CRITICAL in their file, and have no channel, whatever lowered their severity. A list of
  # another severity may be empty on purpose. Channels can be sensitive; whether a list is empty is no secret.
  critical_unnotified = nonsensitive([
    for key, copy in local.copies : key if var.create_policies && local.enabled[copy.name] &&
    copy.file.severity == "CRITICAL" && length(local.policy_channels[key]) == 0
  ])
  # Ids and globs of another route that a route's streams match too. A quiet route may have such exceptions.
  in_two_routes = flatten([
    for route, given in local.routes : [
      for name in setsubtract(local.routes[""].streams, given.streams) : "${name} (in ${route})"
      if can(regex("^(${local.streams[route]})$", name))
    ] if !contains(local.quiet_routes, route)
  ])
  # Policies that are off, though no other one alerts for what they do.
  critical_and_off = [
    for name, file in local.policies : name if coalesce(local.overrides[name].enabled, true) == false &&
    (file.severity == "CRITICAL" || startswith(name, "streams-") || name == "location-unreadable")
  ]
  unknown_locations = setsubtract(
    flatten([for source in local.config.sources : source.locations == null ? [] : source.locations]),
    yamldecode(file("${local.shared}/exporter/config/locations.yaml")).locations,
  )
}

check "somebody_is_notified" {
  assert {
    condition     = length(local.critical_unnotified) == 0
    error_message = <<-EOT
      These policies say CRITICAL in their files, but notify nobody: ${join(", ", local.critical_unnotified)}.
      Create a channel on this page. For Slack, the page installs Google's app in your workspace.
      ${local.console}/monitoring/alerting/notifications?project=${local.metrics_project}
      Then write the channel's name into notification_channels. Or set slack_channel, to let Terraform create it.
    EOT
  }
}

check "streams_are_in_one_route" {
  assert {
    condition     = length(local.in_two_routes) == 0
    error_message = "Another route's streams match these too, so they alert there: ${join(", ", local.in_two_routes)}."
  }
}

check "exporter_runs" {
  assert {
    condition     = !var.paused
    error_message = "The exporter is paused. Nobody watches the streams, and policies about its runs and age are off."
  }
}

check "critical_policies_are_on" {
  assert {
    condition     = length(local.critical_and_off) == 0
    error_message = "These policies are off, and no other one replaces them: ${join(", ", local.critical_and_off)}."
  }
}

check "locations_exist" {
  assert {
    condition     = length(local.unknown_locations) == 0
    error_message = "config.yaml: ${join(", ", local.unknown_locations)} is new, or misspelled and not watched."
  }
}
