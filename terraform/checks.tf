# Warnings at plan: valid settings that are probably not intended.

locals {
  silent_policies = { for key, policy in local.placed : key => policy.severity if policy.enabled && length(policy.channels) == 0 }

  # Policies on a log that have no channel in the log's project.
  missing = [for key, place in merge(local.on_project_logs, local.on_exporter_log) : key if local.enabled[place.name] && place.project != local.metrics_project && length(place.channels) == 0]

  # Policies without which nobody hears of something: a dead exporter, or streams that fail together
  unheard = [for name, enabled in local.enabled : name if !enabled && (name == "exporter-silent" || startswith(name, "streams-"))]

  # Overrides that set only what the file has
  idle_overrides = [for name, change in var.policy_overrides : name
    if change.notification_channels == null && change.runbook_url == null && alltrue([
      for value, file in { enabled = try(local.decoded[name].enabled, true), severity = local.decoded[name].severity, threshold = try(tonumber(local.thresholds[name].original), null), duration = try(local.promql[name].duration, null) } :
      change[value] == null || change[value] == file
  ])]

  # `datastream-exporter init` writes the same words into main.tf.
  channel_advice = join(" ", [
    "To add a channel, open https://console.cloud.google.com/monitoring/alerting/notifications?project=${local.metrics_project} (for Slack, it installs Google's app in your workspace),",
    "and write the channel's name into notification_channels. Or let this module create a Slack channel, with slack_channel.",
  ])
}

check "somebody_is_notified" {
  assert {
    condition     = length(local.silent_policies) == 0 || !var.create_policies
    error_message = "No notification channel for ${join(" and ", [for severity in local.severities : severity if contains(values(local.silent_policies), severity)])}: these alerts open incidents but notify nobody: ${join(", ", keys(local.silent_policies))}. ${local.channel_advice}"
  }
}

check "everything_alerts" {
  assert {
    condition     = !var.create_policies || var.paused || (length(local.unheard) == 0 && anytrue([for name, enabled in local.enabled : enabled if local.severity[name] == "CRITICAL" && !startswith(name, "exporter-")]))
    error_message = "policy_overrides disables ${join(" and ", coalescelist(local.unheard, ["every CRITICAL policy on streams"]))}: no other policy alerts for a dead exporter, or for streams that fail or are paused together. For one page per stream, raise streams of grouping in config.yaml instead."
  }
}

check "not_paused" {
  assert {
    condition     = !var.paused
    error_message = "The exporter is paused: nobody watches the streams, and exporter-silent is disabled. Set paused = false to resume."
  }
}

check "inputs_are_as_intended" {
  assert {
    condition     = !var.create_policies || length(local.missing) == 0
    error_message = "A policy on a log needs channels in the log's own project. No route has any, so these aren't created: ${join(", ", local.missing)}. Watch the project, and give it log_notification_channels in a route. For a policy on the exporter's log, which is in ${local.job_project}, you can also leave project_id out."
  }
  assert {
    condition     = var.image == null || !local.is_function
    error_message = "image is ignored: Google builds the image of mode = \"function\". Leave it out, or set mode to job or worker_pool."
  }
  assert {
    condition     = length(local.idle_overrides) == 0
    error_message = "policy_overrides changes nothing of ${join(", ", local.idle_overrides)}: what it sets is in the file already. Terraform drops an attribute that it doesn't know. Allowed: duration, enabled, notification_channels, runbook_url, severity, threshold."
  }
  assert {
    condition     = length(setsubtract(local.listed, local.known_locations)) == 0
    error_message = "config.yaml lists locations that this version doesn't know: ${join(", ", setsubtract(local.listed, local.known_locations))}. If one is misspelled, nobody watches its streams. `datastream-exporter check` says which."
  }
  assert {
    condition     = contains(local.known_locations, var.region)
    error_message = "region: this version doesn't know ${var.region}: new, or misspelled, and the apply then fails."
  }
  assert {
    condition     = length(local.passwords) == 0
    error_message = "The address in ${join(" and ", local.passwords)} has a password: it would be in the state."
  }
  assert {
    condition     = !var.create_policies || var.manage_metrics_scope || length(setsubtract(local.watched_projects, [local.metrics_project])) == 0
    error_message = "manage_metrics_scope is false: unless somebody else has added ${join(", ", setsubtract(local.watched_projects, [local.metrics_project]))} to the metrics scope of ${local.metrics_project}, stream-lagging, stream-stalled and stream-unsupported-events see nothing there."
  }
  assert {
    condition     = local.calls_per_minute <= 1200
    error_message = "Runs may call Datastream's API ${local.calls_per_minute} times a minute, plus the locations with streams in each run; its quota is 1,200 for each caller. List the locations that have streams in config.yaml, or run less often."
  }
}
