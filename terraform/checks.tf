# A plan warns of what is valid, but probably not intended.

locals {
  # Policies that open incidents and notify nobody. Channels can be sensitive; whether a list is empty is no secret.
  unheard = nonsensitive([
    for key, copy in local.copies : key
    if var.create_policies && local.enabled[copy.name] && length(local.policy_channels[key]) == 0
  ])
  unheard_severities = distinct([for key in local.unheard : local.severity[local.copies[key].name]])

  critical_and_off = [
    for name, file in local.policies : name if coalesce(local.overrides[name].enabled, true) == false &&
    (file.severity == "CRITICAL" || startswith(name, "streams-"))
  ]
  unscoped_projects = var.manage_metrics_scope || !var.create_policies ? [] : local.scoped_projects
  unknown_locations = setsubtract(
    flatten([for source in local.config.sources : source.locations == null ? [] : source.locations]),
    yamldecode(file("${local.shared}/exporter/config/locations.yaml")).locations,
  )
}

check "this_is_intended" {
  assert {
    condition = length(local.unheard) == 0
    # `datastream-exporter init` writes the same words into main.tf.
    error_message = <<-EOT
      Nobody is told of ${join(" and ", sort(local.unheard_severities))}: ${join(", ", local.unheard)}.
      To add a channel, open ${local.console}/monitoring/alerting/notifications?project=${local.metrics_project}
      (for Slack, it installs Google's app in your workspace), and write the channel's name into
      notification_channels. Or let this module create a Slack channel, with slack_channel.
    EOT
  }
  assert {
    condition     = !var.paused
    error_message = "The exporter is paused: nobody watches the streams; exporter-silent and exporter-outdated are off."
  }
  assert {
    condition     = length(local.critical_and_off) == 0
    error_message = "No other policy alerts for what these do: ${join(", ", local.critical_and_off)}. They are off."
  }
  assert {
    condition     = length(local.unscoped_projects) == 0
    error_message = <<-EOT
      manage_metrics_scope is false: unless somebody else has added ${join(", ", local.unscoped_projects)} to the
      scope of ${local.metrics_project}, stream-lagging and all that reads Datastream's own metrics see nothing there.
    EOT
  }
  assert {
    condition     = length(local.unknown_locations) == 0
    error_message = "config.yaml: ${join(", ", local.unknown_locations)} is new, or misspelled and not watched."
  }
  assert {
    condition     = local.is_function || !var.log_triggers
    error_message = "log_triggers = true has no effect: Datastream's logs call a function, and mode is \"job\"."
  }
}
